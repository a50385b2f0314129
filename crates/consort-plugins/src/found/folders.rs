//! Which folders plugins are looked for in, and in which order.
use super::state::Allowed;
use consort_settings::{Env, Folders, Problem, Settings};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A folder that plugins are dropped in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub path: PathBuf,
    pub origin: Origin,
    /// Whether the user put it there, or said to trust it. Plugins of other folders are listed and never run.
    pub trusted: bool,
}

/// Who named a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// `--plugins`.
    Flag,
    /// `CONSORT_PLUGINS`.
    Variable,
    /// `plugin_dirs` in the user's settings.
    Setting,
    /// The usual one.
    Data,
    /// `./llm_plugins`: it comes with whatever folder the user is in.
    Project,
}

/// The folder of plugins that a project brings.
pub const PROJECT_DIR: &str = "llm_plugins";

/// The folders in the order in which a plugin of the same name wins, which is that of the settings: a flag, the
/// environment, the user's settings, the usual folder. A project's folder comes last: what nobody asked for
/// replaces nothing.
pub fn folders(
    places: &Folders,
    env: &Env,
    settings: &Settings,
    flags: &[PathBuf],
    project: &Path,
    allowed: &Allowed,
) -> (Vec<Folder>, Vec<Problem>) {
    let flags = flags.iter().map(|path| (Origin::Flag, path.clone()));
    let variable = std::env::split_paths(env.get("CONSORT_PLUGINS").unwrap_or_default());
    let variable = variable.map(|path| (Origin::Variable, path));
    let set = settings.plugin_dirs.iter().map(|path| (Origin::Setting, path.clone()));
    let own = [(Origin::Data, places.plugins_dir()), (Origin::Project, project.join(PROJECT_DIR))];
    let named = flags.chain(variable).chain(set).chain(own);

    let mut seen = HashSet::new();
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (origin, path) in named.filter(|(_, path)| !path.as_os_str().is_empty()) {
        let path = std::path::absolute(&path).unwrap_or(path);
        // Most folders may be missing: they are made when somebody needs them. These were asked for just now.
        let help = match origin {
            Origin::Flag => "`--plugins` takes a folder that holds plugin files",
            Origin::Variable => "CONSORT_PLUGINS lists folders that hold plugin files",
            Origin::Setting | Origin::Data | Origin::Project => "",
        };
        if !help.is_empty() && !path.exists() {
            problems.push(Problem::new(&path, "there is no such folder").help(help));
            continue;
        }
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if seen.insert(real) {
            let trusted = origin != Origin::Project || allowed.is_trusted(&path);
            found.push(Folder { path, origin, trusted });
        }
    }
    (found, problems)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn every_folder_in_its_order_and_once() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for name in ["flag", "var", "set", "home/plugins", "project/llm_plugins"] {
            std::fs::create_dir_all(path(name)).unwrap();
        }
        std::os::unix::fs::symlink(path("set"), path("same")).unwrap();
        let places = Folders { config: path("home"), data: path("home") };
        let env =
            Env::of([("CONSORT_PLUGINS", format!("{}::{}", path("var").display(), path("gone").display()))]);
        let settings = Settings { plugin_dirs: vec![path("set"), path("same")], ..Settings::default() };
        let flags = [path("flag"), path("nowhere")];
        let (found, problems) =
            folders(&places, &env, &settings, &flags, &path("project"), &Allowed::default());
        let told: Vec<_> = found
            .iter()
            .map(|folder| {
                (
                    folder.path.strip_prefix(root.path()).unwrap().to_str().unwrap(),
                    folder.origin,
                    folder.trusted,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("flag", Origin::Flag, true),
                ("var", Origin::Variable, true),
                ("set", Origin::Setting, true),
                ("home/plugins", Origin::Data, true),
                ("project/llm_plugins", Origin::Project, false),
            ]
        );
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let is_told =
            |at: usize, name: &str| told[at].ends_with(&format!("/{name}: there is no such folder"));
        assert!(told.len() == 2 && is_told(0, "nowhere") && is_told(1, "gone"), "{told:?}");
        // Whoever names a project's folder trusts it.
        let (found, _) = folders(
            &places,
            &Env::default(),
            &Settings::default(),
            &[path("project/llm_plugins")],
            &path("project"),
            &Allowed::default(),
        );
        assert_eq!((found[0].origin, found[0].trusted, found.len()), (Origin::Flag, true, 2));
    }
}
