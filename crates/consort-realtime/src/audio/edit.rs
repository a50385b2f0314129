//! Sounds joined, cut off at either end, and filled up.
use super::convert::Converter;
use super::sound::Sound;
use consort_core::Error;
use std::time::Duration;

/// Where silence is added to a sound that is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pad {
    None,
    Start,
    End,
}

impl Sound {
    /// Adds another sound at the end, in this one's shape. Pieces of one stream belong into a [`Converter`], which
    /// knows what was before.
    pub fn append(&mut self, other: &Self) -> Result<(), Error> {
        let mut converter = Converter::new(other.shape, self.shape)?;
        converter.push_samples(&other.samples, &mut self.samples);
        converter.finish_samples(&mut self.samples);
        Ok(())
    }

    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// The first of it.
    pub fn head(&self, time: Duration, pad: Pad) -> Self {
        let frames = self.shape.frames_in(time);
        self.part(0, frames).padded(frames, pad)
    }

    /// The last of it.
    pub fn tail(&self, time: Duration, pad: Pad) -> Self {
        let frames = self.shape.frames_in(time);
        self.part(self.frames().saturating_sub(frames), self.frames()).padded(frames, pad)
    }

    /// The frames from one number to before another, as far as there are any.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        let (width, frames) = (self.shape.width(), self.frames());
        let range = start.min(frames) * width..end.clamp(start.min(frames), frames) * width;
        Self { samples: self.samples[range].to_vec(), shape: self.shape }
    }

    pub(super) fn padded(mut self, frames: usize, pad: Pad) -> Self {
        let missing = frames.saturating_sub(self.frames()) * self.shape.width();
        match pad {
            Pad::None => {}
            Pad::Start => drop(self.samples.splice(0..0, std::iter::repeat_n(0.0, missing))),
            Pad::End => self.samples.resize(self.samples.len() + missing, 0.0),
        }
        self
    }
}
