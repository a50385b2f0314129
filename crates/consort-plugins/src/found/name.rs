//! What a file's name says: what may be a plugin, and what never is one.

/// What sort of plugin a name promises. The order decides between two files with one stem in one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Python,
    /// Says what to run, or what is meant by the file beside it.
    Toml,
    /// A program, if it is marked as one.
    Program,
    /// A text in a language whose interpreter is known.
    Script,
    Folder,
}

/// Endings of drafts and safety copies.
const DRAFTS: [&str; 8] = ["tmp", "bak", "orig", "rej", "swp", "swo", "part", "crdownload"];

/// Endings of what is never run, even where a file system marks every file as a program.
const DATA: [&str; 57] = [
    "md",
    "txt",
    "rst",
    "adoc",
    "html",
    "htm",
    "css",
    "xml",
    "pdf",
    "json",
    "jsonl",
    "json5",
    "yaml",
    "yml",
    "ini",
    "cfg",
    "conf",
    "env",
    "csv",
    "tsv",
    "log",
    "lock",
    "pid",
    "db",
    "sqlite",
    "sqlite3",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "svg",
    "ico",
    "wav",
    "mp3",
    "mp4",
    "pyc",
    "pyo",
    "pyd",
    "pyi",
    "ipynb",
    "so",
    "dylib",
    "dll",
    "a",
    "o",
    "h",
    "gguf",
    "safetensors",
    "zip",
    "gz",
    "tgz",
    "xz",
    "whl",
    "map",
    "pem",
    "key",
];

/// Names without an ending that are never run.
const PAPERS: [&str; 9] =
    ["readme", "license", "licence", "copying", "changelog", "authors", "notice", "makefile", "dockerfile"];

/// Endings of scripts, and what runs them.
const INTERPRETERS: [(&str, &[&str]); 23] = [
    ("js", &["node"]),
    ("mjs", &["node"]),
    ("cjs", &["node"]),
    ("ts", &["node"]),
    ("mts", &["node"]),
    ("sh", &["sh"]),
    ("bash", &["bash"]),
    ("zsh", &["zsh"]),
    ("fish", &["fish"]),
    ("rb", &["ruby"]),
    ("pl", &["perl"]),
    ("lua", &["lua"]),
    ("php", &["php"]),
    ("r", &["Rscript"]),
    ("jl", &["julia"]),
    ("tcl", &["tclsh"]),
    ("ps1", &["pwsh", "-NoProfile", "-File"]),
    ("exs", &["elixir"]),
    ("raku", &["raku"]),
    ("scm", &["guile"]),
    ("el", &["emacs", "--script"]),
    ("groovy", &["groovy"]),
    ("dart", &["dart", "run"]),
];

/// What usually runs a file of this ending.
pub(super) fn interpreter(ending: &str) -> Option<&'static [&'static str]> {
    if ending == "py" {
        return Some(&["python3"]);
    }
    INTERPRETERS.iter().find(|(known, _)| *known == ending).map(|(_, words)| *words)
}

/// A file's name in its two parts, the ending in small letters; `.profile` has none.
pub(super) fn split(name: &str) -> (&str, String) {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, ending.to_ascii_lowercase()),
        _ => (name, String::new()),
    }
}

/// The sort of plugin that a file of this name may be; nothing where it is none whatever it holds.
pub(super) fn sort(name: &str) -> Option<Sort> {
    // What starts with `_` helps plugins; `llm_utils` is what plugins of the drop-in dialect import.
    if name.starts_with(['.', '_', '#']) || name.ends_with('~') || name == "llm_utils.py" {
        return None;
    }
    let (stem, ending) = split(name);
    match ending.as_str() {
        "py" => Some(Sort::Python),
        "toml" => Some(Sort::Toml),
        "" if PAPERS.contains(&stem.to_ascii_lowercase().as_str()) => None,
        _ if DRAFTS.contains(&ending.as_str()) || DATA.contains(&ending.as_str()) => None,
        _ if interpreter(&ending).is_some() => Some(Sort::Script),
        _ => Some(Sort::Program),
    }
}

/// Why a name cannot be a plugin's: models are called `plugin/model`, and names are shown in terminals.
pub(super) fn wrong(id: &str) -> Option<&'static str> {
    if id.contains(['/', '\\']) {
        Some("its name holds a slash, which stands between a plugin and its model")
    } else if id.chars().any(char::is_control) {
        Some("its name holds a control character")
    } else if id.contains(char::REPLACEMENT_CHARACTER) {
        Some("its name is not Unicode")
    } else if id.trim() != id || id.is_empty() {
        Some("its name begins or ends with a blank")
    } else {
        None
    }
}

/// A name that can be shown.
pub(super) fn shown(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sorts() {
        for (name, expected) in [
            ("a b.py", Some(Sort::Python)),
            ("A.PY", Some(Sort::Python)),
            ("é.py", Some(Sort::Python)),
            ("_helper.py", None),
            ("__init__.py", None),
            (".hidden.py", None),
            ("llm_utils.py", None),
            ("a.py~", None),
            ("#a.py#", None),
            ("a.py.tmp", None),
            ("a.toml", Some(Sort::Toml)),
            ("a.mjs", Some(Sort::Script)),
            ("acme", Some(Sort::Program)),
            ("acme.bin", Some(Sort::Program)),
            ("README", None),
            ("readme.md", None),
            ("x.png", None),
            ("x.pyc", None),
        ] {
            assert_eq!(sort(name), expected, "{name}");
        }
    }

    #[test]
    fn names_that_cannot_be() {
        for name in ["a\\b", "a\nb", "a\u{fffd}", " a", "a ", ""] {
            assert!(wrong(name).is_some(), "{name:?}");
        }
        assert_eq!(wrong("größer als 2"), None);
        assert_eq!(shown("a\u{1b}[31m"), "a\u{fffd}[31m");
    }
}
