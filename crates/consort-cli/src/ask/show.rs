//! Shows an answer: as text while it comes, as events, or as one JSON object at its end.
use crate::args::Ask;
use crate::exit;
use crate::terminal::{Signs, Style, tamed, thousands};
use consort_core::{
    Attempt, Delta, Error, Event, FinishReason, MediaSource, ModelCard, Money, PartKey, PartKind, Response,
    Usage, UsageSource,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// When the first content came, and the end.
pub(super) struct Times {
    pub(super) first: Option<Duration>,
    pub(super) total: Duration,
}

/// The form that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Lines,
}

pub(super) struct Show<'a> {
    form: Form,
    card: &'a ModelCard,
    signs: Signs,
    quiet: bool,
    usage: bool,
    /// Whether control codes in the answer are kept from the terminal.
    tame: bool,
    terminal: bool,
    /// What the parts are, for those whose words are shown.
    parts: HashMap<PartKey, PartKind>,
    /// Whether each output stands at the start of a line.
    out_fresh: bool,
    err_fresh: bool,
}

impl<'a> Show<'a> {
    pub(super) fn new(ask: &Ask, signs: Signs, card: &'a ModelCard) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            form: if ask.json {
                Form::Json
            } else if ask.jsonl {
                Form::Lines
            } else {
                Form::Text
            },
            card,
            signs,
            quiet: ask.quiet,
            usage: ask.usage,
            tame: terminal && !ask.raw,
            terminal,
            parts: HashMap::new(),
            out_fresh: true,
            err_fresh: true,
        }
    }

    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
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
            Event::Warning(warning) if !self.quiet => {
                self.note(Style::Warning, &format!("warning: {}", tamed(&warning.message)))
            }
            _ => Ok(()),
        }
    }

    fn text_event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::PartStart { part, choice: 0, kind } => {
                self.parts.insert(*part, kind.clone());
            }
            Event::PartDelta { part, delta: Delta::Text(text) } => match self.parts.get(part) {
                Some(PartKind::Text | PartKind::Refusal) => self.answer(text)?,
                Some(PartKind::Reasoning { .. }) => self.reasoning(text)?,
                _ => {}
            },
            Event::PartEnd { part } => {
                self.parts.remove(part);
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
        if self.tame {
            to.write_all(tamed(text).as_bytes())?;
        } else {
            to.write_all(text.as_bytes())?;
        }
        to.flush()?;
        self.out_fresh = text.ends_with('\n');
        Ok(())
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
    pub(super) fn end(&mut self, answer: &Response, error: Option<&Error>, times: &Times) -> io::Result<()> {
        let cost = answer.cost(self.card.price.as_ref());
        match self.form {
            Form::Json => writeln!(io::stdout(), "{}", self.object(answer, error, cost, times))?,
            Form::Lines => {
                if let Some(error) = error {
                    writeln!(io::stdout(), "{}", json!({"type": "error", "error": exit::to_json(error)}))?;
                }
            }
            Form::Text => {
                self.fresh_stderr()?;
                self.fresh_stdout()?;
            }
        }
        if self.quiet {
            return Ok(());
        }
        if self.form == Form::Text {
            self.leftovers(answer)?;
            // Said wherever the answer goes: nobody must take one model's answer for another's.
            if let Some(note) = who_answered(&answer.attempts) {
                self.note(Style::Dim, &note)?;
            }
        }
        if error.is_none()
            && let Some(note) = how_it_ended(answer.finish.reason)
        {
            self.note(Style::Warning, note)?;
        }
        let told = self.usage || (self.form == Form::Text && error.is_none() && io::stderr().is_terminal());
        if told { self.note(Style::Dim, &self.line(answer, cost, times)) } else { Ok(()) }
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
            let guess = if usage.source == UsageSource::Estimated { "about " } else { "" };
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

    fn object(&self, answer: &Response, error: Option<&Error>, cost: Option<Money>, times: &Times) -> Value {
        let ms = |time: Duration| time.as_millis() as u64;
        let calls: Vec<Value> = answer
            .tool_calls()
            .map(|call| {
                let arguments = call.arguments.value().unwrap_or_else(|_| call.arguments.raw().into());
                json!({"id": call.id, "name": call.name, "arguments": arguments})
            })
            .collect();
        let mut object = Map::new();
        let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
        set("text", answer.text().into());
        set("model", self.card.id.clone().into());
        set("provider", self.card.provider.clone().into());
        set("resolved_model", answer.resolved_model.clone().into());
        set("usage", answer.usage.as_ref().map_or(Value::Null, usage));
        set("cost", cost.map(Money::dollars).into());
        set("finish", if error.is_some() { Value::Null } else { answer.finish.reason.as_str().into() });
        set("tool_calls", calls.into());
        let optional = [
            ("vendor_finish", answer.finish.vendor_reason.clone().map(Value::from)),
            ("reasoning", Some(answer.reasoning()).filter(|text| !text.is_empty()).map(Value::from)),
            ("refusal", answer.refusal().map(Value::from)),
            ("response_id", answer.response_id.clone().map(Value::from)),
            ("media", list(answer.media())),
            ("warnings", list(answer.warnings.iter())),
            (
                "attempts",
                (!answer.attempts.is_empty()).then(|| answer.attempts.iter().map(attempt).collect()),
            ),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                set(name, value);
            }
        }
        set("ms", json!({"first": times.first.map(ms), "total": ms(times.total)}));
        if let Some(error) = error {
            set("error", exit::to_json(error));
        }
        Value::Object(object)
    }
}

/// A list for JSON, unless it is empty.
fn list<T: serde::Serialize>(items: impl Iterator<Item = T>) -> Option<Value> {
    let all: Vec<Value> = items.filter_map(|item| serde_json::to_value(item).ok()).collect();
    (!all.is_empty()).then(|| all.into())
}

/// `answered by b/m (a/m: rate limit, 12.0 s)`, where somebody failed before; who failed, where nobody answered.
fn who_answered(attempts: &[Attempt]) -> Option<String> {
    let failed = |attempt: &&Attempt| attempt.error.is_some();
    let others: Vec<String> = attempts
        .iter()
        .filter(failed)
        .filter_map(|attempt| {
            let what = attempt.error.as_ref()?.kind().as_str().replace('_', " ");
            let rests = if attempt.unasked.is_some() { "rests after " } else { "" };
            let took = (attempt.waited + attempt.took).as_secs_f64();
            let took = if took < 0.05 { String::new() } else { format!(", {took:.1} s") };
            Some(format!("{}: {rests}{what}{took}", attempt.target))
        })
        .collect();
    let others = others.join("; ");
    match attempts.iter().rev().find(|attempt| attempt.error.is_none()) {
        Some(_) if others.is_empty() => None,
        Some(answered) => Some(format!("answered by {} ({others})", answered.target)),
        None => (attempts.len() > 1).then(|| format!("asked: {others}")),
    }
}

/// A try for programs: its cost in dollars and its error as errors are everywhere.
fn attempt(attempt: &Attempt) -> Value {
    let mut value = serde_json::to_value(attempt).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("cost".to_owned(), attempt.cost.map(Money::dollars).into());
        if let Some(error) = &attempt.error {
            object.insert("error".to_owned(), exit::to_json(error));
        }
        if let Some(used) = &attempt.usage {
            object.insert("usage".to_owned(), usage(used));
        }
    }
    value
}

/// The numbers that are known.
fn usage(usage: &Usage) -> Value {
    let mut value = serde_json::to_value(usage).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}

fn how_it_ended(reason: FinishReason) -> Option<&'static str> {
    Some(match reason {
        FinishReason::Length => "note: the answer was cut at the limit of tokens",
        FinishReason::ContentFilter => "note: the provider's filter cut the answer",
        FinishReason::Refusal => "note: the model declined to answer",
        FinishReason::Pause => "note: the provider paused the answer before its end",
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Other => return None,
    })
}
