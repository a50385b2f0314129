//! A word as a tone: its pitch says which word it is.
use super::super::embed::fnv;
use consort_core::Pcm;
use std::f32::consts::TAU;

/// How long a tone is with the pause behind it, in milliseconds; and without it, and how long it swells and fades, in
/// seconds.
const WHOLE_MS: u32 = 160;
const TONE: f32 = 0.12;
const FADE: f32 = 0.01;
const LOUDNESS: f32 = 0.3;

/// The pitch of a word, in hertz: two octaves of semitones above A3.
pub(super) fn pitch(word: &str) -> f32 {
    220.0 * 2.0_f32.powf((fnv(&word.to_lowercase()) % 24) as f32 / 12.0)
}

pub(super) fn tone(word: &str, rate: u32) -> Pcm {
    let (pitch, per_second) = (pitch(word), rate as f32);
    let sample = |at: u32| {
        let time = at as f32 / per_second;
        let swell = (time.min(TONE - time) / FADE).clamp(0.0, 1.0);
        ((TAU * pitch * time).sin() * LOUDNESS * swell * f32::from(i16::MAX)) as i16
    };
    Pcm::mono((0..rate * WHOLE_MS / 1000).map(sample).collect(), rate)
}
