//! A text in the user's own editor.
use crate::exit;
use consort_core::Error;
use consort_settings::Env;
use std::io::{self, Write};
use std::process::Command;

/// The text as the user left it; nothing where it was not changed or is empty.
pub(super) fn edit(text: &str, env: &Env) -> Result<Option<String>, Error> {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| env.get(name));
    let editor = editor.unwrap_or(if cfg!(windows) { "notepad" } else { "vi" });
    let failed = |what: &dyn std::fmt::Display| {
        exit::usage(format!("the editor `{editor}` did not work: {what}"))
            .hint("set the variable EDITOR to one that does, for instance nano")
    };
    let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
    let path = folder.path().join("message.md");
    write(&path, text).map_err(|error| failed(&error))?;
    // The variable may hold arguments: `code --wait`.
    let mut words = editor.split_whitespace();
    let status = Command::new(words.next().unwrap_or(editor)).args(words).arg(&path).status();
    let status = status.map_err(|error| failed(&error))?;
    if !status.success() {
        return Err(failed(&status));
    }
    let changed = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let changed = changed.trim();
    Ok((!changed.is_empty() && changed != text.trim()).then(|| changed.to_owned()))
}

fn write(path: &std::path::Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")
}
