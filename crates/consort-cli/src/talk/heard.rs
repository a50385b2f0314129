//! What was heard of a session: all of it where it is to be written, else only how much it was.
use consort_core::Pcm;
use std::time::Duration;

/// The loudest that silence is: about the last five of sixteen bits.
const SILENCE: f32 = 0.001;

#[derive(Debug)]
pub(super) struct Heard {
    duration: Duration,
    /// Whether some of it was more than silence, since somebody asked.
    sounded: bool,
    kept: Option<Pcm>,
}

impl Heard {
    /// Mono sound of this rate; a session without end is kept in memory only for a file.
    pub(super) fn new(rate: u32, is_kept: bool) -> Self {
        let kept = is_kept.then(|| Pcm::mono(Vec::new(), rate));
        Self { duration: Duration::ZERO, sounded: false, kept }
    }

    /// So much more was heard. Whether it is silence.
    pub(super) fn add(&mut self, pcm: &Pcm) -> bool {
        let is_silence = pcm.peak() < SILENCE;
        self.sounded |= !is_silence;
        self.duration += pcm.duration();
        if let Some(kept) = &mut self.kept {
            kept.append(pcm);
        }
        is_silence
    }

    pub(super) fn is_empty(&self) -> bool {
        self.duration.is_zero()
    }

    /// Whether some of what was heard since this was asked last was more than silence.
    pub(super) fn take_sounded(&mut self) -> bool {
        std::mem::take(&mut self.sounded)
    }

    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    /// The sound itself, where it is kept.
    pub(super) fn kept(&self) -> Option<&Pcm> {
        self.kept.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_kept_where_it_is_to_be_written_and_counted_everywhere() {
        let second = Pcm::mono(vec![9_000; 24_000], 24_000);
        for is_kept in [false, true] {
            let mut heard = Heard::new(24_000, is_kept);
            assert!(heard.add(&Pcm::mono(vec![0; 12_000], 24_000)) && !heard.take_sounded());
            assert!(!heard.add(&second) && heard.take_sounded());
            assert_eq!(heard.duration(), Duration::from_millis(1_500));
            assert_eq!(heard.kept().map(Pcm::duration), is_kept.then_some(heard.duration()));
        }
    }
}
