//! What the classes of a Python file are by those of files beside it that they derive from. These are read, never run.
use super::file::{self, Content};
use super::manifest::Dialect;
use super::python;
use super::sniff::{self, Seen};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many files are read for one plugin, and how many classes are followed: a folder may hold anything.
const FILES: usize = 8;
const STEPS: usize = 64;

/// The dialect of the first class that is a model by way of a file beside it.
pub(super) fn dialect(source: &str, file: &Path) -> Option<Dialect> {
    let root = file.parent()?;
    let mut search = Search { root, files: BTreeMap::new(), steps: STEPS };
    let classes = Classes::of(source, root.to_owned());
    let mut bases = classes.defined.iter().flat_map(|(_, bases)| bases);
    bases.find_map(|base| {
        // A class of the file itself has bases that are looked at with the others.
        let path = classes.imported(base)?;
        search.follow(&classes.here, &path)
    })
}

/// The first model that is defined in a folder that is a Python package: its module, and its class.
pub(super) fn in_package(folder: &Path, name: &str) -> Option<(String, String)> {
    if !folder.join("__init__.py").is_file() || !name.chars().all(python::is_name) {
        return None;
    }
    let entries = std::fs::read_dir(folder).ok()?.flatten().take(256).map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "py")).collect();
    files.sort_unstable();
    files.iter().take(FILES).find_map(|file| {
        let Ok(Content::Text(text)) = file::read(file) else { return None };
        let classes = Classes::of(&String::from_utf8_lossy(&text), folder.to_owned());
        let is_model = |bases: &[String]| bases.iter().any(|base| classes.seen.of_base(base).is_some());
        let (class, _) = classes.defined.iter().find(|(_, bases)| is_model(bases))?;
        let module = match file.file_stem()?.to_str()? {
            "__init__" => name.to_owned(),
            stem => format!("{name}.{stem}"),
        };
        Some((module, class.clone()))
    })
}

/// A file's classes, and what they may derive from.
#[derive(Debug, Default)]
struct Classes {
    /// The folder that its relative imports begin in.
    here: PathBuf,
    /// Imported names, each with the whole path of what it is: `b` as `_base.Base`.
    names: BTreeMap<String, String>,
    /// The modules of which everything was imported.
    stars: Vec<String>,
    /// Each class with the classes that it derives from, as they are written.
    defined: Vec<(String, Vec<String>)>,
    seen: Seen,
}

impl Classes {
    fn of(source: &str, here: PathBuf) -> Self {
        let mask = python::mask(source);
        let mut found = Self { here, ..Self::default() };
        for statement in python::statements(&mask) {
            let (word, rest) = statement.word();
            match word {
                "import" => found.import(rest),
                "from" => found.import_from(rest),
                "class" => {
                    let name = rest.trim_start().split(|letter| !python::is_name(letter)).next();
                    let bases = sniff::bases(rest).map(str::to_owned).collect();
                    found.defined.push((name.unwrap_or_default().to_owned(), bases));
                }
                _ => {}
            }
        }
        found
    }

    fn import(&mut self, list: &str) {
        for (module, known_as) in sniff::names(list) {
            self.seen.module(module);
            // `import a.b` makes `a` known, `import a.b as c` what is in it.
            let (name, path) = if module == known_as {
                (sniff::top(module), sniff::top(module))
            } else {
                (known_as, module)
            };
            self.names.insert(name.to_owned(), path.to_owned());
        }
    }

    fn import_from(&mut self, rest: &str) {
        let rest = rest.trim_start();
        let (module, list) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let Some(list) = list.trim_start().strip_prefix("import") else { return };
        self.seen.module(module.trim_start_matches('.'));
        for (name, known_as) in sniff::names(list) {
            if name == "*" {
                self.stars.push(module.to_owned());
                continue;
            }
            let dot = if module.ends_with('.') { "" } else { "." };
            self.names.insert(known_as.to_owned(), format!("{module}{dot}{name}"));
        }
    }

    /// The whole path of a class that was imported, by what it is called here.
    fn imported(&self, base: &str) -> Option<String> {
        let base = base.split('[').next()?;
        let (head, rest) = base.split_at(base.find('.').unwrap_or(base.len()));
        Some(format!("{}{rest}", self.names.get(head)?))
    }
}

struct Search<'a> {
    /// The folder in which modules are looked for.
    root: &'a Path,
    /// What was read, by its file; nothing of what could not be.
    files: BTreeMap<PathBuf, Option<std::rc::Rc<Classes>>>,
    steps: usize,
}

impl Search<'_> {
    /// What the class at this path is; `here` is the folder that its dots begin in.
    fn follow(&mut self, here: &Path, path: &str) -> Option<Dialect> {
        let (module, class) = path.rsplit_once('.')?;
        let classes = self.module(here, module)?;
        self.class(&classes, class)
    }

    fn class(&mut self, at: &Classes, name: &str) -> Option<Dialect> {
        self.steps = self.steps.checked_sub(1)?;
        let Some((_, bases)) = at.defined.iter().find(|(known, _)| known == name) else {
            // It passes on what it imported itself.
            if let Some(path) = at.imported(name) {
                return self.follow(&at.here, &path);
            }
            return at.stars.iter().find_map(|module| self.follow(&at.here, &format!("{module}.{name}")));
        };
        let own = bases.iter().find_map(|base| at.seen.of_base(base));
        own.or_else(|| bases.iter().find_map(|base| self.base(at, base)))
    }

    fn base(&mut self, at: &Classes, base: &str) -> Option<Dialect> {
        match at.imported(base) {
            Some(path) => self.follow(&at.here, &path),
            None => self.class(at, base),
        }
    }

    /// A module beside the plugin.
    fn module(&mut self, here: &Path, module: &str) -> Option<std::rc::Rc<Classes>> {
        let plain = module.trim_start_matches('.');
        let dots = module.len() - plain.len();
        let base = if dots == 0 { self.root } else { here.ancestors().nth(dots - 1)? };
        // Nothing outside of the plugin's folder is beside it.
        if !base.starts_with(self.root) {
            return None;
        }
        let plain = if dots == 0 {
            plain.strip_prefix(sniff::PACKAGE).and_then(|rest| rest.strip_prefix('.'))
        } else {
            None
        }
        .unwrap_or(plain);
        if !plain
            .split('.')
            .all(|name| plain.is_empty() || (!name.is_empty() && name.chars().all(python::is_name)))
        {
            return None;
        }
        let path = plain
            .split('.')
            .filter(|name| !name.is_empty())
            .fold(base.to_owned(), |path, name| path.join(name));
        let package = path.join("__init__.py");
        if package.is_file() { self.read(package) } else { self.read(path.with_extension("py")) }
    }

    fn read(&mut self, path: PathBuf) -> Option<std::rc::Rc<Classes>> {
        if let Some(known) = self.files.get(&path) {
            return known.clone();
        }
        if self.files.len() >= FILES {
            return None;
        }
        let found = match file::read(&path) {
            Ok(Content::Text(text)) => {
                let here = path.parent().unwrap_or(self.root).to_owned();
                Some(std::rc::Rc::new(Classes::of(&String::from_utf8_lossy(&text), here)))
            }
            _ => None,
        };
        self.files.insert(path, found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], source: &str, expected: Option<Dialect>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        assert_eq!(dialect(source, &folder.path().join("mine.py")), expected, "{source}");
    }

    const BASE: &str = "from llm_utils import LLMClient\nclass Base(LLMClient):\n  pass\n";
    const DROP_IN: Option<Dialect> = Some(Dialect::DropIn);

    #[test]
    fn a_class_of_a_file_beside_it() {
        let files = [("_base.py", BASE)];
        check(&files, "from _base import Base\nclass Mine(Base): pass\n", DROP_IN);
        check(&files, "from _base import Base as B\nclass Mine(Other, B): pass\n", DROP_IN);
        check(&files, "import _base\nclass Mine(_base.Base): pass\n", DROP_IN);
        check(&files, "import _base as b\nclass Mine(b.Base): pass\n", DROP_IN);
        check(&files, "from ._base import (\n  Base,\n)\nclass Mine(Base): pass\n", DROP_IN);
        check(&files, "from . import _base\nclass Mine(_base.Base): pass\n", DROP_IN);
        check(&files, "from llm_plugins._base import Base\nclass Mine(Base): pass\n", DROP_IN);
        check(&files, "from _base import Base\nclass Mid(Base): pass\nclass Mine(Mid): pass\n", DROP_IN);
    }

    #[test]
    fn what_is_no_model_beside_it() {
        let files = [("_base.py", "class Base:\n  pass\nclass Other(LLMClient): pass\n"), ("_e.py", "\0")];
        check(&files, "from _base import Base\nclass Mine(Base): pass\n", None);
        check(&files, "from _base import Other\nclass Mine: pass\n", None);
        check(&files, "from _gone import Base\nclass Mine(Base): pass\n", None);
        check(&files, "from _e import Base\nclass Mine(Base): pass\n", None);
        check(&files, "from ..x import Base\nclass Mine(Base): pass\n", None);
        check(&files, "from ... import Base\nclass Mine(Base): pass\n", None);
    }

    #[test]
    fn packages_and_files_that_pass_it_on() {
        let files = [
            ("myclients/base.py", BASE),
            ("myclients/__init__.py", "from .base import Base as Client\nfrom .more import *\n"),
            ("myclients/more.py", "from . import base\nclass More(base.Base): pass\n"),
        ];
        for (import, base) in [
            ("from myclients.base import Base", "Base"),
            ("import myclients.base", "myclients.base.Base"),
            ("from myclients import Client", "Client"),
            ("from myclients import More", "More"),
        ] {
            check(&files, &format!("{import}\nclass Mine({base}): pass\n"), DROP_IN);
        }
    }

    #[test]
    fn every_dialect() {
        let vision = "from vision_agents.core.llm import LLM\nclass Base(LLM[int]): pass\n";
        let import = "from _base import Base\nclass Mine(Base): pass\n";
        check(&[("_base.py", vision)], import, Some(Dialect::Vision));
        check(&[("_base.py", "class Base(LLMInterface): pass\n")], import, Some(Dialect::Bruno));
        check(&[("_base.py", "class Base(LLM): pass\n")], import, None);
    }

    #[test]
    fn a_model_in_a_package() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let found = |name: &str| in_package(folder.path(), name);
        put("client.py", BASE);
        assert_eq!(found("bot"), None, "no package");
        put("__init__.py", "from .client import Base\n");
        assert_eq!(found("bot"), Some(("bot.client".to_owned(), "Base".to_owned())));
        assert_eq!(found("my bot"), None, "nobody can import it");
        put("__init__.py", BASE);
        assert_eq!(found("bot"), Some(("bot".to_owned(), "Base".to_owned())));
    }

    #[test]
    fn circles_end() {
        let files = [
            ("_a.py", "from _b import Base\nfrom _b import *\nclass Loop(Loop): pass\n"),
            ("_b.py", "from _a import Base\nfrom _a import *\n"),
        ];
        check(&files, "from _a import Base, Loop, No\nclass Mine(Base, Loop, No): pass\n", None);
    }
}
