//! Sound as it is handed around. What works on samples is elsewhere.
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

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
    pub fn mono(samples: Vec<i16>, rate: u32) -> Self {
        Self { samples, rate, channels: 1 }
    }

    /// Of little-endian bytes; an odd byte at the end is no sample.
    pub fn from_le_bytes(bytes: &[u8], rate: u32, channels: u16) -> Self {
        let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        Self { samples, rate, channels }
    }

    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
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
        let frames = (length.as_secs_f64() * f64::from(self.rate)) as usize;
        let step = frames.max(1) * usize::from(self.channels.max(1));
        self.samples.chunks(step).map(|samples| Self { samples: samples.to_vec(), ..*self })
    }
}

/// A second of sound is not for a log.
impl fmt::Debug for Pcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pcm({:?}, {} Hz, {} channels)", self.duration(), self.rate, self.channels)
    }
}

fn to_base64<S: Serializer>(samples: &[i16], to: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    to.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i16>, D::Error> {
    let text = String::deserialize(from)?;
    let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
    Ok(Pcm::from_le_bytes(&bytes, 1, 1).samples)
}
