//! Where a Python plugin crashed, by the report that the interpreter itself leaves in the log.
use consort_process::LogLine;
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitStatus;

/// The plugin's own code, as paths stand in such a report.
#[derive(Debug)]
pub(super) enum Code {
    /// Its file, and helpers that lie beside it.
    File { file: String, name: String, folder: String },
    /// The package of this name, wherever it is installed.
    Package(String),
}

impl Code {
    /// What our worker is told to run; nothing where there is no worker.
    pub(super) fn of(config: &Value) -> Option<Self> {
        config["dialect"].as_str()?;
        if let Some(package) = config["package"].as_str() {
            return Some(Self::Package(package.replace('-', "_").to_lowercase()));
        }
        let file = config["file"].as_str().unwrap_or_default();
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        Some(Self::File { file: escaped(file), name: name.to_owned(), folder: escaped(folder) + "/" })
    }

    /// The name of a file of it, for people.
    fn name_of<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        let last = |path: &'a str| path.rsplit('/').next();
        match self {
            Self::File { file, name, .. } if path == file => Some(name),
            Self::File { folder, .. } => {
                let beside = path.strip_prefix(folder.as_str())?;
                // A package that lies there is a helper where its name says so.
                let is_helper = match beside.split_once('/') {
                    Some((package, rest)) => package.starts_with('_') && !rest.contains('/'),
                    None => true,
                };
                is_helper.then(|| last(path))?
            }
            Self::Package(name) => {
                let (_, installed) = path.rsplit_once("/site-packages/")?;
                let top = installed.split('/').next()?;
                let top = top.strip_suffix(".py").unwrap_or(top);
                (top.to_lowercase() == *name).then(|| last(path))?
            }
        }
    }
}

/// Whether it ended in a way of which the interpreter leaves a report.
pub(super) fn is_reported(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        // Illegal instruction, abort, bus error, arithmetic, segmentation fault.
        status.signal().is_some_and(|signal| matches!(signal, 4 | 6 | 7 | 8 | 11))
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
}

/// `file:line` of the deepest frame in the plugin's own code, where the process that said this has left a report.
pub(super) fn place(said: &[LogLine], code: &Code) -> Option<String> {
    let report = said.iter().rposition(|line| line.text.starts_with("Fatal Python error"))?;
    // The deepest frame comes first.
    said[report..].iter().filter_map(|line| frame(&line.text)).find_map(|(file, line)| {
        let name = code.name_of(file)?;
        Some(format!("{name}:{line}"))
    })
}

/// `file:line` of the deepest frame in a program's own code, where the last that it said has a traceback of Python.
pub(super) fn traced(said: &[LogLine]) -> Option<String> {
    let traceback =
        said.iter().rposition(|line| line.text.starts_with("Traceback (most recent call last)"))?;
    let is_of_others = |file: &str| {
        file.starts_with('<') || ["/lib/python", "/site-packages/"].iter().any(|part| file.contains(part))
    };
    // The deepest frame comes last.
    let mut frames = said[traceback..].iter().rev().filter_map(|line| frame(&line.text));
    let (file, line) = frames.find(|(file, _)| !is_of_others(file))?;
    Some(format!("{}:{line}", file.rsplit('/').next()?))
}

/// Reads `  File "/a/b.py", line 6 in answer`, and the same of a traceback, `line 6, in answer`.
fn frame(line: &str) -> Option<(&str, &str)> {
    let (file, rest) = line.trim_start().strip_prefix("File \"")?.rsplit_once("\", line ")?;
    Some((file, rest.split([',', ' ']).next()?))
}

/// A path as a report has it: what is not ASCII by its number.
fn escaped(path: &str) -> String {
    path.chars().fold(String::new(), |mut escaped, letter| {
        // Writing into a text cannot fail.
        let _ = match (letter, u32::from(letter)) {
            (' '..='~', _) => write!(escaped, "{letter}"),
            (_, number @ ..=0xff) => write!(escaped, "\\x{number:02x}"),
            (_, number @ ..=0xffff) => write!(escaped, "\\u{number:04x}"),
            (_, number) => write!(escaped, "\\U{number:08x}"),
        };
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_process::Writer;
    use serde_json::json;

    fn said(text: &str) -> Vec<LogLine> {
        let line = |text: &str| LogLine { at: None, by: Writer::Stderr, text: text.to_owned() };
        text.lines().map(line).collect()
    }

    fn file(path: &str) -> Code {
        Code::of(&json!({"dialect": "drop-in", "file": path})).unwrap()
    }

    const REPORT: &str = "hello\nFatal Python error: Segmentation fault\n\nCurrent thread 0x7 (most recent call first):\n  \
        File \"/usr/lib/python3.12/ctypes/__init__.py\", line 525 in string_at\n  \
        File \"/p/helper.py\", line 3 in dig\n  File \"/p/a \"b\".py\", line 6 in answer\n  \
        File \"/usr/lib/python3.12/threading.py\", line 982 in run\n  \
        File \"/s/consort_worker/calls.py\", line 80 in run";

    #[test]
    fn the_deepest_frame_of_the_plugins_own_counts() {
        assert_eq!(place(&said(REPORT), &file("/p/a \"b\".py")).as_deref(), Some("helper.py:3"));
        // In a thread of its own, or below a library, as well; and where nothing is its own, no place is told.
        assert_eq!(place(&said(REPORT), &file("/q/a.py")), None);
        let package = Code::of(&json!({"dialect": "llm", "package": "llm-Acme"})).unwrap();
        let installed = REPORT.replace("/p/helper.py", "/v/lib/python3.12/site-packages/llm_acme/wire.py");
        assert_eq!(place(&said(&installed), &package).as_deref(), Some("wire.py:3"));
        assert_eq!(place(&said(REPORT), &package), None);
    }

    #[test]
    fn names_that_are_not_ascii_are_found_and_told_as_they_are() {
        let report = "Fatal Python error: Aborted\n  File \"/p/gr\\xf6\\xdfer \\u65e5\\U0001f600.py\", line 7 in answer";
        assert_eq!(place(&said(report), &file("/p/größer 日😀.py")).as_deref(), Some("größer 日😀.py:7"));
    }

    #[test]
    fn a_traceback_has_the_place_of_its_deepest_own_frame() {
        let traceback = "Traceback (most recent call last):\n  File \"/p/a.py\", line 3, in <module>\n    go()\n  \
            File \"/p/a, b.py\", line 24, in go\n    json.loads(1)\n  \
            File \"/usr/lib/python3.12/json/__init__.py\", line 339, in loads\nTypeError: no";
        let older = "Traceback (most recent call last):\n  File \"/p/old.py\", line 1, in <module>\nValueError: before\n";
        assert_eq!(traced(&said(&format!("{older}hello\n{traceback}"))).as_deref(), Some("a, b.py:24"));
        assert_eq!(traced(&said("  File \"/p/a.py\", line 3, in <module>")), None);
    }

    #[test]
    fn what_is_no_report_has_no_place() {
        let code = file("/p/a \"b\".py");
        assert_eq!(place(&said("  File \"/p/helper.py\", line 6 in answer"), &code), None);
        assert!(Code::of(&json!({})).is_none(), "who is no worker leaves none");
    }
}
