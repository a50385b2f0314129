//! What a served conversation holds, and what the model's session knows of it.
//!
//! 1. **An entry holds what was heard.** Of an answer that is all of it, until it was cut or truncated: then as much as
//!    was played, by the server's clock first, by the client's word where it says one; the later word counts. What the user
//!    said aloud is its sound until its words are final, and then its words.
//! 2. **Everybody is told from the entry**: a client that looks at it, a session that is opened anew, the past of any other.
//!    What happened to it while it was said (an event that is sent, a word that came too late) is told from nowhere else.
//! 3. **A session knows** what it heard or said itself, and what it began with. Where an entry is changed that it began with, or
//!    one is put or taken away before others, or one comes that a running session cannot be told, the past is stale: another
//!    session is opened while nobody speaks.
//! 4. **What waits to be answered comes last.** Another session begins with all the rest, and is told that anew: words as words,
//!    sound as sound, with its end only where there is any. Where words stand beside sound they are part of what it begins
//!    with, since words are answered at once.
use super::HEARD_PIECE;
use super::entry::{Entry, Says, result, sounds};
use crate::audio::Sound;
use crate::heard::Speed;
use consort_core::{Body, Media, Message, Part, Pcm, Role, SessionInput, ToolCall};
use serde_json::Value;
use std::time::Duration;

/// How much text and media a conversation may hold.
const MOST_BYTES: usize = 64 << 20;
/// How much sound is kept of what was said aloud and is not known in words; of what was said last, all.
const MOST_SOUND: Duration = Duration::from_mins(5);
/// Where an answer is asked for and nothing new was said, the model is told this: there is no session in which a model
/// answers nothing.
pub(super) const GO_ON: &str = "Go on.";

/// How the model is told: where `past` is there, by a session that begins with it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) past: Option<Vec<Message>>,
    pub(super) inputs: Vec<SessionInput>,
    /// Whose sound is to be answered.
    pub(super) spoken: Vec<String>,
    /// Whether there is nothing new to be answered.
    pub(super) is_idle: bool,
}

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) entries: Vec<Entry>,
    size: usize,
    /// Whether something that the model knows was changed or taken away.
    stale: bool,
    /// How fast its answers are spoken.
    pub(super) speed: Speed,
    /// The calls that the model does not wait for any more.
    cancelled: Vec<String>,
}

impl Past {
    /// All that an answer said, heard or not.
    pub(super) fn text_of(&self, id: &str) -> &str {
        self.position(id).map_or("", |at| self.entries[at].text())
    }

    /// Whether so much more has room.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.size + size <= MOST_BYTES
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.size += entry.size;
        self.entries.push(entry);
    }

    /// As far as it has room: what was said is said, but not all of it can be kept.
    pub(super) fn keep(&mut self, entry: Entry) {
        self.push(entry);
        self.trim();
        self.make_room();
    }

    /// Forgets what there is too much, the oldest first: of what the model knows all but what it is to do. The newest goes
    /// where nothing else can.
    fn make_room(&mut self) {
        let newest = self.entries.len().saturating_sub(1);
        let is_old = |entry: &Entry| entry.told && !entry.waits && entry.role() != Some(Role::System);
        for at in 0..self.entries.len() {
            if self.size <= MOST_BYTES {
                return;
            }
            let entry = &mut self.entries[at];
            if at == newest || is_old(entry) {
                let before = entry.size;
                // The session heard it all the same.
                entry.empty();
                self.size = self.size - before + entry.size;
            }
        }
    }

    /// Of sound that is not known in words, the newest.
    fn trim(&mut self) {
        let mut kept = Duration::ZERO;
        for at in (0..self.entries.len()).rev() {
            let entry = &self.entries[at];
            if !entry.spoken || !entry.has_sound() {
                continue;
            }
            let is_first = kept.is_zero();
            kept += entry.length;
            if !is_first && kept > MOST_SOUND {
                // The session heard it all the same.
                let stale = self.stale;
                self.change(at, Entry::forget_sound);
                self.stale = stale;
            }
        }
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

    /// Changes an entry. A session that began with it knows something else now; one that heard or said it knows itself.
    fn change(&mut self, at: usize, then: impl FnOnce(&mut Entry)) {
        let others = self.size - self.entries[at].size;
        let entry = &mut self.entries[at];
        let before = entry.message.clone().filter(|_| entry.begun_with);
        then(entry);
        entry.measure();
        self.stale |= entry.begun_with && entry.message != before;
        self.size = others + entry.size;
        self.make_room();
    }

    /// The words of what the user said aloud. Its sound is kept as long as they may still change.
    pub(super) fn words(&mut self, id: &str, words: &str, is_final: bool) {
        if let Some(at) = self.position(id) {
            self.change(at, |entry| entry.words(words, is_final));
        }
    }

    /// What an answer said, and as it is shown.
    pub(super) fn said(&mut self, id: &str, shown: Value, says: &Says<'_>) {
        let speed = self.speed;
        if let Some(at) = self.position(id) {
            self.change(at, |entry| entry.said(shown, says, speed));
        }
    }

    /// Only so much of an answer was heard.
    pub(super) fn heard(&mut self, id: &str, heard: Duration) {
        let speed = self.speed;
        if let Some(at) = self.position(id) {
            self.change(at, |entry| entry.hear(heard, speed));
        }
    }

    /// All that an answer said, where more of it is known than before.
    pub(super) fn set_right(&mut self, id: &str, text: &str) {
        let speed = self.speed;
        if let Some(at) = self.position(id) {
            self.change(at, |entry| entry.set_right(text, speed));
        }
    }

    /// The sound of an answer's words is that of another entry.
    pub(super) fn voiced(&mut self, id: &str, sound: &str) {
        let Some((length, is_whole)) = self.position(sound).map(|at| self.entries[at].sound()) else {
            return;
        };
        if let Some(at) = self.position(id) {
            self.change(at, |entry| entry.voiced(length, is_whole));
        }
    }

    /// The same of one whose words are known that were heard.
    pub(super) fn shorten(&mut self, id: &str, text: &str) {
        if let Some(at) = self.position(id) {
            self.change(at, |entry| entry.message = (!text.is_empty()).then(|| Message::assistant(text)));
        }
    }

    /// The session knows something else than what is kept, and cannot be told.
    pub(super) fn outdate(&mut self) {
        self.stale = true;
    }

    /// What the user says aloud is over, and waits to be answered.
    pub(super) fn wait(&mut self, id: &str) {
        if let Some(at) = self.position(id) {
            self.entries[at].waits = true;
        }
    }

    pub(super) fn last_id(&self) -> Option<&str> {
        self.entries.last().map(|entry| entry.id.as_str())
    }

    /// Whether there is what a running session cannot be told.
    pub(super) fn is_stale(&self) -> bool {
        let cannot_be_told = |entry: &Entry| !entry.told && (!entry.is_sayable() || self.is_unwanted(entry));
        self.stale || self.entries.iter().any(cannot_be_told)
    }

    /// The calls that were made in the conversation.
    pub(super) fn calls(&self) -> impl DoubleEndedIterator<Item = &ToolCall> {
        self.entries.iter().flat_map(Entry::parts).filter_map(called)
    }

    /// The model makes a call; it does not wait for one any more.
    pub(super) fn called(&mut self, id: &str) {
        self.cancelled.retain(|cancelled| cancelled != id);
    }

    pub(super) fn cancelled(&mut self, id: String) {
        self.cancelled.push(id);
    }

    /// Whether it is the result of a call that the session which goes on did not make, or does not wait for any more: another one
    /// is told it as what was said before.
    fn is_unwanted(&self, entry: &Entry) -> bool {
        let made = |id: &str| {
            let made = |entry: &&Entry| entry.parts().iter().filter_map(called).any(|call| call.id == id);
            self.entries.iter().rev().find(made)
        };
        entry.parts().iter().any(|part| match &part.body {
            Body::ToolResult(result) => {
                let id = &result.call_id;
                self.cancelled.contains(id) || made(id).is_some_and(|call| call.begun_with || !call.told)
            }
            _ => false,
        })
    }

    /// All that the model is to know before the user speaks: what the user wrote last waits for the wish to be answered.
    pub(super) fn before_speech(&mut self) -> Vec<Message> {
        self.settle();
        let asked = self.asked(false);
        self.begin(&asked, false)
    }

    /// The sound that waits to be answered: a session that was opened anew is to hear it.
    pub(super) fn waiting(&self) -> Vec<SessionInput> {
        let waiting = self.entries.iter().filter(|entry| entry.waits);
        waiting.flat_map(|entry| &entry.message).flat_map(|message| &message.parts).flat_map(hear).collect()
    }

    /// Everything, to be answered now.
    pub(super) fn ask(&mut self, is_open: bool) -> Plan {
        let asked = self.asked(true);
        let is_known = |(at, entry): (usize, &Entry)| entry.told || asked.contains(&at);
        let goes_on = is_open
            && !self.is_stale()
            && self.entries.iter().enumerate().all(is_known)
            && !(self.speaks(&asked) && self.writes(&asked, true));
        let mut plan = if goes_on { self.go_on(&asked) } else { self.ask_anew() };
        plan.is_idle = goes_on && asked.is_empty();
        for entry in &mut self.entries {
            (entry.told, entry.waits) = (true, false);
        }
        plan
    }

    /// A session that hears already what was said aloud, and is told the rest.
    fn go_on(&self, asked: &[usize]) -> Plan {
        let (inputs, spoken) = (self.say(asked, true), self.spoken(asked));
        Plan { inputs, spoken, ..Plan::default() }
    }

    fn ask_anew(&mut self) -> Plan {
        self.settle();
        let asked = self.asked(false);
        let mixes = self.speaks(&asked) && self.writes(&asked, false);
        let inputs = if mixes { self.say_sound(&asked) } else { self.say(&asked, false) };
        let spoken = self.spoken(&asked);
        let past = Some(self.begin(&asked, mixes));
        Plan { past, inputs, spoken, is_idle: false }
    }

    /// What another session begins with: all but what is asked; of that the words and pictures, where they are `mixed` with sound.
    fn begin(&mut self, asked: &[usize], mixed: bool) -> Vec<Message> {
        self.stale = false;
        let mut past = Vec::new();
        for (at, entry) in self.entries.iter_mut().enumerate() {
            let is_asked = asked.contains(&at);
            entry.begun_with = !is_asked;
            // It hears the sound that waits at once.
            entry.told = !is_asked || entry.waits;
            let mut message = entry.message.clone();
            if is_asked {
                let silent = |mut message: Message| {
                    message.parts.retain(|part| sounds(part).is_none());
                    Some(message).filter(|message| mixed && !message.parts.is_empty())
                };
                message = message.and_then(silent);
            }
            past.extend(message);
        }
        past
    }

    /// What was said aloud to a session that is gone: it is known in words, or said once more, or lost.
    fn settle(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.waits && !entry.has_sound()) {
            (entry.waits, entry.told) = (false, entry.message.is_none());
        }
    }

    /// What is to be answered: what the user said last and was not answered, and sound that waits wherever it is. Results of
    /// calls are for the session that asked for them, and the past of any other.
    fn asked(&self, goes_on: bool) -> Vec<usize> {
        let is_new = |entry: &Entry| entry.waits || !entry.told;
        let ends = |entry: &Entry| match entry.role() {
            None | Some(Role::System) => false,
            Some(Role::Assistant) => true,
            Some(Role::Tool) => !goes_on || entry.told,
            Some(Role::User) => !is_new(entry),
        };
        let first = self.entries.iter().rposition(ends).map_or(0, |at| at + 1);
        let is_asked = |(at, entry): &(usize, &Entry)| {
            let is_users = matches!(entry.role(), Some(Role::User | Role::Tool));
            (*at >= first && is_users && is_new(entry)) || (entry.waits && (goes_on || entry.has_sound()))
        };
        self.entries.iter().enumerate().filter(is_asked).map(|(at, _)| at).collect()
    }

    /// Whether the session that goes on made calls whose results are not there, and waits for them: it may answer nothing else
    /// until they are.
    pub(super) fn waits_for_results(&self) -> bool {
        let parts = || self.entries.iter().filter(|entry| !entry.begun_with).flat_map(Entry::parts);
        let has_result = |id: &str| {
            parts().any(|part| matches!(&part.body, Body::ToolResult(result) if result.call_id == id))
        };
        let waits = |call: &ToolCall| !has_result(&call.id) && !self.cancelled.contains(&call.id);
        parts().filter_map(called).any(waits)
    }

    fn speaks(&self, asked: &[usize]) -> bool {
        asked.iter().any(|at| self.entries[*at].waits || self.entries[*at].has_sound())
    }

    /// Whether words are among what is asked, beside those that the running session heard.
    fn writes(&self, asked: &[usize], goes_on: bool) -> bool {
        let is_written = |entry: &&Entry| !(goes_on && entry.waits) && entry.role() == Some(Role::User);
        let mut written = asked.iter().map(|at| &self.entries[*at]).filter(is_written);
        written.any(|entry| entry.parts().iter().any(|part| part.as_text().is_some()))
    }

    fn spoken(&self, asked: &[usize]) -> Vec<String> {
        let spoken =
            asked.iter().map(|at| &self.entries[*at]).filter(|entry| entry.waits || entry.has_sound());
        spoken.map(|entry| entry.id.clone()).collect()
    }

    /// What is asked as inputs, to be answered once. A session that goes on heard what waits.
    fn say(&self, asked: &[usize], goes_on: bool) -> Vec<SessionInput> {
        let (mut inputs, mut texts, mut to_commit, mut is_asked) = (Vec::new(), Vec::new(), false, false);
        for entry in asked.iter().map(|at| &self.entries[*at]) {
            if goes_on && entry.waits {
                to_commit = true;
                continue;
            }
            for part in entry.parts() {
                match &part.body {
                    Body::Text { text, .. } => texts.push(text.as_str()),
                    Body::Media(media) if media.family() == "audio" => {
                        to_commit = true;
                        inputs.extend(hear(part));
                    }
                    Body::Media(media) => inputs.push(SessionInput::Image { media: media.clone() }),
                    _ => {
                        is_asked = true;
                        inputs.extend(result(part));
                    }
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

    /// What is asked aloud, where the words beside it are known already.
    fn say_sound(&self, asked: &[usize]) -> Vec<SessionInput> {
        let parts = asked.iter().flat_map(|at| self.entries[*at].parts());
        parts.flat_map(hear).chain([SessionInput::Commit]).collect()
    }

    /// The results of calls that the session waits for and was not told yet.
    pub(super) fn results(&mut self) -> Vec<SessionInput> {
        let mut inputs = Vec::new();
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            if !entry.told && entry.is_result() && !self.is_unwanted(entry) {
                inputs.extend(entry.parts().iter().filter_map(result));
                self.entries[at].told = true;
            }
        }
        inputs
    }
}

fn called(part: &Part) -> Option<&ToolCall> {
    match &part.body {
        Body::ToolCall(call) => Some(call),
        _ => None,
    }
}

/// Sound in pieces; nothing of what is none.
fn hear(part: &Part) -> Vec<SessionInput> {
    sounds(part).map(sound).iter().flat_map(|pcm| pcm.pieces(HEARD_PIECE)).map(SessionInput::Audio).collect()
}

/// It was written as WAV by us.
fn sound(media: &Media) -> Pcm {
    let bytes = match &media.source {
        consort_core::MediaSource::Bytes(bytes) => bytes.as_ref(),
        _ => &[],
    };
    Sound::from_wav(bytes).map_or_else(|_| Pcm::mono(Vec::new(), 24_000), |sound| sound.to_pcm())
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
        let plan = past.ask(false);
        assert_eq!(plan.past, Some(vec![Message::user("a"), Message::assistant("b")]));
        assert_eq!(plan.inputs, [SessionInput::text("c\nd")]);
        past.push(entry("5", Message::user("e")));
        assert_eq!(past.ask(true), Plan { inputs: vec![SessionInput::text("e")], ..Plan::default() });
        assert_eq!(past.ask(true).inputs, [SessionInput::text(GO_ON)]);
    }

    #[test]
    fn what_a_session_cannot_be_told_opens_another() {
        let mut past = Past::default();
        past.push(entry("1", Message::user("a")));
        past.ask(false);
        assert!(!past.is_stale());
        past.push(entry("2", Message::new(Role::System, vec![Part::text("Shout.")])));
        past.push(entry("3", Message::user("b")));
        assert!(past.is_stale());
        assert_eq!(past.before_speech().len(), 2, "the last words wait");
        assert!(!past.is_stale());
        past.remove(0);
        let plan = past.ask(true);
        assert_eq!((plan.past.unwrap().len(), plan.inputs), (1, vec![SessionInput::text("b")]));
    }

    #[test]
    fn where_there_is_too_much_the_oldest_goes_first() {
        let mut past = Past::default();
        let said = |id: &str, role: Role, bytes: usize| {
            let message = Message::new(role, vec![Part::text("x".repeat(bytes))]);
            Entry::new(id, Value::Null, Some(message), true)
        };
        past.keep(said("rules", Role::System, 100));
        for number in 0..7 {
            past.keep(said(&number.to_string(), Role::User, 10 << 20));
        }
        past.keep(said("answer", Role::Assistant, 0));
        // An answer grows while it is said.
        let sound = crate::heard::Sound { came: Duration::ZERO, is_whole: false };
        past.said("answer", Value::Null, &Says { text: &"y".repeat(20 << 20), sound, written: true });
        let kept = past.entries.iter().filter(|entry| entry.message.is_some());
        let kept: Vec<&str> = kept.map(|entry| entry.id.as_str()).collect();
        assert_eq!(kept, ["rules", "3", "4", "5", "6", "answer"]);
        assert!(past.size <= MOST_BYTES && !past.is_stale(), "the session heard it all the same");
        past.keep(said("whole", Role::User, MOST_BYTES));
        assert!(past.size <= MOST_BYTES, "{}", past.size);
    }

    #[test]
    fn results_are_given_to_who_asked_for_them() {
        let mut past = Past::default();
        past.push(entry("1", noon("c1")));
        let plan = past.ask(true);
        assert!(matches!(plan.inputs.as_slice(), [SessionInput::ToolResult { .. }]), "{plan:?}");
        past.push(entry("2", noon("c2")));
        assert_eq!(past.results().len(), 1);
        assert_eq!(past.results(), []);
        past.push(entry("3", noon("c3")));
        let plan = past.ask(false);
        assert_eq!((plan.past.unwrap().len(), plan.inputs), (3, vec![SessionInput::text(GO_ON)]));
    }

    #[test]
    fn results_that_nobody_waits_for_are_of_the_past() {
        let call = Part::tool_call("c1", "clock", consort_core::Arguments::new("{}"));
        let call = || Message::new(Role::Assistant, vec![call.clone()]);
        // It was cancelled, or another session made it.
        for is_cancelled in [true, false] {
            let mut past = Past::default();
            past.push(entry("1", Message::user("a")));
            past.ask(false);
            past.keep(Entry::new("2", Value::Null, Some(call()), true));
            assert!(past.waits_for_results());
            if is_cancelled {
                past.cancelled("c1".into());
            } else {
                past.outdate();
                past.ask(true);
            }
            assert!(!past.waits_for_results());
            past.push(entry("3", noon("c1")));
            assert_eq!(past.results(), [], "it is not told to whoever does not want it");
            let plan = past.ask(true);
            let is_result = |message: &Message| message.role == Role::Tool;
            assert!(plan.past.unwrap().iter().any(is_result), "{is_cancelled}");
            assert_eq!(plan.inputs, [SessionInput::text(GO_ON)], "{is_cancelled}");
            // One that is made once more is waited for.
            past.called("c1");
            past.keep(Entry::new("4", Value::Null, Some(call()), true));
            past.push(entry("5", noon("c1")));
            assert_eq!(past.results().len(), 1, "{is_cancelled}");
        }
    }
}
