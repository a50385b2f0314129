//! Sound made of nothing: tones.
use super::format::Shape;
use super::sound::Sound;
use std::time::Duration;

impl Sound {
    /// A sine of so many hertz, the same in all channels, of which an amplitude of 1 is full scale.
    pub fn tone(shape: Shape, hertz: f64, amplitude: f64, time: Duration) -> Self {
        let step = std::f64::consts::TAU * hertz / f64::from(shape.rate());
        let frame = |n: usize| (amplitude * (step * n as f64).sin()) as f32;
        let samples = (0..shape.frames_in(time)).flat_map(|n| std::iter::repeat_n(frame(n), shape.width()));
        Self { samples: samples.collect(), shape }
    }
}
