//! What the user says aloud, on its way to the model. Where nothing may cut an answer, what is said into one waits here: a
//! model that hears it would stop, and so would one that is told that a turn is over. What is written behind it waits with it.
use super::super::entry::Entry;
use super::super::recent::Recent;
use consort_core::SessionInput;
use std::collections::VecDeque;
use std::time::Duration;

/// Of silence that waits so much is kept: speech is noticed a moment after it began.
const BEFORE: Duration = Duration::from_secs(1);
/// How much sound waits, the newest.
const LONGEST: Duration = Duration::from_mins(5);

/// One thing that the user said.
#[derive(Debug)]
pub(super) enum Said {
    /// Sound, or the end of a turn, and where it stands in all that was said aloud.
    Aloud(Duration, SessionInput),
    /// The end of a turn, which the model finds by itself.
    Over,
    /// Words, which are to be answered.
    Written(Entry),
}

impl Said {
    fn is_end(&self) -> bool {
        matches!(self, Self::Over | Self::Aloud(_, SessionInput::Commit))
    }

    fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }

    fn length(&self) -> Duration {
        match self {
            Self::Aloud(_, SessionInput::Audio(pcm)) => pcm.duration(),
            _ => Duration::ZERO,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Speech {
    /// What the model heard since the last turn ended.
    given: Recent,
    /// What it is still to hear and to read.
    waiting: VecDeque<Said>,
    /// Where who speaks began.
    began: Option<Duration>,
}

impl Speech {
    /// Somebody speaks since then.
    pub(super) fn began(&mut self, at: Duration) {
        self.began = Some(at);
    }

    /// Nobody speaks any more. Whether the model knows that, or is told it behind what waits.
    pub(super) fn ended(&mut self, is_known: bool) {
        self.began = None;
        if is_known {
            self.given.clear();
        }
    }

    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether something written waits.
    pub(super) fn is_written_to(&self) -> bool {
        self.waiting.iter().any(Said::is_written)
    }

    /// Whether more waits than the silence of an open microphone.
    pub(super) fn holds_words(&self) -> bool {
        let is_sound = |said: &Said| matches!(said, Said::Aloud(_, SessionInput::Audio(_)));
        self.waits() && (self.began.is_some() || !self.waiting.iter().all(is_sound))
    }

    /// The model knows that a turn is over.
    pub(super) fn known(&mut self) {
        self.given.clear();
    }

    /// Sound, or the end of a turn, which the model is to hear now.
    pub(super) fn give(&mut self, at: Duration, input: SessionInput, inputs: &mut Vec<SessionInput>) {
        match &input {
            SessionInput::Audio(pcm) => self.given.push(at, pcm.clone(), self.began.is_some()),
            _ => self.given.clear(),
        }
        inputs.push(input);
    }

    /// The same, or what is written behind it, to be told later. All that is said aloud meanwhile is one turn, up to where
    /// something is written.
    pub(super) fn wait(&mut self, said: Said) {
        if said.is_end() {
            let from = self.behind(Said::is_written);
            let (mut at, end) = (0, self.waiting.len());
            self.waiting.retain(|waiting| {
                at += 1;
                at > end || at <= from || !waiting.is_end()
            });
        }
        self.waiting.push_back(said);
        if self.began.is_none() {
            let from = self.behind(|said| said.is_end() || said.is_written());
            self.shorten(from, BEFORE);
        }
        self.shorten(0, LONGEST);
    }

    /// The place behind the last of these.
    fn behind(&self, is_it: impl Fn(&Said) -> bool) -> usize {
        self.waiting.iter().rposition(is_it).map_or(0, |last| last + 1)
    }

    /// Lets the oldest sound behind a place go where there is more of it.
    fn shorten(&mut self, from: usize, most: Duration) {
        let mut length: Duration = self.waiting.iter().skip(from).map(Said::length).sum();
        while length > most {
            let is_sound = |said: &Said| !said.length().is_zero();
            let Some(at) = self.waiting.iter().skip(from).position(is_sound) else { return };
            let oldest = self.waiting.remove(from + at);
            length -= oldest.as_ref().map_or(Duration::ZERO, Said::length);
        }
    }

    /// How much room the words that wait take.
    pub(super) fn size(&self) -> usize {
        let size = |said: &Said| if let Said::Written(entry) = said { entry.size } else { 0 };
        self.waiting.iter().map(size).sum()
    }

    /// All that waits, to be told now.
    pub(super) fn take(&mut self) -> VecDeque<Said> {
        std::mem::take(&mut self.waiting)
    }

    /// What a model heard that is left in the middle of a turn, or where one may begin: another is to hear it once more.
    pub(super) fn again(&self, now: Duration) -> impl Iterator<Item = SessionInput> + '_ {
        self.given.since(self.began.unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::Pcm;

    #[test]
    fn what_waits_is_one_turn_with_a_moment_of_silence_around_it() {
        let second = |n: i16| SessionInput::Audio(Pcm::mono(vec![n; 1_000], 1_000));
        let mut speech = Speech::default();
        let wait = |speech: &mut Speech, at: u64, input| {
            speech.wait(Said::Aloud(Duration::from_secs(at), input));
        };
        for at in 0..20_u64 {
            match at {
                4 | 12 => speech.began(Duration::from_secs(at)),
                6 | 15 => {
                    wait(&mut speech, at, SessionInput::Commit);
                    speech.ended(false);
                }
                _ => {}
            }
            wait(&mut speech, at, second(at as i16));
        }
        let mut wanted: Vec<SessionInput> = [3, 4, 5, 11, 12, 13, 14].map(second).into();
        wanted.extend([SessionInput::Commit, second(19)]);
        assert_eq!(aloud(&mut speech), wanted);
        // Of who never ends, the newest.
        speech.began(Duration::from_secs(20));
        (0..400).for_each(|at| wait(&mut speech, at, second(1)));
        assert_eq!(aloud(&mut speech).len(), 300);
    }

    fn aloud(speech: &mut Speech) -> Vec<SessionInput> {
        let inputs = speech.take().into_iter().map(|said| match said {
            Said::Aloud(_, input) => input,
            Said::Over => SessionInput::text("over"),
            Said::Written(entry) => SessionInput::text(entry.parts()[0].as_text().unwrap_or_default()),
        });
        inputs.collect()
    }

    #[test]
    fn what_is_written_stands_between_what_is_said_before_and_behind_it() {
        let mut speech = Speech::default();
        let sound = |n: i16| SessionInput::Audio(Pcm::mono(vec![n; 1_000], 1_000));
        let write = |text: &str| {
            let message = Some(consort_core::Message::user(text));
            Said::Written(Entry::new("", serde_json::Value::Null, message, false))
        };
        speech.wait(Said::Aloud(Duration::ZERO, sound(0)));
        assert!(speech.waits() && !speech.holds_words());
        for (n, text) in [(1, "one"), (2, "two")] {
            speech.began(Duration::ZERO);
            speech.wait(Said::Aloud(Duration::ZERO, sound(n)));
            speech.wait(Said::Aloud(Duration::ZERO, SessionInput::Commit));
            speech.ended(false);
            speech.wait(write(text));
        }
        let end = SessionInput::Commit;
        let [one, two] = ["one", "two"].map(SessionInput::text);
        assert!(speech.size() > 0);
        assert_eq!(aloud(&mut speech), [sound(0), sound(1), end.clone(), one, sound(2), end, two]);
    }
}
