//! The setting `plugin_dirs`: folders of plugins besides the usual one.
use crate::Problem;
use crate::settings::Source;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::DeValue;

/// The folders that a user's file names. `~` is the home folder, and a relative path starts from the file's folder:
/// where the program is started must not decide whose code it runs.
pub(crate) fn read(
    source: &Source<'_>,
    value: &Spanned<DeValue<'_>>,
    home: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<PathBuf> {
    const EXAMPLE: &str = "for instance plugin_dirs = [\"~/plugins\"]";
    let DeValue::Array(items) = value.get_ref() else {
        problems.push(source.problem(value.span(), "`plugin_dirs` must be a list of folders").help(EXAMPLE));
        return Vec::new();
    };
    let mut folders = Vec::new();
    for item in items {
        match item.get_ref() {
            DeValue::String(text) if !text.is_empty() => folders.push(place(text, source.path, home)),
            _ => problems.push(
                source.problem(item.span(), "a folder of plugins must be a text that names it").help(EXAMPLE),
            ),
        }
    }
    folders
}

/// The place that a text in this file names.
pub(crate) fn place(text: &str, file: &Path, home: &Path) -> PathBuf {
    match text.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(below) if below.starts_with(std::path::is_separator) => {
            home.join(below.trim_start_matches(std::path::is_separator))
        }
        _ => {
            let path = file.parent().unwrap_or(Path::new("")).join(text);
            std::path::absolute(&path).unwrap_or(path)
        }
    }
}
