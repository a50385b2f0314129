//! Sound as it is handed around. What works on samples is elsewhere.
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Clients end base64 with its padding or without.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes that base64 of either alphabet stands for, with padding or without.
pub fn unbase64(text: &str) -> Result<Vec<u8>, String> {
    // What is written as usual, as nearly all is, needs no copy.
    if let Ok(bytes) = TOLERANT.decode(text) {
        return Ok(bytes);
    }
    let usual = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    });
    TOLERANT.decode(usual.collect::<Vec<u8>>()).map_err(|error| error.to_string())
}

/// Sound: interleaved 16-bit samples.
///
/// ```
/// # use consort_core::Pcm;
/// let second = Pcm { samples: vec![0; 48_000], rate: 24_000, channels: 2 };
/// assert_eq!(second.duration().as_secs(), 1);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pcm {
    /// Base64 of little-endian samples in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub samples: Vec<i16>,
    pub rate: u32,
    pub channels: u16,
}

impl Pcm {
    /// The rates that are understood, from half the telephone's to the studio's: beyond them a number is a mistake.
    pub const RATES: RangeInclusive<u32> = 4_000..=192_000;
    pub const CHANNELS: RangeInclusive<u16> = 1..=16;

    pub fn mono(samples: Vec<i16>, rate: u32) -> Self {
        Self { samples, rate, channels: 1 }
    }

    /// Of little-endian bytes; an odd byte at the end is no sample.
    pub fn from_le_bytes(bytes: &[u8], rate: u32, channels: u16) -> Self {
        let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        Self { samples, rate, channels }
    }

    pub fn to_le_bytes(&self) -> Vec<u8> {
        le_bytes(&self.samples)
    }

    /// Whether it is what it says: whole moments of all its channels, at a rate that there is.
    pub fn is_whole(&self) -> bool {
        self.rate > 0 && self.channels > 0 && self.samples.len().is_multiple_of(usize::from(self.channels))
    }

    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How many bytes its samples are.
    pub fn size(&self) -> usize {
        self.samples.len() * size_of::<i16>()
    }

    /// Adds sound of the same rate and channels at the end.
    pub fn append(&mut self, other: &Self) {
        self.samples.extend_from_slice(&other.samples);
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        let frames = self.samples.len() / usize::from(self.channels.max(1));
        Duration::from_secs_f64(frames as f64 / f64::from(self.rate.max(1)))
    }

    /// The loudest sample, from 0 to 1.
    pub fn peak(&self) -> f32 {
        let loudest = self.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        f32::from(loudest) / 32_768.0
    }

    /// Pieces of at most this length, whole frames each.
    pub fn pieces(&self, length: Duration) -> impl Iterator<Item = Self> + '_ {
        self.samples.chunks(self.step(length)).map(|samples| Self { samples: samples.to_vec(), ..*self })
    }

    /// The same of a sound that nobody needs as a whole: one that is no longer is not copied.
    pub fn into_pieces(mut self, length: Duration) -> impl Iterator<Item = Self> {
        let (mut at, step) = (0, self.step(length));
        std::iter::from_fn(move || {
            let end = self.samples.len().min(at + step);
            let samples = match at {
                _ if at == end => return None,
                0 if end == self.samples.len() => std::mem::take(&mut self.samples),
                _ => self.samples[at..end].to_vec(),
            };
            at = self.samples.len().min(end);
            Some(Self { samples, ..self })
        })
    }

    /// How many samples a piece of this length has, at least one of each channel.
    fn step(&self, length: Duration) -> usize {
        let frames = (length.as_secs_f64() * f64::from(self.rate)) as usize;
        frames.max(1) * usize::from(self.channels.max(1))
    }
}

/// A second of sound is not for a log.
impl fmt::Debug for Pcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pcm({:?}, {} Hz, {} channels)", self.duration(), self.rate, self.channels)
    }
}

fn to_base64<S: Serializer>(samples: &[i16], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(le_bytes(samples)))
}

fn le_bytes(samples: &[i16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(samples));
    samples.iter().for_each(|sample| bytes.extend_from_slice(&sample.to_le_bytes()));
    bytes
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i16>, D::Error> {
    let text = String::deserialize(from)?;
    let bytes = unbase64(&text).map_err(serde::de::Error::custom)?;
    Ok(Pcm::from_le_bytes(&bytes, 1, 1).samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_same_whether_or_not_the_whole_is_kept() {
        let length = Duration::from_millis(2);
        for samples in [0_i16, 2, 4, 6, 9, 12] {
            let pcm = Pcm { samples: (0..samples).collect(), rate: 1_000, channels: 2 };
            let kept: Vec<Pcm> = pcm.pieces(length).collect();
            assert_eq!(pcm.clone().into_pieces(length).collect::<Vec<_>>(), kept, "{samples}");
            assert_eq!(kept.iter().map(|piece| piece.samples.len()).sum::<usize>(), pcm.samples.len());
        }
    }

    #[test]
    fn base64_of_either_alphabet_is_read_with_and_without_its_padding() {
        for text in ["-_8=", "+/8=", "+/8", "-_8", " +/\n8 "] {
            assert_eq!(unbase64(text), Ok(vec![0xfb, 0xff]), "{text}");
        }
        assert!(unbase64("+/8*").is_err());
    }
}
