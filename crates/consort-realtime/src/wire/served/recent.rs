//! The newest sound of the user: what was said aloud is cut out of it, once it is known where that began.
use consort_core::{Pcm, SessionInput};
use std::collections::VecDeque;
use std::time::Duration;

/// Speech is noticed a moment after it began.
const BEFORE: Duration = Duration::from_secs(1);
/// While nobody speaks so much is kept, and of who speaks without end so much.
const SILENT: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(5);

/// Pieces of sound, each with when it begins.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Duration, Pcm)>);

impl Recent {
    /// A piece of sound; `speaks` where it is of somebody who speaks.
    pub(super) fn push(&mut self, at: Duration, pcm: Pcm, speaks: bool) {
        let most = if speaks { LONGEST } else { SILENT };
        let end = at + pcm.duration();
        self.0.push_back((at, pcm));
        while self.0.front().is_some_and(|(began, _)| end.saturating_sub(*began) > most) {
            self.0.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is heard since then, as inputs.
    pub(super) fn since(&self, began: Duration) -> impl Iterator<Item = SessionInput> + '_ {
        let from = began.saturating_sub(BEFORE);
        let pieces = self.0.iter().filter(move |(at, pcm)| *at + pcm.duration() > from);
        pieces.map(|(_, pcm)| SessionInput::Audio(pcm.clone()))
    }

    /// One sound of what was said since then, and of what waits behind it.
    pub(super) fn whole(&self, began: Duration, more: &[SessionInput]) -> Option<Pcm> {
        let mut whole: Option<Pcm> = None;
        for input in self.since(began).chain(more.iter().cloned()) {
            let SessionInput::Audio(pcm) = input else { continue };
            match &mut whole {
                Some(whole) if (whole.rate, whole.channels) == (pcm.rate, pcm.channels) => whole.append(&pcm),
                // The format was changed meanwhile: what was said last counts.
                other => *other = Some(pcm),
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_the_moment_before_it_was_noticed() {
        let mut recent = Recent::default();
        let second = |n| Pcm::mono(vec![n; 1_000], 1_000);
        for at in 0..9_u64 {
            recent.push(Duration::from_secs(at), second(at as i16), at >= 6);
        }
        let heard = recent.whole(Duration::from_secs(6), &[SessionInput::Audio(second(9))]).unwrap();
        let mut wanted = second(5);
        (6..=9).for_each(|n| wanted.append(&second(n)));
        assert_eq!(heard, wanted);
        recent.push(Duration::from_secs(9), second(9), false);
        assert_eq!(recent.since(Duration::ZERO).count(), 2, "who is silent is forgotten");
    }
}
