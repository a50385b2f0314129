//! The one home of these tests: environments are made in it once, and stay.
use crate::support::Run;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};

/// One at a time: packages share a download cache, and the second of two would wait for the first anyway.
static INSTALLING: Mutex<()> = Mutex::new(());

/// One test of a package at a time: they change what it is granted.
static TURNS: Mutex<BTreeMap<String, &'static Mutex<()>>> = Mutex::new(BTreeMap::new());

fn lock<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The program in its home.
pub(crate) struct Home {
    _turn: MutexGuard<'static, ()>,
}

#[allow(clippy::unused_self, reason = "whoever runs something holds its turn")]
impl Home {
    /// The home with this package in it; nothing, and a word, where this machine has no Python.
    pub(crate) fn with(package: &str) -> Option<Self> {
        Self::has_python()?;
        let home = Self::of(package);
        let _installing = lock(&INSTALLING);
        if !Self::path(&format!("data/plugins/{package}.toml")).exists() {
            let run = home.install(&["plugins", "install", package]);
            assert_eq!(run.code, 0, "{run}");
            assert!(run.stderr.contains(&format!("{package} is ")), "{run}");
        }
        Some(home)
    }

    /// The home with a plugin file in it. All such files share one environment, which has `llm` and nothing else.
    pub(crate) fn with_file(id: &str, text: &str) -> Option<Self> {
        Self::has_python()?;
        let home = Self::of(id);
        let _installing = lock(&INSTALLING);
        let plugins = Self::path("data/plugins");
        std::fs::create_dir_all(&plugins).unwrap();
        if !Self::path("data/plugin-state/venvs/shared/installed.txt").exists() {
            let run = home.run(&["plugins", "new", "llm", "shared"]);
            assert!(run.code == 0 || run.stderr.contains("there already"), "{run}");
            let lacks = home.run(&["-m", "shared", "x"]);
            assert!(
                lacks.code == 3 && lacks.stderr.contains("consort plugins install-deps shared"),
                "{lacks}"
            );
            let run = home.install(&["plugins", "install-deps", "shared"]);
            assert!(run.code == 0 && run.stderr.contains("shared is ready: shared"), "{run}");
        }
        let own = Self::path(&format!("data/plugin-state/venvs/{id}"));
        if id != "shared" && own.symlink_metadata().is_err() {
            std::os::unix::fs::symlink("shared", own).unwrap();
        }
        std::fs::write(plugins.join(format!("{id}.py")), text).unwrap();
        Some(home)
    }

    /// The home alone, for a test that installs this plugin itself.
    pub(crate) fn for_installing(plugin: &str) -> Option<Self> {
        Self::has_python()?;
        Some(Self::of(plugin))
    }

    fn of(plugin: &str) -> Self {
        let turn = *lock(&TURNS).entry(plugin.to_owned()).or_insert_with(|| Box::leak(Box::default()));
        Self { _turn: lock(turn) }
    }

    fn has_python() -> Option<()> {
        let code = "import sys; sys.exit(sys.version_info < (3, 10))";
        let found =
            Command::new("python3").args(["-I", "-c", code]).status().is_ok_and(|status| status.success());
        if !found {
            eprintln!("skipped: no python3 of version 3.10 or newer");
        }
        found.then_some(())
    }

    pub(crate) fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/packages"))
    }

    pub(crate) fn path(name: &str) -> PathBuf {
        Self::root().join("home").join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let work = Self::root().join("work");
        std::fs::create_dir_all(&work).unwrap();
        // So no test knocks at what runs on this machine.
        let looked = Self::path("data/models/looked");
        std::fs::create_dir_all(looked.parent().unwrap()).unwrap();
        std::fs::write(looked, "").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_consort"));
        command.args(args).env_clear().current_dir(work);
        command.env("HOME", Self::root()).env("CONSORT_HOME", Self::path(""));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A command that fetches packages: it sees what package tools go by.
    pub(crate) fn install(&self, args: &[&str]) -> Run {
        let mut command = self.command(args);
        let wanted = |name: &str| {
            ["PIP_", "UV_", "SSL_CERT_", "REQUESTS_"].iter().any(|start| name.starts_with(start))
                || name.to_ascii_lowercase().ends_with("_proxy")
        };
        command.envs(std::env::vars().filter(|(name, _)| wanted(name)));
        Run::of(command.output().unwrap(), Self::root())
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.run_with(&[], args)
    }

    pub(crate) fn run_with(&self, env: &[(&str, &str)], args: &[&str]) -> Run {
        Run::of(self.command(args).envs(env.iter().copied()).output().unwrap(), Self::root())
    }

    /// Stores a key.
    pub(crate) fn key(&self, name: &str, value: &str) {
        let mut child = self.command(&["keys", "set", name]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
        let run = Run::of(child.wait_with_output().unwrap(), Self::root());
        assert!(run.code == 0 && !run.stderr.contains("warning"), "{run}");
    }

    /// The row of one plugin.
    pub(crate) fn row(&self, id: &str) -> serde_json::Value {
        let rows = self.run(&["plugins", "--json"]).json();
        let found = rows.as_array().unwrap().iter().find(|row| row["id"] == id);
        found.unwrap_or_else(|| panic!("no row of {id}")).clone()
    }

    /// A small picture.
    pub(crate) fn picture() -> String {
        let file = Self::root().join("work/cat.png");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02\0\0\0")
            .unwrap();
        file.display().to_string()
    }
}
