//! Paths that are named here and meant for a plugin, which runs in a folder of its own.
use std::borrow::Cow;
use std::path::Path;

/// What a plugin is given, a path as one that it finds too.
pub(crate) fn placed(argument: &str) -> Cow<'_, str> {
    if let Some(rest) = argument.strip_prefix("~/") {
        // No shell reads it behind a prefix, and the plugin's own home is another.
        return std::env::home_dir()
            .map_or(argument.into(), |home| home.join(rest).to_string_lossy().into_owned().into());
    }
    let is_path =
        [".", ".."].contains(&argument) || argument.starts_with("./") || argument.starts_with("../");
    // A word alone is a name, also where a file is called so.
    let is_file = argument.contains(['.', '/']) && Path::new(argument).is_file();
    if !is_path && !is_file {
        return argument.into();
    }
    std::path::absolute(argument).map_or(argument.into(), |path| path.to_string_lossy().into_owned().into())
}

#[cfg(test)]
mod tests {
    use super::placed;

    #[test]
    fn a_path_is_found_from_another_folder_too() {
        let here = std::env::current_dir().unwrap().display().to_string();
        assert_eq!(placed("./sub/x.py"), format!("{here}/sub/x.py"));
        assert_eq!(placed("Cargo.toml"), format!("{here}/Cargo.toml"));
        assert_eq!(placed("."), here);
        assert_eq!(placed("src/lib.rs"), format!("{here}/src/lib.rs"));
        let home = std::env::home_dir().unwrap();
        assert_eq!(placed("~/x.md"), home.join("x.md").to_string_lossy());
        // What is no path here stays what it is, also where a folder is called so.
        for argument in ["owner/name", "src", "word", "", "/etc"] {
            assert_eq!(placed(argument), argument);
        }
    }
}
