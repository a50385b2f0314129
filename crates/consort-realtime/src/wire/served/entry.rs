//! One thing that was said in a served conversation, as it was heard.
use crate::audio::{Encoding, Sound};
use crate::heard::{self, Speed};
use consort_core::{Body, Media, Message, Part, Pcm, Role, SessionInput};
use serde_json::Value;
use std::time::Duration;

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
    /// Whether it was said aloud by the user, and whether it still waits for the wish to be answered.
    pub(super) spoken: bool,
    pub(super) waits: bool,
    /// Whether the session that goes on began with it.
    pub(super) begun_with: bool,
    /// How long it sounds.
    pub(super) length: Duration,
    answer: Answer,
    pub(super) size: usize,
}

/// What an answer said, and how much of it was heard where that is not all.
#[derive(Debug, Default)]
struct Answer {
    text: String,
    written: bool,
    is_whole: bool,
    heard: Option<Duration>,
}

/// What an answer says so far: its sound, and whether it is written rather than spoken.
#[derive(Debug)]
pub(super) struct Says<'a> {
    pub(super) text: &'a str,
    pub(super) sound: heard::Sound,
    pub(super) written: bool,
}

impl Entry {
    pub(super) fn new(id: &str, shown: Value, message: Option<Message>, told: bool) -> Self {
        let mut entry = Self {
            id: id.to_owned(),
            shown,
            message,
            told,
            spoken: false,
            waits: false,
            begun_with: false,
            length: Duration::ZERO,
            answer: Answer::default(),
            size: 0,
        };
        entry.measure();
        entry
    }

    /// What the user said aloud to the session: its sound, until its words are known.
    pub(super) fn spoken(id: &str, shown: Value, sound: Option<&Pcm>) -> Self {
        let wav = sound.filter(|pcm| !pcm.is_empty()).and_then(|pcm| Sound::from_pcm(pcm).ok());
        let length = sound.map_or(Duration::ZERO, Pcm::duration);
        let wav = wav.map(|sound| Part::media(Media::bytes("audio/wav", sound.to_wav(Encoding::S16))));
        let message = wav.map(|part| Message::new(Role::User, vec![part]));
        Self { spoken: true, length, ..Self::new(id, shown, message, true) }
    }

    /// All that an answer said, heard or not.
    pub(super) fn text(&self) -> &str {
        &self.answer.text
    }

    pub(super) fn role(&self) -> Option<Role> {
        self.message.as_ref().map(|message| message.role)
    }

    pub(super) fn parts(&self) -> &[Part] {
        self.message.as_ref().map_or(&[], |message| &message.parts)
    }

    pub(super) fn is_result(&self) -> bool {
        self.role() == Some(Role::Tool)
    }

    /// Whether it is what the user says in words or pictures, or a result of a call: what a session can be told.
    pub(super) fn is_sayable(&self) -> bool {
        matches!(self.role(), None | Some(Role::User | Role::Tool))
    }

    pub(super) fn has_sound(&self) -> bool {
        self.role() == Some(Role::User) && self.parts().iter().any(|part| sounds(part).is_some())
    }

    pub(super) fn measure(&mut self) {
        self.size = self.message.as_ref().map_or(0, size_of) + size_of_shown(&self.shown);
    }

    /// There is no room for it.
    pub(super) fn empty(&mut self) {
        self.message = None;
        self.answer.text.clear();
        if let Some(content) = self.shown.get_mut("content") {
            *content = Value::Array(Vec::new());
        }
        self.measure();
    }

    pub(super) fn forget_sound(&mut self) {
        if let Some(message) = &mut self.message {
            message.parts.retain(|part| sounds(part).is_none());
        }
        self.message.take_if(|message| message.parts.is_empty());
    }

    /// The words of its sound, which stand for it once they are final.
    pub(super) fn words(&mut self, words: &str, is_final: bool) {
        self.show("input_audio", words);
        if !is_final && self.has_sound() {
            return;
        }
        let words = Some(words).filter(|words| !words.is_empty()).map(Part::text);
        let message = self.message.get_or_insert_with(|| Message::new(Role::User, Vec::new()));
        let place = message.parts.iter().position(|part| sounds(part).is_some());
        match place {
            Some(at) => {
                message.parts.splice(at..=at, words);
                message.parts.retain(|part| sounds(part).is_none());
            }
            // They are told once more, with what was added.
            None if self.spoken => message.parts = words.into_iter().collect(),
            None => {}
        }
        self.message.take_if(|message| message.parts.is_empty());
    }

    /// How long an answer sounds.
    pub(super) fn sounds_for(&self) -> Duration {
        if self.spoken { Duration::ZERO } else { self.length }
    }

    pub(super) fn said(&mut self, shown: Value, says: &Says<'_>, speed: Speed) {
        (self.shown, self.length) = (shown, says.sound.came);
        (self.answer.written, self.answer.is_whole) = (says.written, says.sound.is_whole);
        says.text.clone_into(&mut self.answer.text);
        self.settle(speed);
    }

    pub(super) fn set_right(&mut self, text: &str, speed: Speed) {
        text.clone_into(&mut self.answer.text);
        self.settle(speed);
    }

    /// How long an answer sounds, and whether that is all.
    pub(super) fn sound(&self) -> (Duration, bool) {
        (self.sounds_for(), self.answer.is_whole)
    }

    pub(super) fn voiced(&mut self, length: Duration, is_whole: bool) {
        (self.length, self.answer.is_whole) = (length, is_whole);
    }

    pub(super) fn hear(&mut self, heard: Duration, speed: Speed) {
        self.answer.heard = Some(heard);
        self.settle(speed);
    }

    /// An answer is as much of it as was heard; what was written was read.
    fn settle(&mut self, speed: Speed) {
        let sound = heard::Sound { came: self.length, is_whole: self.answer.is_whole };
        let text = match self.answer.heard {
            Some(_) if self.answer.written => self.answer.text.as_str(),
            Some(heard) if heard.is_zero() => "",
            Some(heard) => sound.heard_of(&self.answer.text, heard, speed),
            None => &self.answer.text,
        };
        let text = text.to_owned();
        self.message = (!text.is_empty()).then(|| Message::assistant(text.as_str()));
        if !self.answer.written {
            self.show("output_audio", &text);
        }
    }

    fn show(&mut self, kind: &str, transcript: &str) {
        let content = self.shown.get_mut("content").and_then(Value::as_array_mut);
        for part in content.into_iter().flatten().filter(|part| part["type"] == kind) {
            part["transcript"] = transcript.into();
        }
    }
}

/// The sound that a part is.
pub(super) fn sounds(part: &Part) -> Option<&Media> {
    match &part.body {
        Body::Media(media) if media.family() == "audio" => Some(media),
        _ => None,
    }
}

pub(super) fn result(part: &Part) -> Option<SessionInput> {
    match &part.body {
        Body::ToolResult(result) => Some(SessionInput::ToolResult { result: result.clone() }),
        _ => None,
    }
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

fn size_of_shown(shown: &Value) -> usize {
    match shown {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(size_of_shown).sum(),
        Value::Object(object) => object.values().map(size_of_shown).sum(),
        _ => 0,
    }
}
