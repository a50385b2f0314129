//! A folder of plugins for one test.
use consort_plugins::found::{Folder, Found, Kind, Origin, Scan, scan};
use std::path::PathBuf;

pub(crate) const DROP_IN: &str = "from llm_utils import LLMClient\n\n\nclass A(LLMClient):\n    pass\n";

/// A temporary folder.
pub(crate) struct Place(pub(crate) tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::new();
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[cfg(unix)]
    pub(crate) fn program(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.write(name, bytes);
        self.mode(name, 0o755);
    }

    #[cfg(unix)]
    pub(crate) fn mode(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn folder(&self, name: &str) -> Folder {
        Folder { path: self.path(name), origin: Origin::Data, trusted: true }
    }

    pub(crate) fn scan(&self) -> Scan {
        scan(&[self.folder("")], "salt")
    }

    pub(crate) fn row(&self, id: &str) -> Found {
        let rows: Vec<Found> = self.scan().found.into_iter().filter(|found| found.id == id).collect();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.into_iter().next().unwrap()
    }

    /// Every row in one line: the id, its kind, and what is wrong.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.scan().found.iter().map(|found| self.told(found)).collect()
    }

    pub(crate) fn told(&self, found: &Found) -> String {
        let kind = match &found.kind {
            Kind::Process { run } => format!("run {}", run.join(" ")),
            Kind::Python { dialect } => dialect.word().to_owned(),
            Kind::Package { name } => format!("package {name}"),
            Kind::Unknown => "unknown".to_owned(),
        };
        let problem = found.problem.as_ref().map(|problem| {
            assert!(problem.help.is_some(), "{problem}");
            format!(" ! {problem}")
        });
        let text = format!("{}: {kind}{}", found.id, problem.unwrap_or_default());
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}
