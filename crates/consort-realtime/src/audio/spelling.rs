//! Words as tones that can be read back: a voice for tests, which needs neither a key nor a model.
//!
//! Each word is its bytes, each byte two tones of sixteen, the higher half first; between words is silence. It stays
//! readable through resampling, telephones and files, since all pitches are below 2.4 kHz.
use super::edit::Pad;
use super::format::Shape;
use super::framer::Framer;
use super::sound::{Sound, from_16};
use consort_core::{Error, Pcm};
use std::f32::consts::TAU;
use std::time::Duration;

/// How long a tone sounds, and the silence behind a word.
const TONE: Duration = Duration::from_millis(20);
const GAP: Duration = Duration::from_millis(60);
/// The lowest pitch, and how far the pitches are apart, in hertz.
const LOWEST: f32 = 700.0;
const APART: f32 = 100.0;
const AMPLITUDE: f64 = 0.3;
/// What is louder belongs to a word; so many steps of silence end it.
const LOUD: f32 = 0.02;
const STEP: Duration = Duration::from_millis(5);
const SILENT_STEPS: usize = 6;
/// So much at either end of a tone is not listened to: its neighbours sound into it.
const EDGE: Duration = Duration::from_millis(4);
/// So much of a sound's power must be one tone's.
const OWN: f32 = 0.7;
/// No word is longer, in tones.
const LONGEST: usize = 1024;

impl Sound {
    /// A text in tones, which a [`SpellingReader`] reads.
    pub fn spelled(text: &str, shape: Shape) -> Self {
        let mut sound = Self::empty(shape);
        for word in text.split_whitespace() {
            for tone in word.bytes().flat_map(|byte| [byte >> 4, byte & 15]) {
                sound.samples.extend(Self::tone(shape, f64::from(pitch(tone)), AMPLITUDE, TONE).samples);
            }
            let with_gap = sound.frames() + shape.frames_in(GAP);
            sound = sound.padded(with_gap, Pad::End);
        }
        sound
    }
}

fn pitch(tone: u8) -> f32 {
    LOWEST + APART * f32::from(tone)
}

/// Reads words that were spelled in tones, as they come.
///
/// ```
/// # use consort_realtime::audio::{Shape, Sound, SpellingReader};
/// let sound = Sound::spelled("Hello, you!", Shape::MONO_24K).to_pcm();
/// let mut reader = SpellingReader::new();
/// let mut words = reader.push(&sound)?;
/// words.extend(reader.finish());
/// assert_eq!(words, ["Hello,", "you!"]);
/// # Ok::<(), consort_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SpellingReader {
    framer: Framer<()>,
    /// The word that sounds now, from its first loud sample on.
    word: Vec<f32>,
    silent: usize,
}

impl Default for SpellingReader {
    fn default() -> Self {
        Self::new()
    }
}

impl SpellingReader {
    pub fn new() -> Self {
        Self { framer: Framer::new(Shape::MONO_16K, STEP), word: Vec::new(), silent: 0 }
    }

    /// The words that ended in this piece, of any shape.
    pub fn push(&mut self, piece: &Pcm) -> Result<Vec<String>, Error> {
        self.framer.push((), piece.clone())?;
        let mut words = Vec::new();
        while let Some((step, _)) = self.framer.take() {
            words.extend(self.step(&step));
        }
        Ok(words)
    }

    /// The words that the end of the sound ends.
    pub fn finish(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some((step, _)) = self.framer.rest() {
            words.extend(self.step(&step));
        }
        words.extend(self.word());
        words
    }

    fn step(&mut self, step: &Pcm) -> Option<String> {
        let loud = step.samples.iter().position(|sample| from_16(*sample).abs() >= LOUD);
        match (loud, self.word.is_empty()) {
            (None, true) => return None,
            (Some(first), true) => self.word.extend(step.samples[first..].iter().copied().map(from_16)),
            (_, false) => self.word.extend(step.samples.iter().copied().map(from_16)),
        }
        self.silent = if loud.is_some() { 0 } else { self.silent + 1 };
        let is_long = self.word.len() > LONGEST * Shape::MONO_16K.frames_in(TONE);
        (self.silent >= SILENT_STEPS || is_long).then(|| self.word()).flatten()
    }

    /// The word that ended; nothing where it was other sound.
    fn word(&mut self) -> Option<String> {
        let (tone, step) = (Shape::MONO_16K.frames_in(TONE), Shape::MONO_16K.frames_in(STEP));
        let sounding = self.word.len().saturating_sub(self.silent * step);
        let tones: Option<Vec<u8>> =
            self.word.chunks(tone).take((sounding + tone / 2) / tone).map(loudest).collect();
        self.word.clear();
        self.silent = 0;
        let tones = tones?;
        let bytes: Vec<u8> = tones.as_chunks::<2>().0.iter().map(|[high, low]| (high << 4) | low).collect();
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Which of the tones a piece of sound is; nothing where it is none of them.
fn loudest(samples: &[f32]) -> Option<u8> {
    let edge = Shape::MONO_16K.frames_in(EDGE);
    let middle = samples.get(edge..samples.len().checked_sub(edge)?).filter(|middle| middle.len() >= edge)?;
    let strength = |tone: u8| {
        let step = TAU * pitch(tone) / Shape::MONO_16K.rate() as f32;
        let (mut sine, mut cosine) = (0.0_f32, 0.0_f32);
        for (n, sample) in middle.iter().enumerate() {
            let (s, c) = (step * n as f32).sin_cos();
            sine += s * sample;
            cosine += c * sample;
        }
        sine.hypot(cosine)
    };
    let tone = (0..16).max_by(|a, b| strength(*a).total_cmp(&strength(*b)))?;
    // A tone alone has all the power that there is.
    let count = middle.len() as f32;
    let power = middle.iter().map(|sample| sample * sample).sum::<f32>() / count;
    let own = 2.0 * (strength(tone) / count).powi(2);
    (own >= OWN * power).then_some(tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sound: &Sound, piece: Duration) -> String {
        let mut reader = SpellingReader::new();
        let mut words: Vec<String> =
            sound.to_pcm().pieces(piece).flat_map(|piece| reader.push(&piece).unwrap()).collect();
        words.extend(reader.finish());
        words.join(" ")
    }

    #[test]
    fn words_are_read_through_any_rate_and_cut() {
        let text = "Guten Morgen, 3.14 ÷ ﷽! 你好，世界。 مرحبا?";
        for rate in [8_000, 16_000, 24_000, 44_100, 48_000] {
            let sound = Sound::spelled(text, Shape::new(rate, 1).unwrap());
            for ms in [3, 20, 5_000] {
                assert_eq!(read(&sound, Duration::from_millis(ms)), text, "{rate} {ms}");
            }
        }
    }

    #[test]
    fn a_telephone_and_a_quiet_room_change_no_word() {
        let shape = Shape::new(8_000, 1).unwrap();
        let sound = Sound::spelled("are you there", shape);
        let bytes = sound.to_bytes(super::super::Encoding::Mulaw);
        let format = super::super::Format::new(super::super::Encoding::Mulaw, shape);
        assert_eq!(read(&Sound::from_bytes(&bytes, format).unwrap(), TONE), "are you there");
        let quiet: Vec<f32> = sound.samples().iter().map(|sample| sample * 0.25).collect();
        assert_eq!(read(&Sound::new(quiet, shape).unwrap(), TONE), "are you there");
    }

    #[test]
    fn silence_and_noise_are_no_words() {
        assert_eq!(read(&Sound::silence(Shape::MONO_16K, Duration::from_secs(1)), TONE), "");
        let click = Sound::tone(Shape::MONO_16K, 440.0, 0.5, Duration::from_millis(4));
        assert_eq!(read(&click, TONE), "");
    }
}
