//! Hears when somebody speaks, and when they are done.
use consort_core::Pcm;
use std::time::Duration;

/// What is quieter than this is silence, and so much silence ends a turn.
const LOUD: f32 = 0.02;
const SILENCE: Duration = Duration::from_millis(500);
/// What is judged at once.
const STEP: Duration = Duration::from_millis(20);

/// What was heard since the last turn.
#[derive(Debug, Default)]
pub(super) struct Ear {
    spoken: Duration,
    /// How long nothing was said behind that.
    quiet: Duration,
    /// Whether sound came since the last commit, and whether a silence ended a turn since then.
    heard: bool,
    ended: bool,
}

/// What a piece of sound changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Began,
    /// Somebody spoke for this long, and is silent now.
    Ended(Duration),
}

impl Ear {
    /// Listens to a piece, which may hold several turns. Without `detects` no silence ends one.
    pub(super) fn listen(&mut self, pcm: &Pcm, detects: bool) -> Vec<Heard> {
        let mut heard = Vec::new();
        self.heard |= !pcm.is_empty();
        // Where no silence ends turns, the silence of one that is told over is no rest of the one before.
        self.ended &= detects || pcm.is_empty();
        for piece in pcm.pieces(STEP) {
            let length = piece.duration();
            if piece.peak() >= LOUD {
                if self.spoken.is_zero() {
                    heard.push(Heard::Began);
                }
                self.spoken += std::mem::take(&mut self.quiet) + length;
            } else if !self.spoken.is_zero() {
                self.quiet += length;
                if detects && self.quiet >= SILENCE {
                    self.ended = true;
                    heard.extend(self.done().map(Heard::Ended));
                }
            }
        }
        heard
    }

    /// The speaker is done. How long somebody spoke in what no silence ended; nothing where there is no such turn.
    pub(super) fn commit(&mut self) -> Option<Duration> {
        let (heard, ended) = (std::mem::take(&mut self.heard), std::mem::take(&mut self.ended));
        self.done().or((heard && !ended).then_some(Duration::ZERO))
    }

    /// The turn is over. How long somebody spoke, if anybody did.
    fn done(&mut self) -> Option<Duration> {
        self.quiet = Duration::ZERO;
        Some(std::mem::take(&mut self.spoken)).filter(|spoken| !spoken.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_told_apart_by_silence() {
        let of = |value: i16, ms: usize| vec![value; ms * 16];
        let samples =
            [of(0, 300), of(5000, 200), of(0, 100), of(5000, 200), of(0, 700), of(9, 100), of(9000, 40)];
        let pcm = Pcm::mono(samples.concat(), 16_000);
        let mut whole = Ear::default();
        let turns = whole.listen(&pcm, true);
        assert_eq!(turns, [Heard::Began, Heard::Ended(Duration::from_millis(500)), Heard::Began]);
        assert_eq!((whole.done(), whole.done()), (Some(Duration::from_millis(40)), None));
        let mut pieces = Ear::default();
        let told = pcm.pieces(Duration::from_millis(40)).flat_map(|piece| pieces.listen(&piece, true));
        assert_eq!(told.collect::<Vec<_>>(), turns);
        let mut patient = Ear::default();
        assert_eq!(patient.listen(&pcm, false), [Heard::Began]);
        assert_eq!(patient.commit(), Some(Duration::from_millis(1340)));
        assert_eq!(patient.commit(), None);
    }

    #[test]
    fn a_turn_of_silence_is_one_and_the_silence_behind_a_turn_is_none() {
        let silence = Pcm::mono(vec![0; 16_000], 16_000);
        let speech = Pcm::mono(vec![5000; 16_000], 16_000);
        let mut ear = Ear::default();
        assert_eq!(ear.commit(), None);
        ear.listen(&silence, false);
        assert_eq!((ear.commit(), ear.commit()), (Some(Duration::ZERO), None));
        ear.listen(&speech, true);
        assert_eq!(ear.listen(&silence, true), [Heard::Ended(Duration::from_secs(1))]);
        assert_eq!(ear.commit(), None);
        ear.listen(&silence, true);
        assert_eq!(ear.commit(), Some(Duration::ZERO));
        // From detected turns to such as are told over.
        ear.listen(&speech, true);
        ear.listen(&silence, true);
        ear.listen(&silence, false);
        assert_eq!(ear.commit(), Some(Duration::ZERO));
    }
}
