//! What resampling does to tones, as numbers: how much of those that must go is left, how those that stay are changed,
//! and what is added to them. The benchmark prints the same numbers next to their limits.
use consort_realtime::audio::{Shape, Sound};
use std::f64::consts::TAU;
use std::time::Duration;

/// The rates of telephones, recognisers, voices, music and devices.
pub(crate) const RATES: [u32; 7] = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// At least so far down, above 1.1 of the lower Nyquist frequency.
pub(crate) const STOP: f64 = -90.0;
/// At most so much louder or softer, below 0.9 of it.
pub(crate) const PASS: f64 = 0.2;
/// At least so far above everything that was not there before.
pub(crate) const SNR: f64 = 90.0;

/// Near full scale, where there is most to lose.
const AMPLITUDE: f64 = 0.98;

pub(crate) fn pairs() -> impl Iterator<Item = (u32, u32)> {
    RATES
        .into_iter()
        .flat_map(|from| RATES.into_iter().map(move |to| (from, to)))
        .filter(|(from, to)| from != to)
}

#[derive(Debug)]
pub(crate) struct Measured {
    /// What is left of the loudest tone that must go, in dB; none where there are no such tones, as where the rate rises:
    /// there the images of tones are what must go, and they count as noise.
    pub stop: Option<f64>,
    /// The largest change of a tone that must stay, in dB.
    pub pass: f64,
    /// The lowest ratio of a tone that stays to all else, in dB.
    pub snr: f64,
    /// By how much of an output sample the most delayed tone is delayed.
    pub delay: f64,
}

pub(crate) fn measure(from: u32, to: u32) -> Measured {
    let low = f64::from(from.min(to)) / 2.0;
    let mut measured = Measured { stop: None, pass: 0.0, snr: f64::INFINITY, delay: 0.0 };
    for step in 1..=18 {
        let hertz = low * 0.05 * f64::from(step);
        let tone = fit(&resampled(hertz, from, to), hertz, to);
        measured.pass = measured.pass.max(tone.gain.abs());
        measured.snr = measured.snr.min(tone.snr);
        measured.delay = measured.delay.max(tone.delay.abs());
    }
    let (first, last) = (low * 1.1, f64::from(from) / 2.0 * 0.999);
    if first < last {
        let left = (0..24).map(|step| {
            let hertz = first + (last - first) * f64::from(step) / 23.0;
            decibels(power(&resampled(hertz, from, to)))
        });
        measured.stop = left.reduce(f64::max);
    }
    measured
}

/// The ratio of a tone to all else after one way, in dB.
pub(crate) fn snr(hertz: f64, from: u32, to: u32) -> f64 {
    fit(&resampled(hertz, from, to), hertz, to).snr
}

/// A tone that went from one rate to another, without its ends: a tone that begins or stops is not one tone. What was
/// cut off at the beginning is a whole number of its frames.
fn resampled(hertz: f64, from: u32, to: u32) -> Vec<f32> {
    let shape = |rate| Shape::new(rate, 1).expect("a rate");
    let tone = Sound::tone(shape(from), hertz, AMPLITUDE, Duration::from_millis(300));
    let out = tone.converted(shape(to)).expect("rates that are converted");
    let end = edge(to);
    out.samples()[end..out.frames() - end].to_vec()
}

fn edge(rate: u32) -> usize {
    rate as usize / 50
}

struct Tone {
    gain: f64,
    snr: f64,
    /// In samples.
    delay: f64,
}

/// The sine of this frequency that is nearest to the samples, by least squares.
fn fit(samples: &[f32], hertz: f64, rate: u32) -> Tone {
    let step = TAU * hertz / f64::from(rate);
    let at = |n: usize| ((n + edge(rate)) as f64 * step).sin_cos();
    let (mut ss, mut cc, mut sc, mut ys, mut yc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let ((s, c), y) = (at(n), f64::from(*sample));
        ss += s * s;
        cc += c * c;
        sc += s * c;
        ys += y * s;
        yc += y * c;
    }
    let whole = ss * cc - sc * sc;
    let (a, b) = ((ys * cc - yc * sc) / whole, (yc * ss - ys * sc) / whole);
    let noise: f64 = samples
        .iter()
        .enumerate()
        .map(|(n, sample)| {
            let (s, c) = at(n);
            (f64::from(*sample) - a * s - b * c).powi(2)
        })
        .sum();
    let signal = f64::midpoint(a * a, b * b);
    Tone {
        gain: decibels(signal),
        snr: 10.0 * (signal / (noise / samples.len() as f64)).log10(),
        delay: -b.atan2(a) / step,
    }
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64
}

/// Of the power of the tone that went in.
fn decibels(power: f64) -> f64 {
    10.0 * (power / (AMPLITUDE * AMPLITUDE / 2.0)).log10()
}
