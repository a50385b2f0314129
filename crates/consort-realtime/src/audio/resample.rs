//! One rate into another, as a stream: the same samples come out however what goes in is cut.
//!
//! A filter of windowed sinc pulses from rubato, with one row of taps for each position that an output sample can have
//! between input samples, so that nothing is interpolated. Its length is the shortest that the measures in
//! `benches/audio.rs` allow: what it has to look ahead is 40 samples of the lower rate, 1.7 ms at 24 kHz. A transform
//! of the same quality works in blocks, of which it fills one before it answers: 18 ms at 16 kHz.
use super::format::Shape;
use consort_core::Error;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// Taps, in samples of the lower rate.
const TAPS: u32 = 80;
/// The most numbers that a table of taps may hold: half a megabyte. Rates whose fraction needs more are interpolated.
const TABLE: usize = 1 << 17;
/// Rows of taps where positions are interpolated.
const ROWS: usize = 128;
/// Frames that are worked on at once.
const STEP: usize = 1024;

/// A stream from one rate to another. What comes out is not delayed: its frame `k` is the moment `k / rate` of what
/// went in, and there are as many as the input lasts.
pub(super) struct Resampler {
    filter: Box<Async<f32>>,
    width: usize,
    /// The fraction of the rates: so many frames come out for so many that go in.
    ratio: (u64, u64),
    /// Silence that goes in first so that an output frame falls on the first input frame, and what comes out before it.
    lead: (usize, usize),
    skip: usize,
    taken: u64,
    given: u64,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("ratio", &self.ratio).finish_non_exhaustive()
    }
}

impl Resampler {
    pub(super) fn new(from: Shape, rate: u32) -> Result<Self, Error> {
        let common = gcd(from.rate(), rate);
        let (up, down) = ((rate / common) as usize, (from.rate() / common) as usize);
        let taps = (TAPS * from.rate().max(rate)).div_ceil(rate).next_multiple_of(8) as usize;
        let exact = up * taps <= TABLE;
        let filter = SincInterpolationParameters {
            sinc_len: taps,
            // Half down at the lower Nyquist frequency: untouched at 0.9 of it, gone at 1.1.
            f_cutoff: Some(1.0),
            oversampling_factor: if exact { up } else { ROWS },
            interpolation: if exact { SincInterpolationType::Nearest } else { SincInterpolationType::Cubic },
            window: WindowFunction::BlackmanHarris,
        };
        let ratio = f64::from(rate) / f64::from(from.rate());
        let filter = Async::new_sinc(ratio, 1.0, &filter, STEP, from.width(), FixedAsync::Input)
            .map_err(|error| Error::unsupported(format!("{} Hz into {rate} Hz: {error}", from.rate())))?;
        let lead = if exact { exact_lead(taps, up, down) } else { near_lead(taps, ratio) };
        Ok(Self {
            filter: Box::new(filter),
            width: from.width(),
            ratio: (up as u64, down as u64),
            lead,
            skip: lead.1,
            taken: 0,
            given: 0,
        })
    }

    /// How many frames come out in the end for so many that went in.
    pub(super) fn out_of(&self, frames: u64) -> u64 {
        (frames * self.ratio.0).div_ceil(self.ratio.1)
    }

    /// Takes interleaved samples, and appends those that are ready.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        if samples.is_empty() {
            return;
        }
        if self.taken == 0 {
            self.push_silence(self.lead.0, out);
        }
        self.taken += (samples.len() / self.width) as u64;
        let before = out.len();
        for step in samples.chunks(STEP * self.width) {
            self.step(step, out);
        }
        self.given += ((out.len() - before) / self.width) as u64;
    }

    /// Appends what is left, and begins anew.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let left = (self.out_of(self.taken) - self.given) as usize * self.width;
        let end = out.len() + left;
        while out.len() < end {
            self.push_silence(STEP / 8, out);
        }
        out.truncate(end);
        self.filter.reset();
        (self.skip, self.taken, self.given) = (self.lead.1, 0, 0);
    }

    fn push_silence(&mut self, mut frames: usize, out: &mut Vec<f32>) {
        let silence = [0.0; STEP];
        while frames > 0 {
            let now = frames.min(STEP / self.width);
            self.step(&silence[..now * self.width], out);
            frames -= now;
        }
    }

    fn step(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let frames = samples.len() / self.width;
        if let Some(sized) = self.filter.as_resizable() {
            // Cannot fail: a step is never longer than the longest.
            let _ = sized.set_chunk_size(frames);
        }
        let made = self.filter.output_frames_next();
        let start = out.len();
        out.resize(start + made * self.width, 0.0);
        // Both have the lengths that the filter just asked for, so that neither this nor the filter can fail.
        if let Ok(from) = InterleavedSlice::new(samples, self.width, frames)
            && let Ok(mut to) = InterleavedSlice::new_mut(&mut out[start..], self.width, made)
        {
            let done = self.filter.process_into_buffer(&from, &mut to, None);
            debug_assert!(done.is_ok(), "{done:?}");
        }
        let skipped = self.skip.min(made);
        self.skip -= skipped;
        out.drain(start..start + skipped * self.width);
    }
}

/// How much silence goes in first, and how many frames are left out, so that the next is the first moment of the input.
///
/// The filter's output frame `j`, counted from 1, is the moment `(j * down + 1) / up - taps / 2` of its input.
fn exact_lead(taps: usize, up: usize, down: usize) -> (usize, usize) {
    // Both numbers have no common divisor, so that one of these fits.
    let silence =
        (0..down).find(|silence| (up * (taps / 2 + silence)) % down == 1 % down).unwrap_or_default();
    (silence, (up * (taps / 2 + silence) - 1) / down - 1)
}

/// The same where positions are interpolated: to the nearest frame.
fn near_lead(taps: usize, ratio: f64) -> (usize, usize) {
    (0, ((taps as f64 / 2.0 - 1.0 / ROWS as f64) * ratio).round() as usize - 1)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
