//! Something like speech, made of nothing: a voice of pulses through the resonances of a mouth that says vowels.
use consort_realtime::audio::{Shape, Sound};
use std::f64::consts::TAU;

const RATE: u32 = 16_000;
/// The first three resonances of a, e, i, o and u, in hertz.
const VOWELS: [[f64; 3]; 5] = [
    [730.0, 1_090.0, 2_440.0],
    [530.0, 1_840.0, 2_480.0],
    [270.0, 2_290.0, 3_010.0],
    [570.0, 840.0, 2_410.0],
    [300.0, 870.0, 2_240.0],
];

/// A resonance: two poles.
#[derive(Default)]
struct Resonance([f64; 2]);

impl Resonance {
    fn pass(&mut self, sample: f64, hertz: f64) -> f64 {
        let radius = (-std::f64::consts::PI * 80.0 / f64::from(RATE)).exp();
        let turn = 2.0 * radius * (TAU * hertz / f64::from(RATE)).cos();
        let out = (1.0 - radius) * sample + turn * self.0[0] - radius * radius * self.0[1];
        self.0 = [out, self.0[0]];
        out
    }
}

/// So many milliseconds of it, four syllables a second, as loud as this.
pub(crate) fn speech(ms: usize, peak: f32) -> Sound {
    let frames = ms * RATE as usize / 1_000;
    let mut mouth: [Resonance; 3] = Default::default();
    let mut phase = 0.0_f64;
    let mut samples = Vec::with_capacity(frames);
    for n in 0..frames {
        let time = n as f64 / f64::from(RATE);
        let syllable = time * 4.0;
        let (from, to) = (VOWELS[syllable as usize % 5], VOWELS[(syllable as usize + 1) % 5]);
        // A voice is never quite steady, and falls at the end of a breath.
        phase += (130.0 - 15.0 * (time * 0.7).fract() + 5.0 * (TAU * 5.0 * time).sin()) / f64::from(RATE);
        let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
        phase = phase.fract();
        let open = (TAU / 2.0 * syllable.fract()).sin().powf(0.6);
        let voice = mouth.iter_mut().enumerate().fold(pulse, |sound, (k, resonance)| {
            let hertz = from[k] + (to[k] - from[k]) * (syllable.fract() - 0.7).max(0.0) / 0.3;
            sound + resonance.pass(pulse, hertz) * [20.0, 12.0, 6.0][k]
        });
        samples.push((voice * open) as f32);
    }
    let loudest = samples.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    samples.iter_mut().for_each(|sample| *sample *= peak / loudest.max(f32::EPSILON));
    Sound::new(samples, Shape::MONO_16K).unwrap()
}

/// White noise, the same each time.
pub(crate) fn noise(ms: usize, peak: f32) -> Sound {
    let mut state = 1_u32;
    let samples = (0..ms * RATE as usize / 1_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        peak * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    });
    Sound::new(samples.collect(), Shape::MONO_16K).unwrap()
}
