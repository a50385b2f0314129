//! How loud a sound is.
use super::sound::{Sound, from_16};
use consort_core::Pcm;

/// Loudness in decibels of full scale: 0 is as loud as it can be, a full sine has an RMS of -3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    pub rms: f32,
    pub peak: f32,
    /// How many samples are at full scale or beyond: what was louder is lost.
    pub clipped: usize,
}

impl Level {
    /// What silence is said to have, so that meters have a lowest value.
    pub const SILENCE: f32 = -120.0;
    /// What is quieter than this is no word.
    const QUIET: f32 = -42.0;

    pub fn of(pcm: &Pcm) -> Self {
        Self::of_samples(pcm.samples.iter().copied().map(from_16))
    }

    /// Whether nothing in it can be a word.
    pub fn is_quiet(&self) -> bool {
        self.rms < Self::QUIET
    }

    fn of_samples(samples: impl Iterator<Item = f32>) -> Self {
        let (mut sum, mut peak, mut clipped, mut count) = (0.0_f64, 0.0_f32, 0, 0_usize);
        for sample in samples {
            sum += f64::from(sample).powi(2);
            peak = peak.max(sample.abs());
            // The loudest positive number of 16 bits is a little below 1.
            clipped += usize::from(sample.abs() >= 32_767.0 / 32_768.0);
            count += 1;
        }
        let decibels = |amplitude: f64| (20.0 * amplitude.log10()).max(f64::from(Self::SILENCE)) as f32;
        Self { rms: decibels((sum / count.max(1) as f64).sqrt()), peak: decibels(f64::from(peak)), clipped }
    }
}

impl Sound {
    pub fn level(&self) -> Level {
        Level::of_samples(self.samples.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::Shape;
    use super::*;
    use std::time::Duration;

    #[test]
    fn levels_are_decibels_of_full_scale() {
        let second = Duration::from_secs(1);
        let sine = Sound::tone(Shape::MONO_24K, 440.0, 0.5, second).level();
        assert!((sine.rms + 9.03).abs() < 0.01 && (sine.peak + 6.02).abs() < 0.01, "{sine:?}");
        assert_eq!(sine.clipped, 0);
        let silence = Sound::silence(Shape::MONO_24K, second).level();
        assert_eq!((silence.rms, silence.peak), (Level::SILENCE, Level::SILENCE));
        assert_eq!(Sound::empty(Shape::MONO_24K).level(), silence);
        let loud = Pcm { samples: vec![i16::MAX, i16::MIN, 0], rate: 24_000, channels: 1 };
        assert_eq!(Level::of(&loud).clipped, 2);
    }
}
