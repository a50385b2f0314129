//! Something wrong in a file of the user's, told so that it can be found and mended.
use consort_core::{Error, ErrorKind};
use std::fmt;
use std::path::{Path, PathBuf};

/// Something wrong in a file of the user's. It stops nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// Counted from 1; absent where the whole file is meant.
    pub line: Option<usize>,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    pub fn new(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, message: message.into(), help: None }
    }

    /// What a TOML parser found wrong, with its line.
    pub fn of_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let Some(span) = error.span() else { return Self::new(file, error.message()) };
        let problem = Self::new(file, error.message()).at_offset(text, span.start);
        match first_header(text, problem.line) {
            Some(first) if error.message().contains("duplicate key") => {
                Self { message: format!("{}; it stands in line {first} too", error.message()), ..problem }
            }
            _ => problem,
        }
    }

    pub fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// The line in which this byte of the file's text stands.
    pub fn at_offset(self, text: &str, offset: usize) -> Self {
        let before = text.char_indices().take_while(|(at, _)| *at < offset);
        self.at_line(1 + before.filter(|(_, letter)| *letter == '\n').count())
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The line before that opens the same table as this one.
fn first_header(text: &str, line: Option<usize>) -> Option<usize> {
    let line = line?;
    let header = |text: &str| text.split_once(']').map(|(header, _)| header.trim().to_owned());
    let wanted = text.lines().nth(line - 1).filter(|text| text.starts_with('[')).and_then(header);
    let mut before = text.lines().take(line - 1);
    before.position(|text| wanted.is_some() && header(text) == wanted).map(|at| at + 1)
}

/// For a call that cannot go on without the file.
impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let error = Self::new(ErrorKind::Setup, problem.to_string());
        match problem.help {
            Some(help) => error.hint(help),
            None => error,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}
