//! The last words of a process: its stderr, stray output and messages, without the secrets that it was given.
use consort_core::Secret;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, fs};

/// How much is kept.
const MOST: usize = 64 << 10;
/// How much of one line.
const MOST_OF_LINE: usize = 4 << 10;

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Stdout,
    Stderr,
    /// We ourselves, about the process.
    Host,
}

impl Writer {
    const ALL: [Self; 3] = [Self::Stdout, Self::Stderr, Self::Host];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Host => "host",
        }
    }
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, where known.
    pub at: Option<SystemTime>,
    pub by: Writer,
    pub text: String,
}

impl LogLine {
    /// The line as it stands in a file: its time, who wrote it, and its text.
    fn kept(&self) -> String {
        let at = self.at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        format!("{} {} {}", at.as_millis(), self.by.as_str(), self.text)
    }

    /// Reads a line of a file. One that an older program kept is its text.
    fn read(line: &str) -> Self {
        let mut words = line.splitn(3, ' ');
        let at = words.next().and_then(|at| at.parse().ok());
        let by = words.next().and_then(|by| Writer::ALL.into_iter().find(|known| known.as_str() == by));
        match (at, by, words.next()) {
            (Some(at), Some(by), Some(text)) => {
                let at = UNIX_EPOCH.checked_add(Duration::from_millis(at)).filter(|_| at > 0);
                Self { at, by, text: text.to_owned() }
            }
            _ => Self { at: None, by: Writer::Stderr, text: line.to_owned() },
        }
    }
}

/// The newest lines of one process.
#[derive(Default)]
pub struct LogRing {
    inner: Mutex<Inner>,
    /// Where it is kept when the plugin ended, and since when it is written.
    folder: Option<(PathBuf, SystemTime)>,
}

#[derive(Default)]
struct Inner {
    lines: VecDeque<LogLine>,
    bytes: usize,
    lost: u64,
    secrets: Vec<Secret>,
}

impl LogRing {
    /// One that is kept in this folder when the plugin ended.
    pub fn kept_in(folder: PathBuf) -> Self {
        Self { inner: Mutex::default(), folder: Some((folder, SystemTime::now())) }
    }

    /// Writes it into a file of this program's own: another may run the same plugin. What was kept before it began is over.
    pub fn keep(&self) {
        let Some((folder, begun)) = &self.folder else { return };
        for (time, old) in files(folder) {
            if time < *begun {
                // A log that cannot be removed stops nothing, nor does one that cannot be kept.
                let _ = fs::remove_file(old);
            }
        }
        let lines: Vec<String> = self.said().iter().map(LogLine::kept).collect();
        let (text, file) = (lines.join("\n"), folder.join(format!("{}.log", std::process::id())));
        if text.is_empty() {
            let _ = fs::remove_file(file);
        } else if fs::create_dir_all(folder).is_ok() {
            let _ = fs::write(file, text + "\n");
        }
    }

    /// What was kept last in this folder.
    pub fn kept(folder: &Path) -> Vec<LogLine> {
        let newest = files(folder).max_by_key(|(time, _)| *time);
        let text = newest.and_then(|(_, file)| fs::read_to_string(file).ok()).unwrap_or_default();
        text.lines().map(LogLine::read).collect()
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

    pub fn add(&self, by: Writer, line: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // Blacked out before it is cut: half a key is a key's half.
        let mut text = inner.mask(line);
        if text.len() > MOST_OF_LINE {
            text.truncate(text.floor_char_boundary(MOST_OF_LINE));
            text.push('…');
        }
        inner.bytes += text.len() + 1;
        inner.lines.push_back(LogLine { at: Some(SystemTime::now()), by, text });
        while inner.bytes > MOST {
            let Some(old) = inner.lines.pop_front() else { break };
            inner.bytes -= old.text.len() + 1;
            inner.lost += 1;
        }
    }

    /// The texts of all lines that are kept, the oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.said().into_iter().map(|line| line.text).collect()
    }

    /// All lines that are kept, the oldest first.
    pub fn said(&self) -> Vec<LogLine> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = (inner.lost > 0).then(|| LogLine {
            at: None,
            by: Writer::Host,
            text: format!("({} earlier lines are not kept)", inner.lost),
        });
        lost.into_iter().chain(inner.lines.iter().cloned()).collect()
    }

    /// The last line that says something.
    pub fn last(&self) -> Option<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = inner.lines.iter().map(|line| &line.text);
        texts.rev().find(|line| !line.trim().is_empty()).cloned()
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

/// The logs in a folder, and when each was written.
fn files(folder: &Path) -> impl Iterator<Item = (SystemTime, PathBuf)> + use<> {
    let all = fs::read_dir(folder).into_iter().flatten().flatten();
    all.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_programs_keep_each_others_last_words() {
        let place = tempfile::tempdir().unwrap();
        let kept = || LogRing::kept(place.path()).into_iter().map(|line| line.text).collect::<Vec<_>>();
        fs::write(place.path().join("1.log"), "before\n").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let log = LogRing::kept_in(place.path().into());
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(kept(), ["before"]);
        // Another, of the same plugin, crashes while this one runs, and this one ends without a word.
        fs::write(place.path().join("2.log"), "crashed\n").unwrap();
        log.keep();
        assert_eq!(kept(), ["crashed"]);
        assert_eq!(files(place.path()).count(), 1, "what came before both is over");
        std::thread::sleep(std::time::Duration::from_millis(20));
        log.add(Writer::Host, "ended");
        log.keep();
        assert_eq!(kept(), ["ended"]);
    }

    #[test]
    fn only_the_newest_lines_are_kept_and_no_secret() {
        let log = LogRing::default();
        log.hide(Secret::new("sk-123"));
        log.add(Writer::Stderr, "the key is sk-123!");
        assert_eq!(log.lines(), ["the key is ***!"]);
        for _ in 0..1000 {
            log.add(Writer::Stderr, &"x".repeat(10_000));
        }
        assert!(log.lines().iter().map(String::len).sum::<usize>() < 2 * MOST);
        assert!(log.lines()[0].contains("are not kept"));
    }
    #[test]
    fn a_line_says_when_it_was_written_and_by_whom_also_when_it_is_read_again() {
        let place = tempfile::tempdir().unwrap();
        let before = SystemTime::now() - Duration::from_millis(1);
        let log = LogRing::kept_in(place.path().into());
        log.add(Writer::Stdout, "stray output: hello");
        log.add(Writer::Host, "");
        log.keep();
        let kept = LogRing::kept(place.path());
        assert_eq!(kept.iter().map(|line| line.by).collect::<Vec<_>>(), [Writer::Stdout, Writer::Host]);
        assert_eq!((kept[0].text.as_str(), kept[1].text.as_str()), ("stray output: hello", ""));
        assert!(kept.iter().all(|line| line.at.is_some_and(|at| at >= before && at <= SystemTime::now())));
        // As an older program kept it.
        fs::write(place.path().join("2.log"), "error: 12 of 13\n").unwrap();
        let old = LogLine { at: None, by: Writer::Stderr, text: "error: 12 of 13".into() };
        assert_eq!(LogRing::kept(place.path()), [old]);
    }
}
