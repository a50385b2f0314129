//! What a session hears of its user, and what follows from it.
use super::Session;
use crate::cascade::UNHEARD;
use crate::cascade::backchannel::is_backchannel;
use crate::cascade::ears::Told;
use consort_core::{Finish, FinishReason, Part, SessionEvent, SessionTeller, Speaker, TranscriptMode};

impl Session {
    pub(super) fn told(&mut self, told: Told, say: &SessionTeller) {
        match told {
            Told::Began => {
                say.push(SessionEvent::SpeechStarted { by: Speaker::User });
                self.barge_in(say);
            }
            Told::Words { item, mode, text } => say.push(user(item, mode, text)),
            Told::Paused { text } => self.ask_early(text, say),
            Told::WentOn => self.drop_early(),
            Told::Over => say.push(SessionEvent::SpeechStopped { by: Speaker::User }),
            Told::Nothing => {}
            Told::Turn { item, text, announced, replies } => {
                let is_nod = !replies && is_backchannel(&text, &self.parts.settings.backchannels);
                self.turn(item, text, announced, is_nod, say);
            }
            Told::Retry(error) => {
                let message = format!("what was said is listened to once more: {}", error.message());
                say.push(SessionEvent::warning("retry", message));
            }
            Told::LeftOut { error, length, has_words } => {
                let (seconds, why) = (length.as_secs(), error.message());
                let message = if has_words {
                    format!(
                        "of {seconds} s of what was said not all was understood, and the rest is left out: {why}"
                    )
                } else {
                    format!("{seconds} s of what was said were not understood and are left out: {why}")
                };
                say.push(SessionEvent::warning("unheard", message));
            }
            Told::Lost { error, announced } => {
                say.push(SessionEvent::Error { error });
                self.drop_early();
                if announced && self.paused.is_none() {
                    self.nothing_comes("failed", say);
                }
            }
        }
    }

    /// All words of a turn are there.
    fn turn(&mut self, item: String, text: String, announced: bool, is_nod: bool, say: &SessionTeller) {
        let says_something = text.chars().any(char::is_alphanumeric);
        let is_nod = is_nod || !says_something;
        if !announced {
            if is_nod {
                return;
            }
            // Who speaks again by now was told to.
            let speaks_again = self.ears.is_speaking();
            if !speaks_again {
                say.push(SessionEvent::SpeechStarted { by: Speaker::User });
            }
            self.barge_in(say);
            if !speaks_again {
                say.push(SessionEvent::SpeechStopped { by: Speaker::User });
            }
        }
        say.push(user(item, TranscriptMode::Final, text.clone()));
        if self.paused.is_some() && is_nod {
            return;
        }
        if !says_something {
            self.drop_early();
            say.push(SessionEvent::warning("unheard", "nothing was understood of what was said"));
            return self.nothing_comes(UNHEARD, say);
        }
        self.end_paused(say);
        let is_as_thought = self.is_as_thought(&text);
        self.say_user(Part::text(text), say);
        if is_as_thought {
            if let Some(answer) = &mut self.answer {
                answer.confirm(say);
            }
        } else {
            self.drop_early();
            self.wanted = true;
        }
    }

    /// A turn that is over gets no answer.
    fn nothing_comes(&mut self, why: &str, say: &SessionTeller) {
        let (finish, usage) = (Finish::new(FinishReason::Other, why), self.spent.take());
        say.push(SessionEvent::TurnDone { finish, usage });
    }
}

fn user(item: String, mode: TranscriptMode, text: String) -> SessionEvent {
    SessionEvent::Transcript { item, by: Speaker::User, mode, text }
}
