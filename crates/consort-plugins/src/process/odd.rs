//! What a plugin sent and its host could not take: told once of each sort, with how often it came and what came first.
use super::LogRing;
use super::fields::is_of_answer;
use crate::learnt::plain;
use consort_core::Warning;
use consort_plugin::protocol::WireEvent;
use serde_json::Value;
use std::sync::Arc;

/// How much of a line is shown.
const SHOWN: usize = 160;

/// A sort of mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slip {
    /// A line that is no UTF-8.
    NoText,
    /// A line that begins as JSON does, and is none.
    NoJson,
    /// JSON that is no message, and why.
    NoMessage(String),
    /// An event that cannot be read.
    Unread,
    /// An event without what it is for.
    Lacks {
        kind: String,
        field: &'static str,
    },
    /// Something of a request that nobody made, or that is over, and which was made.
    Request {
        sent: String,
        asked: Option<u64>,
        is_past: bool,
    },
    /// A second answer to a request.
    Twice(u64),
    /// Events of a request that was answered before.
    Behind(u64),
    /// A line that begins with a byte order mark.
    Mark,
    /// An event of a type, or a notification, that nobody knows. Newer plugins may say more than this host knows.
    Kind(String),
    Method(String),
    /// A field of the answer that nobody knows.
    Field(String),
    /// A field that nobody knows, and the one that was probably meant.
    Misspelt {
        of: &'static str,
        field: String,
        meant: &'static str,
    },
    /// A word that a field does not take, and what it takes.
    Word {
        field: &'static str,
        word: String,
        help: String,
    },
    /// A field of an error's `data` that stands beside it.
    Outside(String),
}

impl Slip {
    /// What is wrong with a line that is no message. One that does not look like JSON was printed by somebody.
    pub(super) fn of_line(line: &str, why: String) -> Option<Self> {
        if !line.trim_start().starts_with('{') {
            return None;
        }
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
        Some(if is_json { Self::NoMessage(why) } else { Self::NoJson })
    }

    /// Whether the protocol lets it pass: it matters where nothing else came.
    fn may_be(&self) -> bool {
        matches!(self, Self::Kind(_) | Self::Method(_) | Self::Field(_) | Self::Request { is_past: true, .. })
    }

    /// What was sent, one or several, and what became of it.
    pub(super) fn words(&self, count: usize) -> String {
        let one = count == 1;
        let some = |single: &str, several: &str| {
            if one { single.to_owned() } else { format!("{count} {several}") }
        };
        let (is, it) = if one { ("is", "it is left out") } else { ("are", "they are left out") };
        match self {
            Self::NoText => format!("{} that {is} no UTF-8, and {it}", some("a line", "lines")),
            Self::NoJson => format!("{} that {is} no JSON, and {it}", some("a line", "lines")),
            Self::NoMessage(why) => {
                format!("{} that {is} no message ({why}), and {it}", some("a line", "lines"))
            }
            Self::Unread => format!("{} that could not be read, and {it}", some("an event", "events")),
            Self::Lacks { kind, field } => {
                format!("{} of the type `{kind}` without `{field}`", some("an event", "events"))
            }
            Self::Request { sent, asked, .. } => {
                let messages = some("a message", "messages");
                let asked =
                    asked.map_or("nobody made it".to_owned(), |asked| format!("it was asked as {asked}"));
                format!("{messages} of the request {sent}, and {it}: {asked}")
            }
            Self::Twice(id) if one => format!("a second answer to the request {id}, and {it}"),
            Self::Twice(_) => format!("{count} answers to requests that were answered before, and {it}"),
            Self::Behind(_) => {
                let events = some("events", "times events");
                format!("{events} of a request behind its answer, and they are left out")
            }
            Self::Mark => {
                let lines = some("a line that begins", "lines that begin");
                format!("{lines} with a byte order mark, which is passed over")
            }
            Self::Kind(kind) => {
                format!("{} of the type `{kind}`, which nobody knows", some("an event", "events"))
            }
            Self::Method(method) => {
                format!(
                    "{} `{method}`, which nobody knows",
                    some("the notification", "times the notification")
                )
            }
            Self::Field(field) => format!("`{field}` in its answer, which nobody knows"),
            Self::Misspelt { of, field, meant } => {
                format!("`{field}` in {of}, which nobody knows (did you mean `{meant}`?)")
            }
            Self::Word { field, word, help } => {
                format!("`{word}` as `{field}`, which nobody knows ({help})")
            }
            Self::Outside(field) => {
                format!("`{field}` beside `data` of an error, where nobody looks (it belongs into `data`)")
            }
        }
    }
}

#[derive(Debug)]
struct Seen {
    slip: Slip,
    count: usize,
    first: String,
}

/// The slips of one plugin while something was asked of it.
#[derive(Debug)]
pub(super) struct Odd {
    plugin: String,
    log: Arc<LogRing>,
    seen: Vec<Seen>,
}

impl Odd {
    pub(super) fn new(plugin: &str, log: Arc<LogRing>) -> Self {
        Self { plugin: plugin.to_owned(), log, seen: Vec::new() }
    }

    /// Notes one, with what was got.
    pub(super) fn note(&mut self, slip: &Slip, got: &str) {
        const SORTS: usize = 20;
        let same = |seen: &Seen| match (&seen.slip, slip) {
            (Slip::Request { .. }, Slip::Request { .. })
            | (Slip::Twice(_), Slip::Twice(_))
            | (Slip::Behind(_), Slip::Behind(_)) => true,
            (known, new) => known == new,
        };
        if let Some(seen) = self.seen.iter_mut().find(|seen| same(seen)) {
            seen.count += 1;
        } else if self.seen.len() < SORTS {
            let first = shown(&self.log.masked(got));
            self.seen.push(Seen { slip: slip.clone(), count: 1, first });
        }
    }

    /// Notes what is wrong with an event that could be read; `batch` is the text that it stands in.
    pub(super) fn look_at(&mut self, event: &WireEvent<'_>, batch: &str) {
        if let Some(field) = lacking(event) {
            let kind = event.kind.to_string();
            self.note(&Slip::Lacks { kind, field }, &in_batch(batch, &event.kind, field));
        } else if !KINDS.contains(&event.kind.as_ref()) {
            self.note(&Slip::Kind(event.kind.to_string()), &in_batch(batch, &event.kind, ""));
        }
    }

    /// Notes what an answer says that nobody knows.
    pub(super) fn look_at_answer(&mut self, answer: &str) {
        let Ok(Value::Object(fields)) = serde_json::from_str(answer) else { return };
        for name in fields.keys().filter(|name| !is_of_answer(name)) {
            self.note(&Slip::Field(name.clone()), answer);
        }
    }

    /// What is to be told, once. What newer hosts may know is left out where something came that this one knows.
    pub(super) fn take(&mut self, something_came: bool) -> Vec<Warning> {
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|seen| !(something_came && seen.slip.may_be()));
        let told = seen.iter().map(|seen| {
            let first = if seen.count == 1 { "" } else { "the first " };
            let words = seen.slip.words(seen.count);
            let words = self.log.masked(&words);
            Warning::new("dropped", format!("{} sent {words}: {first}{}", self.plugin, seen.first))
        });
        told.collect()
    }
}

/// The types that the protocol names.
const KINDS: [&str; 13] = [
    "text",
    "reasoning",
    "refusal",
    "tool_call_delta",
    "tool_call",
    "object",
    "media",
    "native",
    "citation",
    "usage",
    "model",
    "warning",
    "raw",
];

/// The field that an event is for, where that is not there.
fn lacking(event: &WireEvent<'_>) -> Option<&'static str> {
    let has_more = event.opaque.is_some() || event.part.is_some() || event.redacted;
    match event.kind.as_ref() {
        "" => Some("type"),
        "text" | "reasoning" | "refusal" if event.text.is_none() && !has_more => Some("text"),
        "tool_call" if event.name.is_none() => Some("name"),
        "media" if event.data.is_none() && event.path.is_none() && event.url.is_none() => Some("data"),
        _ => None,
    }
}

/// The event of a batch that is of this type and lacks this field, as it was sent.
fn in_batch(batch: &str, kind: &str, field: &str) -> String {
    let whole: Value = serde_json::from_str(batch).unwrap_or_default();
    let is_it = |event: &&Value| {
        event["type"].as_str().unwrap_or_default() == kind && event.get(field).is_none_or(Value::is_null)
    };
    whole["events"]
        .as_array()
        .and_then(|all| all.iter().find(is_it))
        .map_or_else(String::new, Value::to_string)
}

/// What is no UTF-8, with its place: the piece of the line around it.
pub(super) fn no_text(line: &[u8], at: usize) -> String {
    const AROUND: usize = 80;
    let piece = &line[at.saturating_sub(AROUND)..line.len().min(at + AROUND)];
    let byte = line.get(at).copied().unwrap_or_default();
    format!("{} (the byte {byte:#04x} at {})", String::from_utf8_lossy(piece), at + 1)
}

/// The beginning of a text, on one line.
fn shown(text: &str) -> String {
    let mut letters = text.chars();
    let mut shown = plain(&letters.by_ref().take(SHOWN).collect::<String>());
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}
