//! Who finds out when the user speaks: the client, the model, or the server in the model's place.
use crate::audio::{Level, VoiceDetector, VoiceEvent, VoiceSettings};
use consort_core::{Error, Pcm, SessionInput};
use std::time::Duration;

/// A peak of so many decibels is what is left of nothing: a handful of the least steps.
const NOTHING: f32 = -72.0;
/// How late a model may tell what the server found before it, where more sounded since; and where nothing did.
const LATE: Duration = Duration::from_secs(3);
const LATE_IN_SILENCE: Duration = Duration::from_mins(1);

/// Who finds out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Hearing {
    /// The client says so itself.
    Client,
    /// The model; and the server, as long as the model tells nothing of it.
    Model(VoiceSettings),
    /// The server alone: the client wants what models cannot be told, such as turns that are not answered.
    Server(VoiceSettings),
}

/// What was found out, at which moment of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Began { at: Duration },
    Ended { at: Duration, model: Model },
}

/// What the model knows of the end of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// That it is one: it told it, or is given it as one.
    Knows,
    /// Nothing: it is to be told.
    IsToBeTold,
    /// It finds ends itself, and did not tell this one: what the server heard need not be a turn for it.
    IsSilent,
}

#[derive(Debug)]
pub(super) struct Ears {
    how: Hearing,
    detector: Option<VoiceDetector>,
    /// How much was heard so far, and how much of it before the detector began.
    heard: Duration,
    since: Duration,
    /// Whether the model ever told that somebody speaks.
    model_tells: bool,
    speaking: bool,
    /// Whether anybody spoke since the last turn ended, and whether any did.
    voice: bool,
    /// Whether it was loud enough for a word since then.
    loud: bool,
    /// Whether anything sounded at all since then.
    sounded: bool,
    had_turns: bool,
    /// Whether the server heard that first, and the model did not tell it yet.
    alone: bool,
    /// Whether an answer is under way: some models listen behind it only.
    answering: bool,
    /// How many turns the server found alone that the model may still tell, and when who hears no faster than somebody speaks has
    /// heard the last of them, or the model could begin to hear it.
    untold: u32,
    untold_at: Duration,
    /// When all that came so far is heard by who hears no faster than somebody speaks: sound may come at any speed.
    played: Duration,
    /// Whether it is telling one of those, whether it did since it answered last, and how many of whose words are still to come.
    behind: bool,
    told_late: bool,
    wordless: u32,
    /// Whether it told of somebody who speaks now, or of one of those.
    unsure: bool,
    /// Whether what it answers next was written, or is what a call gave.
    written: bool,
    /// Whether the model was given sound that is no microphone's, and did not answer it yet: of which it tells too.
    given: bool,
}

impl Ears {
    pub(super) fn new(how: Hearing) -> Self {
        let mut ears = Self {
            how: Hearing::Client,
            detector: None,
            heard: Duration::ZERO,
            since: Duration::ZERO,
            model_tells: false,
            speaking: false,
            voice: false,
            loud: false,
            sounded: false,
            had_turns: false,
            alone: false,
            answering: false,
            untold: 0,
            untold_at: Duration::ZERO,
            played: Duration::ZERO,
            behind: false,
            told_late: false,
            wordless: 0,
            unsure: false,
            written: false,
            given: false,
        };
        ears.change(how);
        ears
    }

    pub(super) fn change(&mut self, how: Hearing) {
        if how != self.how {
            self.how = how;
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.detector = match self.how {
            Hearing::Client => None,
            Hearing::Model(settings) | Hearing::Server(settings) => Some(VoiceDetector::new(settings)),
        };
        (self.speaking, self.voice, self.had_turns) = (false, false, false);
        (self.loud, self.sounded) = (false, false);
        self.since = self.heard;
    }

    /// The newest sound is to be heard once more, by others.
    pub(super) fn rewind(&mut self, by: Duration) {
        self.heard = self.heard.saturating_sub(by);
    }

    /// What was heard since the last turn ended is taken back. Whether anybody spoke in it.
    pub(super) fn forget(&mut self) -> bool {
        let spoke = self.voice;
        self.restart();
        spoke
    }

    /// Whether the model tells turns, so that it knows of them.
    pub(super) fn is_told_by_the_model(&self) -> bool {
        self.model_detects() && self.model_tells
    }

    pub(super) fn heard(&self) -> Duration {
        self.heard
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Whether nothing but silence was heard, where anybody but the client finds that out. Before the first turn nobody knows
    /// how loud the client speaks: there all that sounds may be speech.
    pub(super) fn is_silent(&self) -> bool {
        let sounded = if self.had_turns { self.loud } else { self.sounded };
        self.detector.is_some() && !self.voice && !sounded && !self.speaking
    }

    pub(super) fn had_turns(&self) -> bool {
        self.had_turns
    }

    /// Whether the client says itself when it speaks.
    pub(super) fn is_told_by_the_client(&self) -> bool {
        self.how == Hearing::Client
    }

    /// Whether the model is to find the ends of turns itself.
    pub(super) fn model_detects(&self) -> bool {
        matches!(self.how, Hearing::Model(_))
    }

    /// Sound of the client, that came at this time.
    pub(super) fn hear(&mut self, pcm: &Pcm, now: Duration) -> Result<Vec<Turn>, Error> {
        self.heard += pcm.duration();
        self.played = self.played.max(now) + pcm.duration();
        let Some(detector) = &mut self.detector else { return Ok(Vec::new()) };
        let events = detector.push(pcm)?;
        let level = Level::of(pcm);
        self.loud |= !level.is_quiet();
        self.sounded |= level.peak > NOTHING;
        // A model that tells turns is believed; but not that it hears any while it speaks, or hears something else.
        let believed = self.is_told_by_the_model();
        let mut turns = Vec::new();
        for event in events {
            self.voice |= matches!(event, VoiceEvent::Started { .. });
            match event {
                VoiceEvent::Started { at }
                    if !self.speaking && (!believed || self.answering || self.given) =>
                {
                    (self.speaking, self.alone) = (true, true);
                    turns.push(Turn::Began { at: self.since + at });
                }
                VoiceEvent::Stopped { at, .. } if self.speaking && (!believed || self.alone) => {
                    let at = self.since + at;
                    (self.speaking, self.voice) = (false, false);
                    (self.loud, self.had_turns) = (false, true);
                    self.untold += 1;
                    self.untold_at = self.played.saturating_sub(self.heard.saturating_sub(at));
                    self.unsure = false;
                    let model = match believed {
                        false => Model::IsToBeTold,
                        true if self.given => Model::Knows,
                        true => Model::IsSilent,
                    };
                    turns.push(Turn::Ended { at, model });
                }
                _ => {}
            }
        }
        Ok(turns)
    }

    /// The model tells at this time that the user began to speak, or ended.
    pub(super) fn told(&mut self, began: bool, now: Duration) -> Option<Turn> {
        if !self.model_detects() {
            return None;
        }
        self.model_tells = true;
        if self.is_late(began, now) || self.is_of_given() {
            return None;
        }
        // Who may have been meant by a turn before is heard to their end by the server too.
        self.alone = began && self.unsure;
        let at = self.heard;
        (self.voice, self.had_turns) = (began, self.had_turns || !began);
        self.loud &= began;
        if !began {
            return std::mem::take(&mut self.speaking).then_some(Turn::Ended { at, model: Model::Knows });
        }
        (!std::mem::replace(&mut self.speaking, true)).then_some(Turn::Began { at })
    }

    /// Whether it tells what the server found before it: that is not told twice, and ends nobody who speaks by now.
    fn is_late(&mut self, began: bool, now: Duration) -> bool {
        let sounds = self.detector.as_ref().is_some_and(VoiceDetector::is_speaking);
        if !began {
            let unsure = std::mem::take(&mut self.unsure) && sounds && self.untold > 0;
            if unsure {
                self.tells_late();
            }
            return std::mem::take(&mut self.behind);
        }
        let most = if self.voice || self.loud { LATE } else { LATE_IN_SILENCE };
        if now.saturating_sub(self.untold_at) > most {
            self.untold = 0;
        }
        // Somebody speaks, whomever it means.
        self.unsure = self.untold > 0 && sounds && !self.speaking;
        if self.untold == 0 || self.unsure {
            return false;
        }
        self.tells_late();
        true
    }

    fn tells_late(&mut self) {
        self.untold -= 1;
        self.wordless += 1;
        (self.behind, self.told_late) = (true, true);
    }

    /// The model told all words of a turn that the server found alone: it tells nothing else of it from now on.
    pub(super) fn worded(&mut self) {
        match self.wordless.checked_sub(1) {
            Some(left) => self.wordless = left,
            None => self.untold = self.untold.saturating_sub(1),
        }
    }

    /// Whether it tells of what it was given: unless it told before that somebody speaks, and now tells their end.
    fn is_of_given(&self) -> bool {
        self.given && (self.alone || !self.speaking)
    }

    /// The model is given these parts of the conversation. What it tells until it answers is of the sound among them, and the
    /// server alone finds who speaks meanwhile. Some models hear what was said meanwhile only behind what a call gave.
    pub(super) fn give(&mut self, inputs: &[SessionInput], now: Duration) {
        let is_result = |input: &SessionInput| matches!(input, SessionInput::ToolResult { .. });
        self.given |= inputs.iter().any(|input| matches!(input, SessionInput::Audio(_)));
        if inputs.iter().any(|input| is_result(input) || matches!(input, SessionInput::Text { .. })) {
            self.writes();
        }
        if inputs.iter().any(is_result) {
            self.untold_at = self.untold_at.max(now);
        }
    }

    /// What is answered next is what the user wrote.
    pub(super) fn writes(&mut self) {
        self.written = true;
    }

    /// The model answers what it was given, or says that it is done with it.
    pub(super) fn answered(&mut self) {
        self.given = false;
    }

    /// The client ends the turn itself.
    pub(super) fn end(&mut self) {
        if self.speaking && self.alone {
            (self.untold, self.untold_at, self.unsure) = (self.untold + 1, self.played, false);
        }
        // Who speaks on may say that this is another, or the end of a word sounds on: what is no beginning is told as none.
        let goes_on = self.detector.as_ref().is_some_and(VoiceDetector::is_speaking);
        (self.speaking, self.voice, self.loud, self.had_turns) = (false, goes_on, false, true);
    }

    /// The model begins to answer, or it is done. One that told nothing of the turn that it answers will not: what it tells from
    /// now on is of another. One that did goes on to the next; and what it answers may be what was written.
    pub(super) fn answers(&mut self, now: bool) {
        let was = std::mem::replace(&mut self.answering, now);
        if !now || was {
            return;
        }
        let is_of_speech = !std::mem::take(&mut self.written);
        if is_of_speech && !self.speaking && !std::mem::take(&mut self.told_late) {
            self.untold = 0;
        }
    }

    /// Another session took over.
    pub(super) fn renewed(&mut self) {
        (self.model_tells, self.answering, self.given) = (false, false, false);
        (self.untold, self.behind, self.told_late) = (0, false, false);
        (self.wordless, self.unsure, self.written) = (0, false, false);
        // It told nothing of who speaks.
        self.alone = self.speaking;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    #[test]
    fn a_model_that_tells_turns_is_believed_and_told_none() {
        let mut ears = Ears::new(Hearing::Model(VoiceSettings::default()));
        ears.hear(&Pcm::mono(vec![0; 16_000], 16_000), NOW).unwrap();
        let at = Duration::from_secs(1);
        assert_eq!(ears.told(true, NOW), Some(Turn::Began { at }));
        assert_eq!(ears.told(true, NOW), None, "told twice");
        assert_eq!(ears.told(false, NOW), Some(Turn::Ended { at, model: Model::Knows }));
        assert_eq!(ears.told(false, NOW), None);
    }

    #[test]
    fn what_the_server_heard_first_is_not_begun_again() {
        let mut ears = Ears::new(Hearing::Model(VoiceSettings::default()));
        ears.untold = 2;
        // However much sound came by then, and whoever speaks.
        ears.heard = Duration::from_mins(2);
        (ears.speaking, ears.alone) = (true, true);
        assert_eq!((ears.told(true, NOW), ears.told(false, NOW)), (None, None));
        assert!(ears.is_speaking());
        ears.speaking = false;
        ears.answers(true);
        ears.answers(false);
        assert_eq!(
            (ears.told(true, NOW), ears.told(false, NOW)),
            (None, None),
            "it answered the first, and told that"
        );
        assert!(ears.told(true, NOW).is_some(), "the next one is new");
    }

    #[test]
    fn a_model_that_answers_what_it_did_not_tell_tells_the_next_one() {
        let mut ears = Ears::new(Hearing::Model(VoiceSettings::default()));
        ears.untold = 1;
        ears.answers(true);
        assert!(ears.told(true, NOW).is_some());
        // Where the client says first that it is done, the model tells it later too.
        (ears.speaking, ears.alone) = (true, true);
        ears.end();
        assert_eq!((ears.told(true, NOW), ears.told(false, NOW)), (None, None));
    }

    #[test]
    fn what_is_told_of_sound_that_was_given_is_no_turn() {
        let mut ears = Ears::new(Hearing::Model(VoiceSettings::default()));
        ears.give(&[SessionInput::Audio(Pcm::mono(vec![9; 99], 16_000))], NOW);
        assert_eq!((ears.told(true, NOW), ears.told(false, NOW)), (None, None));
        // Somebody spoke before it.
        ears.speaking = true;
        assert!(ears.told(false, NOW).is_some());
        ears.answered();
        assert!(ears.told(true, NOW).is_some());
    }

    #[test]
    fn only_who_is_asked_finds_turns() {
        let mut ears = Ears::new(Hearing::Server(VoiceSettings::default()));
        assert_eq!(ears.told(true, NOW), None);
        ears.change(Hearing::Client);
        assert_eq!(
            (ears.told(true, NOW), ears.hear(&Pcm::mono(vec![9; 99], 16_000), NOW).unwrap()),
            (None, Vec::new())
        );
    }

    #[test]
    fn a_turn_that_the_model_never_tells_is_forgotten() {
        let found =
            || Ears { untold: 1, untold_at: NOW, ..Ears::new(Hearing::Model(VoiceSettings::default())) };
        let mut ears = found();
        ears.loud = true;
        assert_eq!(ears.told(true, NOW + LATE), None, "the model may be slow");
        let mut ears = found();
        ears.loud = true;
        assert!(ears.told(true, NOW + LATE + Duration::from_millis(1)).is_some());
        // Where nothing sounded since, there is nothing else that it could tell.
        let mut ears = found();
        assert_eq!(ears.told(true, NOW + 2 * LATE), None);
        // One whose words are known is told.
        let mut ears = found();
        ears.worded();
        assert!(ears.told(true, NOW).is_some());
        // The words of one that was told late are no other's.
        let mut ears = found();
        ears.untold = 2;
        assert_eq!((ears.told(true, NOW), ears.told(false, NOW)), (None, None));
        ears.worded();
        assert_eq!(ears.told(true, NOW), None);
    }

    #[test]
    fn an_answer_to_what_was_written_says_nothing_of_what_was_spoken() {
        for written in [false, true] {
            let mut ears = Ears::new(Hearing::Model(VoiceSettings::default()));
            (ears.untold, ears.untold_at) = (1, NOW);
            if written {
                ears.give(&[SessionInput::text("Hello")], NOW);
            }
            ears.answers(true);
            ears.answers(false);
            assert_eq!(ears.told(true, NOW).is_none(), written);
        }
    }
}
