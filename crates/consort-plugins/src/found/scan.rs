//! Looks through the plugin folders.
use super::file::What;
use super::folders::Folder;
use super::name::{self, Sort};
use super::row::{Found, Kind};
use super::sidecar::Sidecar;
use super::{fingerprint, look};
use consort_settings::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// What is in the plugin folders.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scan {
    /// Every plugin, and every file that was meant to be one, by id.
    pub found: Vec<Found>,
    /// Folders that could not be looked through.
    pub problems: Vec<Problem>,
}

/// As many entries of one folder are looked at. A folder that comes with a project may hold anything.
const ENOUGH: usize = 4096;

/// One entry of a plugin folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    /// The whole name, as it can be shown.
    pub(super) name: String,
    pub(super) stem: String,
    /// In small letters.
    pub(super) ending: String,
    pub(super) sort: Sort,
    pub(super) what: What,
}

/// Looks through the folders, in their order, and runs nothing. The salt is part of every fingerprint: the versions
/// of whatever checks plugins.
pub fn scan(folders: &[Folder], salt: &str) -> Scan {
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for folder in folders {
        let path = std::path::absolute(&folder.path).unwrap_or_else(|_| folder.path.clone());
        let folder = Folder { path, ..folder.clone() };
        let mut found = one(&folder, salt, &mut problems);
        found.sort_by_key(|(sort, _)| *sort);
        all.extend(found.into_iter().map(|(_, found)| found));
    }
    settle(&mut all);
    all.sort_by(|one, two| {
        one.id.cmp(&two.id).then((one.kind == Kind::Unknown).cmp(&(two.kind == Kind::Unknown)))
    });
    Scan { found: all, problems }
}

/// The plugins of one folder.
fn one(folder: &Folder, salt: &str, problems: &mut Vec<Problem>) -> Vec<(Sort, Found)> {
    let (tables, entries): (Vec<Entry>, Vec<Entry>) =
        list(folder, problems).into_iter().partition(Entry::is_table);
    let mut beside: BTreeMap<String, Sidecar> = BTreeMap::new();
    for table in tables {
        beside.entry(table.stem.clone()).or_insert_with(|| Sidecar::new(table));
    }
    let helpers = helpers(&folder.path);
    let mut found = Vec::new();
    for entry in entries {
        let is_folder = matches!(entry.what, What::Folder);
        // A folder says everything in its own table.
        let sidecar = beside.get_mut(&entry.stem).filter(|_| !is_folder);
        if let Some(row) = look::entry(folder, &entry, sidecar.as_deref(), salt, &helpers) {
            if let Some(sidecar) = sidecar {
                sidecar.used = true;
            }
            found.push((if is_folder { Sort::Folder } else { entry.sort }, row));
        }
    }
    for sidecar in beside.values().filter(|sidecar| !sidecar.used) {
        found.extend(look::alone(folder, sidecar, salt).map(|row| (Sort::Toml, row)));
    }
    // A folder that a plugin imports from helps it, and is no plugin that lacks something.
    let used: BTreeSet<String> = found.iter().flat_map(|(_, row)| row.beside.iter().cloned()).collect();
    found.retain(|(sort, row)| {
        !(*sort == Sort::Folder && row.kind == Kind::Unknown && used.contains(&row.id) && row.file.is_dir())
    });
    found
}

/// When the files were changed that Python plugins import from beside them: what a plugin is changes with these.
fn helpers(folder: &Path) -> String {
    let is_helper = |name: &str| name.starts_with('_') && !name.starts_with("__");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(ENOUGH);
    let mut marks: Vec<String> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_helper))
        .flat_map(|entry| match entry.metadata() {
            Ok(found) if found.is_file() => {
                vec![format!("{} {}", entry.file_name().display(), fingerprint::mark(&found))]
            }
            Ok(found) if found.is_dir() => fingerprint::of_folder(&entry.path()),
            _ => Vec::new(),
        })
        .collect();
    marks.sort_unstable();
    marks.join("\n")
}

/// The entries that may be plugins, by name.
fn list(folder: &Folder, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let entries = match std::fs::read_dir(&folder.path) {
        Ok(entries) => entries,
        // It is made when somebody needs it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let message = if error.kind() == io::ErrorKind::NotADirectory {
                "this is no folder".to_owned()
            } else {
                format!("the folder cannot be read: {error}")
            };
            let help = "make it a folder that you can read, or take it out of the list of plugin folders";
            problems.push(Problem::new(&folder.path, message).help(help));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (count, entry) in entries.enumerate() {
        if count == ENOUGH {
            let message = format!("only {ENOUGH} of its files were looked at");
            problems.push(Problem::new(&folder.path, message).help("keep plugins in a folder of their own"));
            break;
        }
        match entry {
            Ok(entry) => found.extend(Entry::of(entry.path())),
            Err(error) => {
                let message = format!("the folder cannot be read to its end: {error}");
                problems.push(Problem::new(&folder.path, message).help("see whether the disk is well"));
                break;
            }
        }
    }
    found.sort_by(|one, two| one.path.cmp(&two.path));
    found
}

impl Entry {
    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let sort = name::sort(&name)?;
        let what = What::at(&path);
        let (stem, ending) = name::split(&name);
        Some(Self { stem: stem.to_owned(), path, name, ending, sort, what })
    }

    fn is_table(&self) -> bool {
        self.sort == Sort::Toml && !matches!(self.what, What::Folder)
    }
}

/// Of several rows with one id, the first is the plugin. What nobody can run keeps no place from others.
fn settle(all: &mut [Found]) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (place, found) in all.iter().enumerate() {
        match first.get(&found.id) {
            Some(older) if all[*older].kind != Kind::Unknown || found.kind == Kind::Unknown => {}
            _ => {
                first.insert(found.id.clone(), place);
            }
        }
    }
    for place in 0..all.len() {
        let winner = first[&all[place].id];
        if winner != place {
            let taken = all[winner].file.display().to_string();
            let message = format!("`{}` is already the name of {}", all[place].id, name::shown(&taken));
            all[place].broken(message, "give one of the two another name");
        }
    }
}
