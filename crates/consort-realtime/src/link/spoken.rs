//! What the user is saying while nobody wrote it down yet: another connection is told it once more, as sound.
use consort_core::{Pcm, SessionEvent, SessionInput, Speaker, TranscriptMode};
use std::collections::VecDeque;
use std::time::Duration;

/// Speech is noticed a moment after it began.
const BEFORE: Duration = Duration::from_millis(500);
/// Longer speech is told from its newest part on.
const LONGEST: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(super) struct Spoken {
    sound: VecDeque<Pcm>,
    length: Duration,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Silent,
    Speaking,
    /// They ended, and neither their words nor an answer came.
    Waiting,
}

impl Spoken {
    pub(super) fn input(&mut self, input: &SessionInput) {
        let SessionInput::Audio(pcm) = input else { return };
        self.length += pcm.duration();
        self.sound.push_back(pcm.clone());
        let limit = if self.state == State::Silent { BEFORE } else { LONGEST };
        while self.length > limit {
            let Some(oldest) = self.sound.pop_front() else { return };
            self.length = self.length.saturating_sub(oldest.duration());
        }
    }

    pub(super) fn event(&mut self, event: &SessionEvent) {
        let is_known = match event {
            SessionEvent::SpeechStarted { by: Speaker::User } => {
                self.state = State::Speaking;
                false
            }
            SessionEvent::SpeechStopped { by: Speaker::User } => {
                self.state = State::Waiting;
                false
            }
            SessionEvent::Transcript { mode: TranscriptMode::Final, .. }
            | SessionEvent::Audio { .. }
            | SessionEvent::Text { .. }
            | SessionEvent::ToolCall { .. } => true,
            _ => false,
        };
        // What comes while they speak is of an earlier turn.
        if is_known && self.state == State::Waiting {
            *self = Self::default();
        }
    }

    /// What is to be said once more, and nothing where the user was silent.
    pub(super) fn again(&self) -> Vec<SessionInput> {
        let mut inputs: Vec<SessionInput> = match self.state {
            State::Silent => Vec::new(),
            State::Speaking | State::Waiting => self.sound.iter().cloned().map(SessionInput::Audio).collect(),
        };
        if self.state == State::Waiting && !inputs.is_empty() {
            // The sound that followed is the next connection's.
            inputs.push(SessionInput::Commit);
        }
        inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &[&str]) -> (usize, bool) {
        let mut spoken = Spoken::default();
        for event in events {
            let by = Speaker::User;
            match *event {
                "starts" => spoken.event(&SessionEvent::SpeechStarted { by }),
                "stops" => spoken.event(&SessionEvent::SpeechStopped { by }),
                "words" => {
                    let (item, mode, text) = (String::new(), TranscriptMode::Final, "Hi".into());
                    spoken.event(&SessionEvent::Transcript { item, by, mode, text });
                }
                seconds => {
                    for _ in 0..seconds.parse::<usize>().unwrap() * 50 {
                        spoken.input(&SessionInput::Audio(Pcm::mono(vec![1; 480], 24_000)));
                    }
                }
            }
        }
        let again = spoken.again();
        let sounds = again.iter().filter(|input| matches!(input, SessionInput::Audio(_))).count();
        (sounds, matches!(again.last(), Some(SessionInput::Commit)))
    }

    #[test]
    fn speech_is_kept_until_its_words_are_known() {
        assert_eq!(told(&["9"]), (0, false), "silence is not");
        assert_eq!(told(&["9", "starts", "2"]), (125, false), "with the moment before it was noticed");
        assert_eq!(told(&["9", "starts", "2", "stops", "1"]), (175, true));
        assert_eq!(told(&["9", "starts", "2", "stops", "words", "1"]), (0, false));
        assert_eq!(
            told(&["starts", "1", "stops", "starts", "1", "words", "1"]),
            (150, false),
            "late words of before"
        );
        assert_eq!(told(&["starts", "60"]), (750, false));
    }
}
