//! The transcript of a session: as it grows, and at the end.
use crate::terminal::tamed;
use consort_core::{Speaker, TranscriptMode};
use serde_json::{Value, json};
use std::io::Write;

/// What was said, by whom, in the order in which it began.
#[derive(Debug, Default)]
pub(super) struct Lines {
    all: Vec<Line>,
    /// Nobody is shown it while it grows.
    quiet: bool,
    /// The line that is being shown, and how much of it is.
    shown: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Line {
    item: String,
    by: Speaker,
    text: String,
}

impl Lines {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, ..Self::default() }
    }

    pub(super) fn add(&mut self, item: &str, by: Speaker, mode: TranscriptMode, text: &str) {
        let known = self.all.iter().rposition(|line| line.by == by && line.item == item);
        let at = known.unwrap_or_else(|| {
            self.all.push(Line { item: item.to_owned(), by, text: String::new() });
            self.all.len() - 1
        });
        let line = &mut self.all[at];
        if mode == TranscriptMode::Delta {
            line.text.push_str(text);
        } else {
            let goes_on = text.starts_with(&line.text);
            text.clone_into(&mut line.text);
            if !goes_on && self.shown.is_some_and(|(on, _)| on == at) {
                self.end_line();
            }
        }
        self.show(at);
    }

    /// Shows what is new of a line; one that is not what was shown of it is shown anew.
    fn show(&mut self, at: usize) {
        if self.quiet {
            return;
        }
        let line = &self.all[at];
        let mut to = anstream::stderr().lock();
        let before = self.shown.filter(|(on, length)| *on == at && line.text.is_char_boundary(*length));
        let from = before.map_or(0, |(_, length)| length);
        // Where stderr is closed, nobody is left to show it to.
        if before.is_none() {
            let end = if self.shown.is_some() { "\n" } else { "" };
            let _ = write!(to, "{end}{}: ", line.by.as_str());
        }
        let _ = write!(to, "{}", tamed(&line.text[from..]));
        let _ = to.flush();
        self.shown = Some((at, line.text.len()));
    }

    /// Ends the line that is being shown: something else comes.
    pub(super) fn end_line(&mut self) {
        if self.shown.take().is_some() {
            let _ = writeln!(anstream::stderr());
        }
    }

    pub(super) fn has_answer(&self) -> bool {
        self.all.iter().any(|line| line.by == Speaker::Assistant && !line.text.is_empty())
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let said = self.all.iter().filter(|line| !line.text.trim().is_empty());
        said.map(|line| format!("{}: {}", line.by.as_str(), tamed(line.text.trim())))
    }

    pub(super) fn to_json(&self) -> Value {
        let said = self.all.iter().filter(|line| !line.text.is_empty());
        said.map(|line| json!({"by": line.by, "text": line.text})).collect()
    }
}
