//! Shows an answer: as text while it comes, as events, or as one JSON object at its end.
use super::form::Form;
use super::markdown::Styler;
use super::words::{how_it_ended, trimmed, who_answered};
use crate::args::Ask;
use crate::exit;
use crate::terminal::{Signs, Style, tamed, thousands};
use consort_core::{
    Accumulator, Delta, Event, MediaSource, ModelCard, Money, PartKey, PartKind, Response, Role, UsageSource,
    Warning,
};
use consort_engine::{Outcome, What, line};
use consort_store::ConversationId;
use serde_json::json;
use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Letters of a tool's result that are shown.
const RESULT: usize = 200;

/// When the first content came, and the end.
pub(crate) struct Times {
    pub(crate) first: Option<Duration>,
    pub(crate) total: Duration,
}

pub(crate) struct Show<'a> {
    form: Form,
    pub(super) card: &'a ModelCard,
    signs: Signs,
    quiet: bool,
    usage: bool,
    /// Whether control codes in the answer are kept from the terminal.
    tame: bool,
    terminal: bool,
    /// What the parts are, for those whose words are shown.
    parts: HashMap<PartKey, PartKind>,
    /// Whether the answer is shown at its end alone.
    pub(super) whole: bool,
    /// Styles the answer on a terminal.
    styler: Option<Styler>,
    /// A try that failed, until it is known whether there is another.
    failed: Option<String>,
    /// What the host told, for programs.
    pub(super) notices: Vec<Warning>,
    /// Whether each output stands at the start of a line.
    out_fresh: bool,
    err_fresh: bool,
    /// Whether the answer itself stopped within a line.
    mid_line: bool,
}

impl<'a> Show<'a> {
    pub(crate) fn new(ask: &Ask, signs: Signs, card: &'a ModelCard) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            form: Form::of(ask),
            card,
            signs,
            quiet: ask.quiet,
            usage: ask.usage,
            tame: terminal && !ask.raw,
            terminal,
            parts: HashMap::new(),
            whole: ask.schema.is_some(),
            styler: (terminal && !ask.raw && is_coloured()).then(Styler::default),
            failed: None,
            notices: Vec::new(),
            out_fresh: true,
            err_fresh: true,
            mid_line: false,
        }
    }

    /// Shows what happened, as far as it is for the user.
    pub(crate) fn happened(&mut self, what: &What) -> io::Result<()> {
        match what {
            What::Chunk { event } | What::Event { event } => self.event(event),
            What::TurnStarted { role: Role::Assistant, .. } => self.next_answer(),
            What::Notice { warning } => {
                self.notices.push(warning.clone());
                self.warn(warning)
            }
            What::ContextTrimmed { report } => {
                let line = trimmed(report);
                self.notices.push(Warning::new("context_trimmed", line.as_str()));
                self.aside(Style::Warning, &format!("note: {line}"))
            }
            What::ToolStarted { call } => {
                self.line_of(what)?;
                self.aside(Style::Dim, &format!("{}({})", call.name, call.arguments.raw()))
            }
            What::ToolEnded { result, took_ms } => {
                self.line_of(what)?;
                let sign = if result.is_error { "failed: " } else { "" };
                let text = line(&result.text(), RESULT);
                self.aside(Style::Dim, &format!("  {sign}{text} ({:.1} s)", *took_ms as f64 / 1000.0))
            }
            _ => Ok(()),
        }
    }

    /// A line for programs, of what is no event of the answer.
    fn line_of(&self, what: &What) -> io::Result<()> {
        if self.form != Form::Lines {
            return Ok(());
        }
        let mut value = serde_json::to_value(what)?;
        if let Some(object) = value.as_object_mut()
            && let Some(kind) = object.shift_remove("kind")
        {
            object.shift_insert(0, "type".to_owned(), kind);
        }
        writeln!(io::stdout(), "{value}")
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if event.is_content() {
            self.tell_failed()?;
        }
        match self.form {
            Form::Json => {}
            Form::Lines => {
                let mut to = io::stdout().lock();
                serde_json::to_writer(&mut to, event)?;
                writeln!(to)?;
                to.flush()?;
            }
            Form::Text => self.text_event(event)?,
        }
        match event {
            Event::Warning(warning) => self.warn(warning),
            Event::Attempt(attempt) => {
                self.tell_failed()?;
                self.failed =
                    attempt.error.as_ref().map(|error| format!("{} failed: {error}", attempt.target));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A try that failed is told when something comes after it: the last one is the error itself.
    fn tell_failed(&mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(line) => self.aside(Style::Warning, &format!("note: {line}")),
            None => Ok(()),
        }
    }

    fn warn(&mut self, warning: &Warning) -> io::Result<()> {
        self.aside(Style::Warning, &format!("warning: {}", warning.message))
    }

    /// A line beside the answer, unless nothing is wanted beside it.
    fn aside(&mut self, style: Style, line: &str) -> io::Result<()> {
        if self.quiet { Ok(()) } else { self.note(style, &tamed(line)) }
    }

    /// After tools ran the model speaks again, on a line of its own.
    fn next_answer(&mut self) -> io::Result<()> {
        self.parts.clear();
        // A note beside it has ended the line on a screen already.
        let ended = self.terminal && self.out_fresh;
        self.out_fresh = true;
        if std::mem::take(&mut self.mid_line) && !ended { writeln!(io::stdout()) } else { Ok(()) }
    }

    fn text_event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::PartStart { part, choice: 0, kind } => {
                self.parts.insert(*part, kind.clone());
            }
            Event::PartDelta { part, delta: Delta::Text(text) } => match self.parts.get(part) {
                // What may not fit the schema is shown once it does.
                Some(PartKind::Text | PartKind::Refusal) if self.whole => {}
                Some(PartKind::Text | PartKind::Refusal) => self.answer(text)?,
                Some(PartKind::Reasoning { .. }) => self.reasoning(text)?,
                _ => {}
            },
            Event::PartEnd { part } => {
                if matches!(self.parts.remove(part), Some(PartKind::Text | PartKind::Refusal)) {
                    self.end_style()?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A piece of the answer: the bytes as they came, but for what could take a terminal over.
    fn answer(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.fresh_stderr()?;
        let mut to = io::stdout().lock();
        match &mut self.styler {
            Some(styler) => to.write_all(styler.push(&tamed(text)).as_bytes())?,
            None if self.tame => to.write_all(tamed(text).as_bytes())?,
            None => to.write_all(text.as_bytes())?,
        }
        to.flush()?;
        self.out_fresh = text.ends_with('\n');
        self.mid_line = !self.out_fresh;
        Ok(())
    }

    /// Shows what the styler holds back.
    fn end_style(&mut self) -> io::Result<()> {
        let Some(styler) = &mut self.styler else { return Ok(()) };
        let mut to = io::stdout().lock();
        to.write_all(styler.end().as_bytes())?;
        to.flush()
    }

    fn reasoning(&mut self, text: &str) -> io::Result<()> {
        if self.quiet || text.is_empty() {
            return Ok(());
        }
        let mut to = anstream::stderr().lock();
        write!(to, "{}", Style::Dim.paint(tamed(text)))?;
        self.err_fresh = text.ends_with('\n');
        to.flush()
    }

    /// Ends an open line on stderr, so that the answer does not follow on it.
    fn fresh_stderr(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.err_fresh, true) {
            writeln!(anstream::stderr())?;
        }
        Ok(())
    }

    /// Ends an open line of the answer. In a pipe the answer's bytes are its own, and only a screen that shows both
    /// gets the newline.
    fn fresh_stdout(&mut self) -> io::Result<()> {
        self.end_style()?;
        if std::mem::replace(&mut self.out_fresh, true) {
            return Ok(());
        }
        if self.terminal {
            writeln!(io::stdout())
        } else if io::stderr().is_terminal() {
            writeln!(io::stderr())
        } else {
            Ok(())
        }
    }

    /// A line on stderr.
    fn note(&mut self, style: Style, line: &str) -> io::Result<()> {
        self.fresh_stderr()?;
        self.fresh_stdout()?;
        writeln!(anstream::stderr(), "{}", style.paint(line))
    }

    /// The end: whole, or with the error that cut it.
    pub(crate) fn end(
        &mut self,
        outcome: &Outcome,
        conversation: Option<ConversationId>,
        times: &Times,
    ) -> io::Result<()> {
        let nothing = Accumulator::default().partial();
        let answer = outcome.response.as_deref().unwrap_or(&nothing);
        let error = outcome.error.as_ref();
        match self.form {
            Form::Json => writeln!(io::stdout(), "{}", self.object(answer, outcome, conversation, times))?,
            Form::Lines => {
                if let Some(error) = error {
                    writeln!(io::stdout(), "{}", json!({"type": "error", "error": exit::to_json(error)}))?;
                }
            }
            Form::Text => {
                self.fresh_stderr()?;
                if self.whole && error.is_none() {
                    writeln!(io::stdout(), "{}", answer.text())?;
                }
                self.fresh_stdout()?;
            }
        }
        if self.quiet {
            return Ok(());
        }
        if self.form == Form::Text {
            self.leftovers(answer)?;
            // Said wherever the answer goes: nobody must take one model's answer for another's.
            if let Some(note) = who_answered(&outcome.attempts) {
                self.note(Style::Dim, &note)?;
            }
        }
        if error.is_none()
            && let Some(note) = how_it_ended(answer.finish.reason)
        {
            self.note(Style::Warning, note)?;
        }
        let told = self.usage || (self.form == Form::Text && error.is_none() && io::stderr().is_terminal());
        if told { self.note(Style::Dim, &self.line(answer, outcome.cost(), times)) } else { Ok(()) }
    }

    /// What an answer holds that is not text.
    fn leftovers(&mut self, answer: &Response) -> io::Result<()> {
        for call in answer.tool_calls() {
            self.note(Style::Dim, &tamed(&format!("tool call: {}({})", call.name, call.arguments.raw())))?;
        }
        for media in answer.media() {
            let size = match &media.source {
                MediaSource::Bytes(bytes) => format!("{} bytes", thousands(bytes.len() as u64)),
                MediaSource::Url(url) => tamed(url),
                MediaSource::Path(_) | MediaSource::File { .. } => "elsewhere".to_owned(),
            };
            self.note(
                Style::Dim,
                &format!("the answer holds {} ({size}); --json gives it", tamed(&media.mime)),
            )?;
        }
        Ok(())
    }

    /// One line: the model, its tokens, what they cost, and how long it took.
    fn line(&self, answer: &Response, cost: Option<Money>, times: &Times) -> String {
        let mut words = vec![self.card.id.clone()];
        if let Some(usage) = &answer.usage {
            let guess = if usage.source == UsageSource::Estimated { self.signs.about } else { "" };
            let counts = [(usage.all_input(), "in"), (usage.all_output(), "out"), (usage.cached, "cached")];
            let counts = counts.into_iter().filter(|(count, word)| *word != "cached" || *count != Some(0));
            words.extend(
                counts.filter_map(|(count, word)| Some(format!("{guess}{} {word}", thousands(count?)))),
            );
        }
        words.push(cost.map_or_else(|| "price unknown".to_owned(), |cost| cost.to_string()));
        words.push(format!("{:.1} s", times.total.as_secs_f64()));
        words.join(&format!(" {} ", self.signs.dot))
    }
}

/// Whether stdout shows styles.
fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}
