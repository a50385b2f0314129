//! Plugins in files and folders: copied to where plugins are.
use crate::args::shown;
use crate::exit;
use crate::setup::Setup;
use consort_core::{Error, ErrorKind};
use consort_plugins::shell_word;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a user names to be installed.
pub(super) enum Named {
    /// A file, or a folder that is a plugin.
    Here(PathBuf),
    /// A folder that holds a package, and the package's name.
    Project(PathBuf, String),
    Package,
}

/// What a word means: a package is a name, a file or a folder is a path. A folder needs a `/` to be one, as in other
/// installers: a name shall not mean something else because of where it is typed.
pub(super) fn what(word: &str) -> Result<Named, Error> {
    if word.contains("://") && !word.contains(" @ ") {
        return Err(exit::usage(format!("`{word}` is an address: nothing is run here that you did not see"))
            .hint("download it and read it, then: consort plugins install FILE")
            .hint("a package of an address is named first: 'llm-acme @ git+https://...'"));
    }
    let path = Path::new(word);
    let is_path = word.contains(['/', '\\']) && !word.contains("://");
    if path.is_dir() && is_path {
        return Ok(match project(path)? {
            Some(name) => Named::Project(path.to_owned(), name),
            None => Named::Here(path.to_owned()),
        });
    }
    if path.is_file() {
        return Ok(Named::Here(path.to_owned()));
    }
    if is_path || path.extension().is_some_and(|ending| ending == "py") {
        return Err(exit::usage(format!("there is no file `{word}`"))
            .hint("a package is named alone, for instance: consort plugins install llm-echo"));
    }
    if path.is_dir() {
        // Who forgot the `./` would get a stranger's package.
        return Err(exit::usage(format!("`{word}` is a folder here, and may be a package elsewhere"))
            .hint(format!("the folder: consort plugins install {}", shell_word(&format!("./{word}"))))
            .hint(format!("the package: consort plugins install '{word}>=0'")));
    }
    Ok(Named::Package)
}

/// The name of the package that a folder holds the source of.
fn project(folder: &Path) -> Result<Option<String>, Error> {
    let file = folder.join("pyproject.toml");
    if folder.join("plugin.toml").exists() || !file.exists() {
        return Ok(None);
    }
    let wrong = |what: String| exit::usage(format!("{}: {what}", shown(&file)));
    let text = fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let name = table.get("project").and_then(|project| project.get("name")?.as_str());
    name.map(|name| Some(name.to_owned())).ok_or_else(|| wrong("it names no package: [project] name".into()))
}

/// Copies a plugin to where plugins are, and gives its id.
pub(super) fn copy(from: &Path, force: bool, setup: &Setup) -> Result<String, Error> {
    let Some(plugin) = setup.open_file(from) else { return Err(no_plugin(from)) };
    let found = plugin.found();
    if let Some(problem) = &found.problem {
        let error = exit::usage(format!("{} was not copied: {}", shown(from), problem.message));
        return Err(problem.help.iter().fold(error, |error, help| error.hint(help.clone())));
    }
    let name = from.canonicalize().ok().and_then(|path| path.file_name().map(ToOwned::to_owned));
    let name = if from.is_dir() { name } else { from.file_name().map(ToOwned::to_owned) };
    let Some(name) = name else { return Err(no_plugin(from)) };
    let folder = setup.folders.plugins_dir();
    let target = folder.join(&name);
    if from.canonicalize().ok().is_some_and(|from| target.canonicalize().is_ok_and(|target| target == from)) {
        return Err(exit::usage(format!("{} is there already", shown(&target)))
            .hint(format!("look at it again: consort plugins reload {}", shell_word(&found.id))));
    }
    taken(&found.id, &target, force, setup)?;
    let mut pieces = vec![(from.to_owned(), target.clone())];
    // What stands beside a file in a table of its name belongs to it.
    let beside = from.with_extension("toml");
    if from.is_file() && beside != from && beside.is_file() {
        pieces.push((beside, target.with_extension("toml")));
    }
    for (from, to) in pieces {
        put(&from, &to).map_err(|error| {
            Error::new(
                ErrorKind::Setup,
                format!("{} cannot be copied to {}: {error}", shown(&from), shown(&to)),
            )
        })?;
    }
    Ok(found.id.clone())
}

fn no_plugin(from: &Path) -> Error {
    let error = exit::usage(format!("`{}` is no plugin", shown(from)));
    if from.is_dir() {
        error.hint(
            "a folder is a plugin if it holds a plugin.toml, and a package if it holds a pyproject.toml",
        )
    } else {
        error.hint("a plugin is a Python file, a script with a `/// llm-plugin` block, or a program")
    }
}

/// Whether the place is free, or may be made so.
fn taken(id: &str, target: &Path, force: bool, setup: &Setup) -> Result<(), Error> {
    let other = setup.reopen_plugins().find(id).filter(|other| {
        let file = &other.found().file;
        file != target && file.parent() != Some(target)
    });
    if let Some(other) = other {
        return Err(exit::usage(format!("`{id}` is already the name of {}", shown(&other.found().file)))
            .hint("give one of the two another name; nothing was copied"));
    }
    if target.exists() && !force {
        return Err(exit::usage(format!("{} is there already; nothing was copied", shown(target)))
            .hint("--force replaces it"));
    }
    Ok(())
}

/// Puts a copy in its place, whole: nobody sees half of one.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    // Names that begin with a dot are no plugins.
    let draft = folder.join(format!(".{name}.{}.new", std::process::id()));
    let copied = if from.is_dir() { copy_folder(from, &draft) } else { fs::copy(from, &draft).map(drop) };
    let placed = copied.and_then(|()| {
        if !to.is_dir() {
            return fs::rename(&draft, to);
        }
        let old = folder.join(format!(".{name}.{}.old", std::process::id()));
        fs::rename(to, &old)?;
        fs::rename(&draft, to)?;
        fs::remove_dir_all(old)
    });
    if placed.is_err() {
        // Best effort: the error that matters is the one before.
        let _ = if draft.is_dir() { fs::remove_dir_all(&draft) } else { fs::remove_file(&draft) };
    }
    placed
}

/// Copies files and folders, but no history and no compiled files. A link could lead anywhere.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if kind.is_dir() && (name == ".git" || name == "__pycache__") {
            continue;
        }
        if kind.is_dir() {
            copy_folder(&entry.path(), &to.join(name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(name))?;
        } else {
            return Err(io::Error::other(format!(
                "{} is neither a file nor a folder",
                entry.path().display()
            )));
        }
    }
    Ok(())
}
