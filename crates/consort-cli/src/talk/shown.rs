//! The transcript of a session: as it grows, and at the end.
use crate::terminal::{Style, is_one_place, tamed};
use consort_core::{Speaker, TranscriptMode};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

/// The meter of the microphone: so many signs, each so many decibels.
const BARS: usize = 20;
const DECIBELS: f32 = 3.0;

/// What was said, by whom, in the order in which it began.
#[derive(Debug, Default)]
pub(super) struct Lines {
    all: Vec<Line>,
    /// So many of them are over.
    over: usize,
    /// Nobody is shown it while it grows.
    quiet: bool,
    /// The line that is being shown.
    shown: Option<usize>,
    /// Whether the meter stands on the last line.
    metered: bool,
}

#[derive(Debug)]
struct Line {
    item: String,
    by: Speaker,
    text: String,
    /// How much of it was shown.
    shown: usize,
}

impl Lines {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, ..Self::default() }
    }

    /// The user's words, where they were written.
    pub(super) fn written(&mut self, text: &str) {
        let item = format!("written {}", self.all.len());
        self.add(&item, Speaker::User, TranscriptMode::Final, text);
    }

    /// How loud the microphone is, while nothing else is being shown.
    pub(super) fn meter(&mut self, peak: f32) {
        if self.quiet || self.shown.is_some() || !std::io::stderr().is_terminal() {
            return;
        }
        let below = -20.0 * peak.max(1e-6).log10() / DECIBELS;
        let bars = BARS.saturating_sub(below as usize);
        let bar = format!("listening [{:BARS$}]", "#".repeat(bars));
        let mut to = anstream::stderr().lock();
        // Where stderr is closed, nobody is left to show it to.
        let _ = write!(to, "\r{}", Style::Dim.paint(bar));
        let _ = to.flush();
        self.metered = true;
    }

    pub(super) fn add(&mut self, item: &str, by: Speaker, mode: TranscriptMode, text: &str) {
        let open = &self.all[self.over..];
        let known = open.iter().rposition(|line| line.by == by && line.item == item);
        let at = self.over + known.unwrap_or(open.len());
        if at == self.all.len() {
            self.all.push(Line { item: item.to_owned(), by, text: String::new(), shown: 0 });
        }
        let line = &mut self.all[at];
        if mode == TranscriptMode::Delta {
            line.text.push_str(text);
        } else {
            let goes_on = text.starts_with(&line.text[..line.shown]);
            text.clone_into(&mut line.text);
            if !goes_on {
                line.shown = 0;
                if self.shown == Some(at) {
                    self.end_line();
                }
            }
        }
        self.show(at);
    }

    /// Shows what is new of a line; one that is not what was shown of it is shown anew.
    fn show(&mut self, at: usize) {
        if self.quiet || self.all[at].shown == self.all[at].text.len() {
            return;
        }
        self.erase_meter();
        let mut to = anstream::stderr().lock();
        // Where stderr is closed, nobody is left to show it to.
        let _ = write!(to, "{}", self.next(at));
        let _ = to.flush();
    }

    /// What is shown next, of this line.
    fn next(&mut self, at: usize) -> String {
        let before = self.shown.replace(at);
        let line = &mut self.all[at];
        let new = tamed(&line.text[line.shown..]);
        let mut words = String::new();
        if before != Some(at) {
            let end = if before.is_some() { "\n" } else { "" };
            // Something else came in its middle: it goes on.
            let goes_on = if line.shown > 0 { "… " } else { "" };
            let _ = write!(words, "{end}{}: {goes_on}", line.by.as_str());
        }
        words.push_str(&new);
        line.shown = line.text.len();
        words
    }

    /// Ends the line that is being shown: something else comes.
    pub(super) fn end_line(&mut self) {
        self.erase_meter();
        if self.shown.take().is_some() {
            let _ = writeln!(anstream::stderr());
        }
    }

    fn erase_meter(&mut self) {
        if std::mem::take(&mut self.metered) {
            // The same where codes are not understood.
            let blanks = BARS + "listening []".len();
            let _ = write!(anstream::stderr(), "\r{:blanks$}\r", "");
        }
    }

    /// Whether whoever reads stdout sees there what was shown while it grew: nobody wants to read it twice.
    pub(super) fn were_seen(&self) -> bool {
        !self.quiet && is_one_place()
    }

    /// Whether it was shown while it grew.
    pub(super) fn were_shown(&self) -> bool {
        !self.quiet
    }

    /// Nothing that was said so far goes on, whatever its name: another connection may give the same names again.
    pub(super) fn cut(&mut self) {
        self.end_line();
        self.over = self.all.len();
    }

    pub(super) fn has_user(&self) -> bool {
        self.all.iter().any(|line| line.by == Speaker::User)
    }

    pub(super) fn has_answer(&self) -> bool {
        self.has_answer_behind(0)
    }

    /// Whether one of the lines behind so many is an answer.
    pub(super) fn has_answer_behind(&self, count: usize) -> bool {
        self.all.iter().skip(count).any(|line| line.by == Speaker::Assistant && !line.text.is_empty())
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_lost_connection_the_same_name_is_another_answer() {
        let mut lines = Lines::new(true);
        let delta =
            |lines: &mut Lines, text| lines.add("item_1", Speaker::Assistant, TranscriptMode::Delta, text);
        delta(&mut lines, "Hello th");
        lines.cut();
        delta(&mut lines, "Hel");
        delta(&mut lines, "lo there.");
        let all: Vec<String> = lines.lines().collect();
        assert_eq!(all, ["assistant: Hello th", "assistant: Hello there."]);
    }

    #[test]
    fn each_word_of_a_line_is_shown_once() {
        let mut lines = Lines::new(true);
        let mut shown = |mode, text| {
            lines.add("item_1", Speaker::Assistant, mode, text);
            let new = lines.next(0);
            // A warning comes.
            lines.shown = None;
            new
        };
        assert_eq!(shown(TranscriptMode::Delta, "You said: "), "assistant: You said: ");
        assert_eq!(shown(TranscriptMode::Delta, "hel"), "assistant: … hel");
        assert_eq!(shown(TranscriptMode::Final, "You said: hello"), "assistant: … lo");
        assert_eq!(shown(TranscriptMode::Final, "You say hello"), "assistant: You say hello");
        assert_eq!(lines.all[0].shown, lines.all[0].text.len());
    }
}
