//! What is told of an answer: its sound and words, its end, and where it is cut.
use super::Answer;
use crate::cascade::mouth::Said;
use consort_core::{FinishReason, SessionEvent, SessionTeller, Speaker, TranscriptMode};
use std::time::Duration;

impl Answer {
    pub(super) fn tell(&mut self, said: Said, say: &SessionTeller) {
        match said {
            Said::Sound(clause, pcm) => {
                if !self.record.is_audible() {
                    say.push(SessionEvent::SpeechStarted { by: Speaker::Assistant });
                }
                self.words(clause, say);
                self.record.sound(clause, pcm.duration(), self.now());
                let (item, epoch) = (self.record.item.clone(), self.epoch);
                say.push(SessionEvent::Audio { item, epoch, pcm });
            }
            Said::Done(clause, failed) => {
                self.words(clause, say);
                self.record.complete(clause);
                if let Some(error) = failed {
                    say.push(SessionEvent::Error { error });
                }
            }
        }
    }

    /// The words of a clause, with its first sound.
    fn words(&mut self, clause: usize, say: &SessionTeller) {
        let Some(clause) = self.record.clauses.get_mut(clause).filter(|clause| !clause.told) else { return };
        clause.told = true;
        say.push(said(&self.record.item, TranscriptMode::Delta, clause.new_words().to_owned()));
    }

    /// Tells the end of all of it.
    pub(in crate::cascade) fn end(&mut self, say: &SessionTeller) {
        let item = self.record.item.clone();
        if self.record.is_audible() {
            say.push(SessionEvent::AudioDone { item: item.clone(), interrupted: false });
        }
        if !self.record.clauses.is_empty() {
            say.push(said(&item, TranscriptMode::Final, self.record.text()));
        }
        if self.record.is_audible() {
            say.push(SessionEvent::SpeechStopped { by: Speaker::Assistant });
        }
        let finish = self.finish.take().unwrap_or_else(|| FinishReason::Stop.into());
        say.push(SessionEvent::TurnDone { finish, usage: self.usage.take() });
    }

    /// Says no more from now on. It thinks on, in case that nobody meant to interrupt it.
    pub(in crate::cascade) fn mute(&mut self, say: &SessionTeller) {
        self.muted = true;
        self.mouth.shut();
        if self.record.is_audible() {
            let item = self.record.item.clone();
            say.push(SessionEvent::Interrupted { item: Some(item.clone()) });
            say.push(SessionEvent::AudioDone { item, interrupted: true });
        }
    }

    /// Tells what was heard of an answer that was cut.
    pub(in crate::cascade) fn close_item(&mut self, heard: Duration, say: &SessionTeller) {
        self.record.cut(heard);
        if self.has_spoken() {
            say.push(said(&self.record.item, TranscriptMode::Final, self.record.text()));
        }
        if self.record.is_audible() {
            say.push(SessionEvent::SpeechStopped { by: Speaker::Assistant });
        }
    }
}

pub(in crate::cascade) fn said(item: &str, mode: TranscriptMode, text: String) -> SessionEvent {
    SessionEvent::Transcript { item: item.to_owned(), by: Speaker::Assistant, mode, text }
}
