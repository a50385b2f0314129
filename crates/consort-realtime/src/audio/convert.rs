//! One shape into another: channels mixed, rates converted, whole and as a stream.
use super::format::{Shape, bad};
use super::resample::Resampler;
use super::sound::Sound;
use consort_core::Error;

impl Sound {
    /// The same sound in another shape.
    pub fn converted(&self, shape: Shape) -> Result<Self, Error> {
        let mut converter = Converter::new(self.shape, shape)?;
        let mut samples = Vec::new();
        converter.push_samples(&self.samples, &mut samples);
        converter.finish_samples(&mut samples);
        Ok(Self { samples, shape })
    }
}

/// A stream of sound from one shape to another. What comes out is neither delayed nor cut: pieces that are converted
/// one after another are the same samples as the whole.
#[derive(Debug)]
pub struct Converter {
    from: Shape,
    to: Shape,
    /// None where both rates are one.
    resampler: Option<Resampler>,
    mixed: Vec<f32>,
}

impl Converter {
    pub fn new(from: Shape, to: Shape) -> Result<Self, Error> {
        // Rates are converted where there are fewer channels.
        let narrow = if from.channels() <= to.channels() { from } else { from.with_channels(to.channels())? };
        let resampler =
            if from.rate() == to.rate() { None } else { Some(Resampler::new(narrow, to.rate())?) };
        Ok(Self { from, to, resampler, mixed: Vec::new() })
    }

    pub fn from(&self) -> Shape {
        self.from
    }

    pub fn to(&self) -> Shape {
        self.to
    }

    /// What is ready of the sound so far.
    pub fn push(&mut self, sound: &Sound) -> Result<Sound, Error> {
        if sound.shape != self.from {
            return Err(bad(format!("a stream of {:?} is given {:?}", self.from, sound.shape)));
        }
        let mut out = Sound::empty(self.to);
        self.push_samples(&sound.samples, &mut out.samples);
        Ok(out)
    }

    /// What is left at the end. Afterwards another stream may begin.
    pub fn finish(&mut self) -> Sound {
        let mut out = Sound::empty(self.to);
        self.finish_samples(&mut out.samples);
        out
    }

    /// How many frames come out in the end for so many that went in.
    pub(super) fn out_of(&self, frames: u64) -> u64 {
        self.resampler.as_ref().map_or(frames, |resampler| resampler.out_of(frames))
    }

    pub(super) fn push_samples(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let (from, to) = (self.from.width(), self.to.width());
        let Some(resampler) = &mut self.resampler else { return mix(samples, from, to, out) };
        if from == to {
            return resampler.push(samples, out);
        }
        self.mixed.clear();
        if from > to {
            mix(samples, from, to, &mut self.mixed);
            resampler.push(&self.mixed, out);
        } else {
            resampler.push(samples, &mut self.mixed);
            mix(&self.mixed, from, to, out);
        }
    }

    pub(super) fn finish_samples(&mut self, out: &mut Vec<f32>) {
        let (from, to) = (self.from.width(), self.to.width());
        let Some(resampler) = &mut self.resampler else { return };
        if from >= to {
            return resampler.finish(out);
        }
        self.mixed.clear();
        resampler.finish(&mut self.mixed);
        mix(&self.mixed, from, to, out);
    }
}

/// Into more channels, the old ones are repeated in turn; into fewer, each is the mean of those that would be repeated
/// from it. So mono is the mean of all, and what was repeated comes back as it was.
fn mix(samples: &[f32], from: usize, to: usize, out: &mut Vec<f32>) {
    if from == to {
        return out.extend_from_slice(samples);
    }
    for frame in samples.chunks_exact(from) {
        if to > from {
            out.extend((0..to).map(|channel| frame[channel % from]));
        } else {
            out.extend((0..to).map(|channel| {
                let mean = frame.iter().skip(channel).step_by(to);
                mean.clone().sum::<f32>() / mean.count() as f32
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(samples: &[f32], from: u16, to: u16) -> Vec<f32> {
        let sound = Sound::new(samples.to_vec(), Shape::new(24_000, from).unwrap()).unwrap();
        sound.converted(Shape::new(24_000, to).unwrap()).unwrap().samples
    }

    #[test]
    fn channels_are_repeated_and_averaged() {
        assert_eq!(mixed(&[0.5, -0.5, 1.0, 0.5], 2, 1), [0.0, 0.75]);
        assert_eq!(mixed(&[0.5, -0.5], 1, 2), [0.5, 0.5, -0.5, -0.5]);
        assert_eq!(mixed(&[0.1, 0.2, 0.3, 0.6], 4, 2), [0.2, 0.4]);
        assert_eq!(mixed(&[0.1, 0.2], 2, 3), [0.1, 0.2, 0.1]);
    }
}
