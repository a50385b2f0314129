//! Looks at one entry of a plugin folder: whether it is a plugin, of what kind, and what is wrong with it.
use super::file::{self, Content, What};
use super::fingerprint;
use super::folders::Folder;
use super::manifest::{self, Manifest, Read};
use super::name::{self, Sort};
use super::row::{Found, Kind};
use super::scan::Entry;
use super::sidecar::{self, Sidecar};
use super::sniff::sniff;
use super::{block, classes, command, python_file};
use std::fs::Metadata;
use std::path::Path;

const FOLDER: &str = "plugin.toml";

/// What one entry is, with the TOML file beside it; nothing where it is no plugin and was not meant to be one.
pub(super) fn entry(
    folder: &Folder,
    entry: &Entry,
    sidecar: Option<&Sidecar>,
    salt: &str,
    helpers: &str,
) -> Option<Found> {
    let found = match &entry.what {
        What::Gone => return None,
        What::Folder => return self::folder(folder, entry, salt),
        What::Special(what) => {
            let mut found = row(folder, entry, &entry.stem);
            found.broken(format!("it is {what}, and was not opened"), "a plugin is a file; take this away");
            found
        }
        What::Unreadable(why) => {
            let mut found = row(folder, entry, &entry.stem);
            found.broken(why, "mend the link, or take it away");
            found
        }
        What::File(meta) if entry.sort == Sort::Python => {
            let salt = if helpers.is_empty() { salt.into() } else { format!("{salt}\n{helpers}") };
            python_file::look(folder, entry, meta, sidecar, &salt)
        }
        What::File(meta) => script(folder, entry, meta, sidecar, salt)?,
    };
    Some(found)
}

/// A row for an entry.
pub(super) fn row(folder: &Folder, entry: &Entry, id: &str) -> Found {
    let mut found = Found::new(folder, name::shown(id), entry.path.clone());
    if let Some(wrong) = name::wrong(id) {
        found.broken(wrong, "rename it");
    } else if entry.path.to_str().is_none() {
        found.broken("its path is not Unicode", "rename the folder that it is in");
    }
    found
}

/// A program, or a script with a manifest.
fn script(
    folder: &Folder,
    entry: &Entry,
    meta: &Metadata,
    sidecar: Option<&Sidecar>,
    salt: &str,
) -> Option<Found> {
    let executable = file::is_executable(meta, &entry.ending);
    let meant = sidecar.is_some_and(|sidecar| sidecar.read.meant && sidecar.read.manifest.package.is_none());
    // Of an ending that says nothing, only what is marked as a program, or what a manifest speaks of.
    if entry.sort == Sort::Program && !executable && !meant {
        return nameless_python(folder, entry, meta);
    }
    let content = match file::read(&entry.path) {
        Ok(content) => content,
        // A program that may be run but not read is one all the same.
        Err(_) if executable => Content::Head { head: Vec::new(), binary: true },
        Err(error) => {
            let mut found = row(folder, entry, &entry.stem);
            found.broken(format!("it cannot be read: {error}"), "make it readable for you");
            return Some(found);
        }
    };
    let block = block_of(entry, &content);
    // Nothing says what runs it, and a shell would take it for its own.
    if block.is_none()
        && sidecar.is_none()
        && !content.bytes().starts_with(b"#!")
        && let Some(found) = nameless_python(folder, entry, meta)
    {
        return Some(found);
    }
    if block.is_none() && sidecar.is_none() && !executable {
        return None;
    }
    let mut found = row(folder, entry, &entry.stem);
    said(&mut found, block.unwrap_or_default(), sidecar);
    if found.manifest.package.is_some() {
        no_package(&mut found);
    }
    if found.manifest.dialect.is_some() {
        found.broken("`dialect` is for Python files", "take it out of the manifest");
    }
    let usual = command::usual(&text_path(&found), &entry.ending, executable, content.bytes());
    process(&mut found, usual, false);
    print(&mut found, salt, &content, meta, sidecar);
    Some(found)
}

/// A Python plugin whose name does not say so: whoever saved it would look for it in vain.
fn nameless_python(folder: &Folder, entry: &Entry, meta: &Metadata) -> Option<Found> {
    const MOST: u64 = 64 << 10;
    if !entry.ending.is_empty() || meta.len() > MOST {
        return None;
    }
    let Ok(Content::Text(text)) = file::read(&entry.path) else { return None };
    sniff(std::str::from_utf8(&text).ok()?).dialect?;
    let mut found = row(folder, entry, &entry.stem);
    found.broken(
        "it is written in Python, and its name does not say so",
        format!("name it {}.py", entry.name),
    );
    Some(found)
}

/// The manifest in a script's head.
pub(super) fn block_of(entry: &Entry, content: &Content) -> Option<Read> {
    let bytes = match content {
        Content::Text(bytes) => bytes,
        Content::Head { head, binary: false } => head,
        Content::Head { .. } => return None,
    };
    let text = String::from_utf8_lossy(bytes);
    block::manifest(&text).map(|block| manifest::of_block(&entry.path, &block))
}

/// Notes what the block and the file beside it say. What is wrong in the file comes first: it counts more.
pub(super) fn said(found: &mut Found, block: Read, sidecar: Option<&Sidecar>) {
    let beside = sidecar.map(|sidecar| &sidecar.read);
    found.troubled(beside.map(|read| read.problems.clone()).unwrap_or_default());
    found.troubled(block.problems);
    let manifest = beside.map(|read| read.manifest.clone()).unwrap_or_default().over(block.manifest);
    note(found, manifest);
}

fn note(found: &mut Found, manifest: Manifest) {
    if let Some(name) = &manifest.name {
        found.name.clone_from(name);
    }
    let keys = manifest.env.iter().flat_map(|env| env.values());
    for key in manifest.secrets.iter().flatten().chain(keys) {
        if !found.secrets.contains(key) {
            found.secrets.push(key.clone());
        }
    }
    found.manifest = manifest;
}

pub(super) fn no_package(found: &mut Found) {
    let help = "a `package` stands in a TOML file of its own, without a file of the same name beside it";
    found.broken("`package` is for a TOML file alone", help);
}

/// Makes a process of it: what its manifest says to run, else what usually runs it.
pub(super) fn process(found: &mut Found, usual: Option<Vec<String>>, inside: bool) {
    let here = found.file.parent().unwrap_or(Path::new(""));
    let written = found.manifest.run.as_ref();
    let written = written.map(|words| command::written(words, &text_path(found), here, inside));
    match written.or(usual) {
        Some(run) => found.kind = Kind::Process { run },
        None => found.broken(
            "nothing says what runs it",
            "say it in the manifest, for instance run = [\"node\", \"{file}\"]",
        ),
    }
}

/// The fingerprint of a plugin in one file, and of what its command names.
pub(super) fn print(
    found: &mut Found,
    salt: &str,
    content: &Content,
    meta: &Metadata,
    sidecar: Option<&Sidecar>,
) {
    let mark = fingerprint::mark(meta);
    let own = match content {
        Content::Text(text) => text.as_slice(),
        Content::Head { .. } => mark.as_bytes(),
    };
    let beside = sidecar.map_or("", |sidecar| sidecar.text.as_str());
    found.fingerprint = fingerprint::of([salt.as_bytes(), own, beside.as_bytes(), &marks(found)]);
}

fn marks(found: &Found) -> Vec<u8> {
    match (&found.kind, &found.manifest.run) {
        (Kind::Process { run }, Some(_)) => fingerprint::of_command(run).join("\n").into_bytes(),
        _ => Vec::new(),
    }
}

pub(super) fn text_path(found: &Found) -> String {
    found.file.display().to_string()
}

/// A TOML file that belongs to no other file.
pub(super) fn alone(folder: &Folder, sidecar: &Sidecar, salt: &str) -> Option<Found> {
    if !sidecar.read.meant {
        return None;
    }
    let mut found = row(folder, &sidecar.entry, &sidecar.entry.stem);
    table(&mut found, &sidecar.read, false);
    found.fingerprint = fingerprint::of([salt.as_bytes(), sidecar.text.as_bytes(), &marks(&found)]);
    Some(found)
}

/// A folder: a plugin if it holds a `plugin.toml`.
fn folder(folder: &Folder, entry: &Entry, salt: &str) -> Option<Found> {
    let file = entry.path.join(FOLDER);
    // In a folder that is closed to the user nobody can tell; most folders are no plugins.
    if std::fs::symlink_metadata(&file).is_err() {
        if !matches!(entry.sort, Sort::Python | Sort::Script | Sort::Toml) {
            return package(folder, entry);
        }
        let mut found = row(folder, entry, &entry.stem);
        found.broken(
            "it is a folder, where a file is expected",
            format!("a folder is a plugin if it holds a `{FOLDER}`"),
        );
        return Some(found);
    }
    let mut found = row(folder, entry, &entry.name);
    found.file = file;
    let (read, text) = sidecar::table(&found.file, &What::at(&found.file));
    table(&mut found, &read, true);
    let inside = fingerprint::of_folder(&entry.path).join("\n");
    found.fingerprint =
        fingerprint::of([salt.as_bytes(), text.as_bytes(), inside.as_bytes(), &marks(&found)]);
    Some(found)
}

/// A Python package that holds a model: whoever saved it would look for it in vain.
fn package(folder: &Folder, entry: &Entry) -> Option<Found> {
    let (module, class) = classes::in_package(&entry.path, &entry.name)?;
    let mut found = row(folder, entry, &entry.name);
    found.broken(
        format!("it is a folder with the model {class} in it, and has no `{FOLDER}`"),
        format!(
            "two lines in a file beside it make the model a plugin, in {}_model.py: `from {module} import {class}` and \
             `class Model({class}): pass`; a folder that is a program has a `{FOLDER}` with `protocol = 1` and `run = [\"python3\", \"main.py\"]`",
            entry.name
        ),
    );
    Some(found)
}

/// What a TOML file alone makes: a package or a process.
fn table(found: &mut Found, read: &Read, inside: bool) {
    found.troubled(read.problems.clone());
    note(found, read.manifest.clone());
    match (&found.manifest.package, &found.manifest.run) {
        (Some(_), Some(_)) => {
            found.broken("it says both `run` and `package`", "a plugin is one or the other; take one away");
        }
        (Some(name), None) => found.kind = Kind::Package { name: name.clone() },
        (None, Some(_)) => process(found, None, inside),
        (None, None) => found.broken(
            "it says neither what to `run` nor which `package` it stands for",
            "write one of the two, or put the file beside it that it speaks of, with the same name",
        ),
    }
}
