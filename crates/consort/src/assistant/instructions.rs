//! Instructions: a text, and the files that it names as `@file.md`.
use consort_core::{Error, ErrorKind};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many bytes all files together may take. Each request carries them.
const MOST: u64 = 256 * 1024;

/// How many files may be inlined.
const FILES: usize = 256;

/// The text with each file that it names in the place of the name. Only files below `root` are read, links followed;
/// a name in a file is looked for beside that file. `\@` stands for `@`.
pub(super) fn inline(text: &str, root: Option<&Path>) -> Result<String, Error> {
    let root = match root {
        Some(root) => Some(root.canonicalize().map_err(|error| {
            Error::new(ErrorKind::Setup, format!("the folder of instructions {}: {error}", root.display()))
        })?),
        None => None,
    };
    let mut inliner = Inliner { root, open: Vec::new(), left: MOST, files: 0 };
    inliner.expand(text, Path::new("instructions"), Path::new(""))
}

struct Inliner {
    root: Option<PathBuf>,
    /// The files that are being inlined, each named by the one before.
    open: Vec<PathBuf>,
    left: u64,
    files: usize,
}

/// Where a file is named.
struct Place<'a> {
    file: &'a Path,
    line: usize,
    /// The name as it stands there.
    name: &'a str,
}

impl Place<'_> {
    fn error(&self, what: impl AsRef<str>) -> Error {
        let words = format!("{}:{}: `@{}` {}", self.file.display(), self.line, self.name, what.as_ref());
        Error::new(ErrorKind::Setup, words).hint("write `\\@` where no file is meant")
    }
}

impl Inliner {
    /// `folder` is where names are looked for, seen from the root.
    fn expand(&mut self, text: &str, file: &Path, folder: &Path) -> Result<String, Error> {
        let mut out = String::with_capacity(text.len());
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let mut rest = line;
            while let Some(at) = rest.find('@') {
                let (before, after) = (&rest[..at], &rest[at + 1..]);
                if let Some(before) = before.strip_suffix('\\') {
                    out.push_str(before);
                    out.push('@');
                    rest = after;
                    continue;
                }
                out.push_str(before);
                // In the middle of a word it is an address.
                let begins = !before.ends_with(|c: char| c.is_alphanumeric());
                let name = if begins { named(after) } else { "" };
                if name.is_empty() {
                    out.push('@');
                } else {
                    out.push_str(&self.file(&Place { file, line: number + 1, name }, folder)?);
                }
                rest = &after[name.len()..];
            }
            out.push_str(rest);
        }
        Ok(out)
    }

    fn file(&mut self, place: &Place<'_>, folder: &Path) -> Result<String, Error> {
        let Some(root) = self.root.clone() else {
            return Err(place.error("names a file, and no folder is given").hint("give one with `files`"));
        };
        let path = root
            .join(folder)
            .join(place.name)
            .canonicalize()
            .map_err(|error| place.error(format!("cannot be read: {error}")))?;
        let Ok(inside) = path.strip_prefix(&root).map(Path::to_owned) else {
            return Err(place.error(format!("is outside of {}", root.display())));
        };
        if self.open.contains(&inside) {
            let way: Vec<String> = self.open.iter().map(|file| file.display().to_string()).collect();
            return Err(place.error(format!("goes round in a circle: {}", way.join(" → "))));
        }
        self.files += 1;
        if self.files > FILES {
            return Err(place.error(format!("is one file too many: at most {FILES} are inlined")));
        }
        let text = self.read(&path, place)?;
        let folder = inside.parent().map(Path::to_owned).unwrap_or_default();
        self.open.push(inside.clone());
        let text = self.expand(&text, &inside, &folder)?;
        self.open.pop();
        Ok(text)
    }

    fn read(&mut self, path: &Path, place: &Place<'_>) -> Result<String, Error> {
        // Opening anything else may wait for ever.
        if !path.is_file() {
            return Err(place.error("is no file"));
        }
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(self.left + 1).read_to_end(&mut bytes))
            .map_err(|error| place.error(format!("cannot be read: {error}")))?;
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            place.error(format!("is too long: the files take more than {} KiB", MOST / 1024))
        })?;
        let text = String::from_utf8(bytes).map_err(|_| place.error("is not text in UTF-8"))?;
        Ok(text.trim_start_matches('\u{feff}').trim_end().to_owned())
    }
}

/// The name of a Markdown file that a text begins with; nothing where it begins otherwise.
fn named(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || "_-./".contains(c))).unwrap_or(text.len());
    // A full stop behind it ends the sentence.
    let name = text[..end].trim_end_matches('.');
    if Path::new(name).extension().is_some_and(|end| end == "md") { name } else { "" }
}
