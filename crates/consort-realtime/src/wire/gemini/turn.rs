//! The turns of a session, which the vendor gives no names: what each side is saying, and in which epoch.
use super::super::sound::Incoming;
use super::super::step::Step;
use crate::audio::Format;
use consort_core::{Error, Pcm, SessionEvent, Speaker, TranscriptMode};

/// What one side is saying.
#[derive(Debug)]
pub(super) struct Saying {
    pub(super) item: String,
    by: Speaker,
    pub(super) epoch: u64,
    /// All that was told of its words.
    words: String,
    is_speaking: bool,
    sound: Option<Incoming>,
}

impl Saying {
    pub(super) fn new(number: u64, by: Speaker, epoch: u64) -> Self {
        Self {
            item: format!("{}{number}", by.as_str()),
            by,
            epoch,
            words: String::new(),
            is_speaking: false,
            sound: None,
        }
    }

    pub(super) fn speak(&mut self, step: &mut Step) {
        if !std::mem::replace(&mut self.is_speaking, true) {
            step.tell(SessionEvent::SpeechStarted { by: self.by });
        }
    }

    pub(super) fn words(&mut self, piece: &str, step: &mut Step) {
        self.words.push_str(piece);
        self.tell(TranscriptMode::Delta, piece.to_owned(), step);
    }

    pub(super) fn sound(&mut self, base64: &str, format: Format, step: &mut Step) -> Result<(), Error> {
        self.speak(step);
        let sound = match &mut self.sound {
            Some(sound) if sound.format() == format => sound,
            other => other.insert(Incoming::new(format)),
        };
        let pcm: Pcm = sound.read(base64)?;
        step.tell(SessionEvent::Audio { item: self.item.clone(), epoch: self.epoch, pcm });
        Ok(())
    }

    /// Its sound is complete, or cut.
    pub(super) fn hush(&mut self, interrupted: bool, step: &mut Step) {
        if self.sound.take().is_some() {
            step.tell(SessionEvent::AudioDone { item: self.item.clone(), interrupted });
        }
        if std::mem::take(&mut self.is_speaking) {
            step.tell(SessionEvent::SpeechStopped { by: self.by });
        }
    }

    /// All is said.
    pub(super) fn end(mut self, interrupted: bool, step: &mut Step) {
        self.hush(interrupted, step);
        let words = std::mem::take(&mut self.words);
        if !words.is_empty() {
            self.tell(TranscriptMode::Final, words, step);
        }
    }

    fn tell(&self, mode: TranscriptMode, text: String, step: &mut Step) {
        step.tell(SessionEvent::Transcript { item: self.item.clone(), by: self.by, mode, text });
    }
}
