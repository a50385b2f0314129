//! The last words of a process: its stderr, stray output and messages, without the secrets that it was given.
use consort_core::Secret;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{fmt, fs};

/// How much is kept.
const MOST: usize = 64 << 10;
/// How much of one line.
const MOST_OF_LINE: usize = 4 << 10;

/// The newest lines of one process.
#[derive(Default)]
pub struct LogRing {
    inner: Mutex<Inner>,
    /// Where it is kept when the plugin ended, and since when it is written.
    folder: Option<(PathBuf, SystemTime)>,
}

#[derive(Default)]
struct Inner {
    lines: VecDeque<String>,
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
        let (text, file) = (self.lines().join("\n"), folder.join(format!("{}.log", std::process::id())));
        if text.is_empty() {
            let _ = fs::remove_file(file);
        } else if fs::create_dir_all(folder).is_ok() {
            let _ = fs::write(file, text + "\n");
        }
    }

    /// What was kept last in this folder.
    pub fn kept(folder: &Path) -> Vec<String> {
        let newest = files(folder).max_by_key(|(time, _)| *time);
        let text = newest.and_then(|(_, file)| fs::read_to_string(file).ok()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
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
        let kept = || LogRing::kept(place.path());
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
        log.add("ended");
        log.keep();
        assert_eq!(kept(), ["ended"]);
    }

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
