//! The last words of a process: its stderr, stray output and messages, without the secrets that it was given.
use consort_core::Secret;
use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// How much is kept.
const MOST: usize = 64 << 10;
/// How much of one line.
const MOST_OF_LINE: usize = 4 << 10;

/// The newest lines of one process.
#[derive(Default)]
pub struct LogRing {
    inner: Mutex<Inner>,
    /// Where it is kept when the process ended.
    file: Option<PathBuf>,
}

#[derive(Default)]
struct Inner {
    lines: VecDeque<String>,
    bytes: usize,
    lost: u64,
    secrets: Vec<Secret>,
}

impl LogRing {
    /// One that is kept in a file when the process ended.
    pub fn kept_in(file: PathBuf) -> Self {
        Self { inner: Mutex::default(), file: Some(file) }
    }

    /// Writes it into its file, where it has one.
    pub fn keep(&self) {
        let Some(file) = &self.file else { return };
        let text = self.lines().join("\n");
        // A log that cannot be kept stops nothing.
        let _ = file.parent().map(std::fs::create_dir_all);
        let _ = if text.is_empty() { std::fs::remove_file(file) } else { std::fs::write(file, text + "\n") };
    }

    /// From now on this is blacked out.
    pub fn hide(&self, secret: Secret) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.secrets.iter().any(|known| known.expose() == secret.expose()) {
            inner.secrets.push(secret);
        }
    }

    /// The text with every secret blacked out.
    pub fn masked(&self, text: &str) -> String {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.mask(text)
    }

    pub fn add(&self, line: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // Blacked out before it is cut: half a key is a key's half.
        let mut text = inner.mask(line);
        if text.len() > MOST_OF_LINE {
            text.truncate(text.floor_char_boundary(MOST_OF_LINE));
            text.push('…');
        }
        inner.bytes += text.len() + 1;
        inner.lines.push_back(text);
        while inner.bytes > MOST {
            let Some(old) = inner.lines.pop_front() else { break };
            inner.bytes -= old.len() + 1;
            inner.lost += 1;
        }
    }

    /// All lines that are kept, the oldest first.
    pub fn lines(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = (inner.lost > 0).then(|| format!("({} earlier lines are not kept)", inner.lost));
        lost.into_iter().chain(inner.lines.iter().cloned()).collect()
    }

    /// The last line that says something.
    pub fn last(&self) -> Option<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.lines.iter().rev().find(|line| !line.trim().is_empty()).cloned()
    }
}

impl Inner {
    fn mask(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.mask(&text))
    }
}

impl fmt::Debug for LogRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogRing").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_lines_are_kept_and_no_secret() {
        let log = LogRing::default();
        log.hide(Secret::new("sk-123"));
        log.add("the key is sk-123!");
        assert_eq!(log.lines(), ["the key is ***!"]);
        for _ in 0..1000 {
            log.add(&"x".repeat(10_000));
        }
        assert!(log.lines().iter().map(String::len).sum::<usize>() < 2 * MOST);
        assert!(log.lines()[0].contains("are not kept"));
    }
}
