//! A whole sound, and its way to and from the contract's 16-bit samples.
use super::format::Shape;
use consort_core::{Error, Pcm};
use std::time::Duration;

/// Sound that is worked on: interleaved samples, of which 1 is full scale.
///
/// Samples may go beyond full scale, so that what is mixed is not clipped on the way; what is no number is silence.
///
/// ```
/// # use consort_realtime::audio::{Encoding, Format, Shape, Sound};
/// let sound = Sound::from_bytes(&[0, 64, 0, 192], Format::new(Encoding::S16, Shape::MONO_24K))?;
/// assert_eq!(sound.samples(), [0.5, -0.5]);
/// let louder = sound.converted(Shape::new(48_000, 2)?)?;
/// assert_eq!(louder.duration(), sound.duration());
/// # Ok::<(), consort_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    pub(super) samples: Vec<f32>,
    pub(super) shape: Shape,
}

impl Sound {
    /// Nothing, in a shape that sounds can be appended in.
    pub fn empty(shape: Shape) -> Self {
        Self { samples: Vec::new(), shape }
    }

    pub fn silence(shape: Shape, time: Duration) -> Self {
        Self { samples: vec![0.0; shape.frames_in(time) * shape.width()], shape }
    }

    /// Interleaved samples, of which 1 is full scale.
    pub fn new(mut samples: Vec<f32>, shape: Shape) -> Result<Self, Error> {
        shape.check(samples.len())?;
        samples.iter_mut().for_each(|sample| *sample = clean(*sample));
        Ok(Self { samples, shape })
    }

    /// One row of samples for each channel.
    pub fn from_planes(planes: &[Vec<f32>], rate: u32) -> Result<Self, Error> {
        let channels = u16::try_from(planes.len()).unwrap_or(u16::MAX);
        let shape = Shape::new(rate, channels)?;
        let frames = planes.iter().map(Vec::len).min().unwrap_or_default();
        if planes.iter().any(|plane| plane.len() != frames) {
            return Err(super::format::bad("the channels of a sound are not of one length".into()));
        }
        let samples = (0..frames).flat_map(|frame| planes.iter().map(move |plane| plane[frame])).collect();
        Self::new(samples, shape)
    }

    /// Fails where the piece is not what it declares.
    pub fn from_pcm(pcm: &Pcm) -> Result<Self, Error> {
        let shape = Shape::of(pcm)?;
        Ok(Self { samples: pcm.samples.iter().copied().map(from_16).collect(), shape })
    }

    /// What is beyond full scale is clipped.
    pub fn to_pcm(&self) -> Pcm {
        pcm(self.samples.iter().copied().map(to_16).collect(), self.shape)
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Interleaved.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// The number of moments that are sampled.
    pub fn frames(&self) -> usize {
        self.samples.len() / self.shape.width()
    }

    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    pub fn duration(&self) -> Duration {
        self.shape.time_of(self.frames() as u64)
    }
}

pub(super) fn pcm(samples: Vec<i16>, shape: Shape) -> Pcm {
    Pcm { samples, rate: shape.rate(), channels: shape.channels() }
}

/// Full scale of 16 bits.
const FULL: f32 = 32_768.0;
/// Beyond this a sample is no sound, but could make numbers of a filter that are none.
const LOUDEST: f32 = 16.0;

pub(super) fn from_16(sample: i16) -> f32 {
    f32::from(sample) / FULL
}

/// To the nearest; the cast holds what is too loud within its bounds.
pub(super) fn to_16(sample: f32) -> i16 {
    (sample * FULL).round_ties_even() as i16
}

pub(super) fn clean(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-LOUDEST, LOUDEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_are_exact_in_floating_point() {
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let piece = pcm(all, Shape::MONO_24K);
        assert_eq!(Sound::from_pcm(&piece).unwrap().to_pcm(), piece);
    }

    #[test]
    fn what_is_no_number_is_silence_and_what_is_too_loud_is_clipped() {
        let odd = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, 1.0, -1.0];
        let sound = Sound::new(odd, Shape::MONO_24K).unwrap();
        assert_eq!(sound.samples(), [0.0, 16.0, -16.0, 16.0, 1.0, -1.0]);
        assert_eq!(sound.to_pcm().samples, [0, 32_767, -32_768, 32_767, 32_767, -32_768]);
    }

    #[test]
    fn planes_become_frames() {
        let sound = Sound::from_planes(&[vec![0.1, 0.2], vec![0.3, 0.4]], 24_000).unwrap();
        assert_eq!(sound.samples(), [0.1, 0.3, 0.2, 0.4]);
        assert!(Sound::from_planes(&[vec![0.1], vec![]], 24_000).is_err());
        assert!(Sound::from_planes(&[], 24_000).is_err());
    }
}
