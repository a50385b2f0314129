//! What came of a session: what was said and heard, what it cost, and how it ended.
use super::heard::Heard;
use super::shown::Lines;
use crate::exit;
use crate::terminal::{Style, print_json, tamed};
use consort_core::{Error, ErrorKind, Finish, FinishReason, Speaker, TranscriptMode, Usage};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) heard: Heard,
    pub(super) lines: Lines,
    pub(super) said: Duration,
    pub(super) turns: u32,
    /// How much was heard, and how many lines there were, when the last answer was over.
    answers: (Duration, usize),
    pub(super) usage: Option<Usage>,
    pub(super) tools: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// Why it failed, where it did.
    pub(super) failed: Option<Error>,
    /// What failed in the turn that is being answered.
    failing: Option<Error>,
    /// Why the last answer is not whole.
    cut: Option<Error>,
    /// The last thing that failed at all.
    last: Option<Error>,
    /// Why the answer that is under way may not become whole, where that is known.
    spoilt: Option<String>,
    /// Nothing is told before the end.
    quiet: bool,
}

impl Outcome {
    pub(super) fn new(heard: Heard, quiet: bool) -> Self {
        Self {
            heard,
            lines: Lines::new(quiet),
            said: Duration::ZERO,
            turns: 0,
            answers: (Duration::ZERO, 0),
            usage: None,
            tools: Vec::new(),
            warnings: Vec::new(),
            failed: None,
            failing: None,
            cut: None,
            last: None,
            spoilt: None,
            quiet,
        }
    }

    /// Something new is said: what failed before is over.
    pub(super) fn turn_begins(&mut self) {
        self.name_sound();
        (self.failing, self.cut, self.spoilt) = (None, None, None);
    }

    pub(super) fn turn_ends(&mut self, finish: &Finish, usage: Option<&Usage>) {
        self.turns += 1;
        let spoilt = self.spoilt.take();
        self.cut = self.failing.take().or_else(|| unfinished(finish, spoilt));
        if let Some(usage) = usage {
            self.usage.get_or_insert_default().add(usage);
        }
    }

    /// The connection is made anew.
    pub(super) fn reconnects(&mut self, reason: &str) {
        self.warn(&format!("connecting again: {reason}"));
        let why = "the connection was lost in the middle of it";
        // That an answer ends is told before why.
        self.cut = self.cut.take().map(|_| not_whole(why));
        self.spoilt = Some(why.into());
    }

    /// Nothing more is waited for.
    pub(super) fn gives_up(&mut self, wait: Duration) {
        let wait = wait.as_secs();
        self.spoilt = Some(format!("nothing more came for {wait} s; `--wait SECONDS` waits longer"));
    }

    /// Something failed, and the session goes on.
    pub(super) fn fails(&mut self, error: Error) {
        if !self.quiet {
            self.lines.end_line();
            // Where stderr is closed, nobody is left to tell.
            let _ = exit::tell(&error);
        }
        self.warnings.push(error.to_string());
        self.last = Some(error.clone());
        self.failing = Some(error);
    }

    pub(super) fn warn(&mut self, message: &str) {
        if !self.quiet {
            self.lines.end_line();
            let label = Style::Warning.paint("warning:");
            // Where stderr is closed, nobody is left to tell.
            let _ = writeln!(anstream::stderr(), "{label} {}", tamed(message));
        }
        self.warnings.push(message.to_owned());
    }

    pub(super) fn has_answer(&self) -> bool {
        self.lines.has_answer() || !self.heard.is_empty()
    }

    /// It ended as it should: what failed in its last turn counts, which may be unanswered, and where nothing came at all,
    /// what failed on the way. A plugin that raises behind what it told as an answer has not said all of it.
    pub(super) fn ends(&mut self, is_unanswered: bool) {
        let counts = |error: &Error| is_unanswered || error.kind() == ErrorKind::PluginBug;
        let failing = self.failing.take().filter(counts);
        let last = self.last.take().filter(|_| !self.has_answer());
        self.failed = failing.or(self.cut.take()).or(last);
    }

    /// Whether the user has read of this already.
    pub(super) fn was_told(&self, error: &Error) -> bool {
        !self.quiet && self.warnings.contains(&error.to_string())
    }

    /// An answer without words has a line too: it is over now.
    pub(super) fn name_sound(&mut self) {
        let (heard, lines) = self.answers;
        let seconds = self.heard.duration().saturating_sub(heard).as_secs_f64();
        if self.heard.take_sounded() && !self.lines.has_answer_behind(lines) {
            let item = format!("sound {lines}");
            let words = format!("({seconds:.1} s of sound, no words)");
            self.lines.add(&item, Speaker::Assistant, TranscriptMode::Final, &words);
        }
        self.answers = (self.heard.duration(), self.lines.count());
    }

    /// The transcript on stdout, or all of it as one object; on stderr where stdout is for sound, and it was not shown there.
    pub(super) fn show(&self, model: &str, as_json: bool, is_sound: bool) -> std::io::Result<()> {
        if is_sound {
            return if self.lines.were_shown() { Ok(()) } else { self.write(anstream::stderr().lock()) };
        }
        if as_json {
            return print_json(&json!({
                "model": model,
                "transcript": self.lines.to_json(),
                "said_s": self.said.as_secs_f64(),
                "heard_s": self.heard.duration().as_secs_f64(),
                "turns": self.turns,
                "usage": self.usage,
                "tools": self.tools,
                "warnings": self.warnings,
                "error": self.failed.as_ref().map_or(Value::Null, exit::to_json),
            }));
        }
        if self.lines.were_seen() {
            return Ok(());
        }
        self.write(anstream::stdout().lock())
    }

    fn write(&self, mut to: impl Write) -> std::io::Result<()> {
        for line in self.lines.lines() {
            writeln!(to, "{line}")?;
        }
        to.flush()
    }
}

/// Why an answer that ended so is not whole: what is known of it, else the model's own word.
fn unfinished(finish: &Finish, spoilt: Option<String>) -> Option<Error> {
    let word = finish.vendor_reason.as_deref().unwrap_or_default();
    let is_cut = ["interrupted", "failed", "cancelled", "incomplete"].iter().any(|cut| word.starts_with(cut));
    (finish.reason == FinishReason::Other && is_cut).then(|| not_whole(spoilt.as_deref().unwrap_or(word)))
}

fn not_whole(why: &str) -> Error {
    Error::new(ErrorKind::Interrupted, format!("the answer is not whole ({why})"))
}
