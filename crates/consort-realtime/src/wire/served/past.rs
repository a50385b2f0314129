//! What was said in a conversation, how much of it the model knows, and how it learns the rest.
use crate::audio::Sound;
use consort_core::{Body, Media, Message, Part, Pcm, Role, SessionInput};
use serde_json::Value;
use std::time::Duration;

/// How much text and media a conversation may hold.
const MOST_BYTES: usize = 64 << 20;
/// The length of a piece of sound that was given as a whole.
const PIECE: Duration = Duration::from_millis(500);
/// Where an answer is asked for and nothing new was said, the model is told this: there is no session in which a model
/// answers nothing.
pub(super) const GO_ON: &str = "Go on.";

/// One thing that was said.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    /// As the client sees it, where it can look.
    pub(super) shown: Value,
    /// As the model is told it; nothing where there is nothing to tell.
    pub(super) message: Option<Message>,
    /// Whether the model knows it.
    pub(super) told: bool,
    size: usize,
}

impl Entry {
    pub(super) fn new(id: &str, shown: Value, message: Option<Message>, told: bool) -> Self {
        let size = message.as_ref().map_or(0, size_of);
        Self { id: id.to_owned(), shown, message, told, size }
    }

    fn is_result(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.role == Role::Tool)
    }

    /// Whether it is what the user says in words or pictures, or a result of a call: what a session can be told.
    fn is_sayable(&self) -> bool {
        self.message.as_ref().is_none_or(|message| matches!(message.role, Role::User | Role::Tool))
    }
}

/// How the model is told: where `past` is there, by a session that begins with it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) past: Option<Vec<Message>>,
    pub(super) inputs: Vec<SessionInput>,
}

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) entries: Vec<Entry>,
    size: usize,
    /// Whether something that the model knows was changed or taken away.
    stale: bool,
}

impl Past {
    /// Whether so much more has room.
    pub(super) fn has_room(&self, entry: &Entry) -> bool {
        self.size + entry.size <= MOST_BYTES
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.size += entry.size;
        self.entries.push(entry);
    }

    pub(super) fn insert(&mut self, at: usize, entry: Entry) {
        self.stale |= self.entries[at..].iter().any(|later| later.told);
        self.size += entry.size;
        self.entries.insert(at, entry);
    }

    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.id == id)
    }

    pub(super) fn remove(&mut self, at: usize) {
        let entry = self.entries.remove(at);
        self.size -= entry.size;
        self.stale |= entry.told && entry.message.is_some();
    }

    /// What was said turns out to be this. Models know their own words, so that they need not be told.
    pub(super) fn is(&mut self, id: &str, text: &str) {
        let Some(at) = self.position(id) else { return };
        let entry = &mut self.entries[at];
        let role = entry.message.as_ref().map_or(Role::User, |message| message.role);
        entry.message = (!text.is_empty()).then(|| Message::new(role, vec![Part::text(text)]));
        let size = entry.message.as_ref().map_or(0, size_of);
        self.size = self.size - entry.size + size;
        entry.size = size;
    }

    /// What the client sees of it.
    pub(super) fn shows(&mut self, id: &str, shown: Value) {
        if let Some(at) = self.position(id) {
            self.entries[at].shown = shown;
        }
    }

    pub(super) fn last_id(&self) -> Option<&str> {
        self.entries.last().map(|entry| entry.id.as_str())
    }

    /// Whether there is what a running session cannot be told.
    pub(super) fn is_stale(&self) -> bool {
        self.stale || self.entries.iter().any(|entry| !entry.told && !entry.is_sayable())
    }

    /// All that the model is to know before the user speaks: what the user wrote last waits for the wish to be answered.
    pub(super) fn before_speech(&mut self) -> Vec<Message> {
        let unsaid = self.unsaid(false);
        self.stale = false;
        self.entries[..unsaid].iter_mut().for_each(|entry| entry.told = true);
        self.entries[..unsaid].iter().filter_map(|entry| entry.message.clone()).collect()
    }

    /// Everything, to be answered now; `spoken` where the session heard what is to be answered as well.
    pub(super) fn ask(&mut self, is_open: bool, spoken: bool) -> Plan {
        let unsaid = self.unsaid(true);
        let goes_on = is_open && !self.is_stale() && self.entries[..unsaid].iter().all(|entry| entry.told);
        let past = (!goes_on).then(|| self.before_speech());
        let unsaid = self.unsaid(goes_on);
        let inputs = say(&self.entries[unsaid..], spoken);
        self.entries.iter_mut().for_each(|entry| entry.told = true);
        Plan { past, inputs }
    }

    /// The results of calls that the session was not told yet.
    pub(super) fn results(&mut self) -> Vec<SessionInput> {
        let mut inputs = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| !entry.told && entry.is_result()) {
            entry.told = true;
            inputs.extend(entry.message.iter().flat_map(|message| &message.parts).filter_map(result));
        }
        inputs
    }

    /// Where that begins which the user said last, and the model does not know. Results of calls are for the session that
    /// asked for them, and the past of any other.
    fn unsaid(&self, goes_on: bool) -> usize {
        let known = |entry: &Entry| entry.told || !entry.is_sayable() || (!goes_on && entry.is_result());
        self.entries.iter().rposition(known).map_or(0, |at| at + 1)
    }
}

/// What was said as inputs, to be answered once.
fn say(entries: &[Entry], spoken: bool) -> Vec<SessionInput> {
    let (mut inputs, mut texts, mut to_commit) = (Vec::new(), Vec::new(), false);
    let mut is_asked = spoken;
    for part in entries.iter().filter_map(|entry| entry.message.as_ref()).flat_map(|message| &message.parts) {
        match &part.body {
            Body::Text { text, .. } => texts.push(text.as_str()),
            Body::Media(media) if media.family() == "audio" => {
                to_commit = true;
                inputs.extend(sound(media).pieces(PIECE).map(SessionInput::Audio));
            }
            Body::Media(media) => inputs.push(SessionInput::Image { media: media.clone() }),
            _ => {
                is_asked = true;
                inputs.extend(result(part));
            }
        }
    }
    if !texts.is_empty() {
        inputs.push(SessionInput::text(texts.join("\n")));
    } else if to_commit {
        inputs.push(SessionInput::Commit);
    } else if !is_asked {
        inputs.push(SessionInput::text(GO_ON));
    }
    inputs
}

fn result(part: &Part) -> Option<SessionInput> {
    match &part.body {
        Body::ToolResult(result) => Some(SessionInput::ToolResult { result: result.clone() }),
        _ => None,
    }
}

/// It was written as WAV by us.
fn sound(media: &Media) -> Pcm {
    let bytes = match &media.source {
        consort_core::MediaSource::Bytes(bytes) => bytes.as_ref(),
        _ => &[],
    };
    Sound::from_wav(bytes).map_or_else(|_| Pcm::mono(Vec::new(), 24_000), |sound| sound.to_pcm())
}

fn size_of(message: &Message) -> usize {
    let of = |part: &Part| match &part.body {
        Body::Media(media) => match &media.source {
            consort_core::MediaSource::Bytes(bytes) => bytes.len(),
            _ => 0,
        },
        Body::ToolCall(call) => call.arguments.raw().len(),
        Body::ToolResult(result) => result.text().len(),
        _ => part.as_text().map_or(0, str::len),
    };
    256 + message.parts.iter().map(of).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, message: Message) -> Entry {
        Entry::new(id, Value::Null, Some(message), false)
    }

    fn noon(id: &str) -> Message {
        Message::new(Role::Tool, vec![Part::tool_result(id, "clock", "noon")])
    }

    #[test]
    fn what_was_said_before_comes_first_and_the_last_words_are_answered() {
        let mut past = Past::default();
        past.push(entry("1", Message::user("a")));
        past.push(entry("2", Message::assistant("b")));
        past.push(entry("3", Message::user("c")));
        past.push(entry("4", Message::user("d")));
        let plan = past.ask(false, false);
        assert_eq!(plan.past, Some(vec![Message::user("a"), Message::assistant("b")]));
        assert_eq!(plan.inputs, [SessionInput::text("c\nd")]);
        past.push(entry("5", Message::user("e")));
        assert_eq!(past.ask(true, false), Plan { past: None, inputs: vec![SessionInput::text("e")] });
        assert_eq!(past.ask(true, false).inputs, [SessionInput::text(GO_ON)]);
    }

    #[test]
    fn what_a_session_cannot_be_told_opens_another() {
        let mut past = Past::default();
        past.push(entry("1", Message::user("a")));
        past.ask(false, false);
        assert!(!past.is_stale());
        past.push(entry("2", Message::new(Role::System, vec![Part::text("Shout.")])));
        past.push(entry("3", Message::user("b")));
        assert!(past.is_stale());
        assert_eq!(past.before_speech().len(), 2, "the last words wait");
        assert!(!past.is_stale());
        past.remove(0);
        let plan = past.ask(true, false);
        assert_eq!((plan.past.unwrap().len(), plan.inputs), (1, vec![SessionInput::text("b")]));
    }

    #[test]
    fn results_are_given_to_who_asked_for_them() {
        let mut past = Past::default();
        past.push(entry("1", noon("c1")));
        let plan = past.ask(true, false);
        assert!(matches!(plan.inputs.as_slice(), [SessionInput::ToolResult { .. }]), "{plan:?}");
        past.push(entry("2", noon("c2")));
        assert_eq!(past.results().len(), 1);
        assert_eq!(past.results(), []);
        past.push(entry("3", noon("c3")));
        let plan = past.ask(false, false);
        assert_eq!((plan.past.unwrap().len(), plan.inputs), (3, vec![SessionInput::text(GO_ON)]));
    }
}
