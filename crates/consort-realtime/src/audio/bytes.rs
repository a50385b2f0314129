//! Sound as bytes and as base64, whole and as it comes.
use super::format::{Encoding, Format, bad};
use super::sound::{Sound, clean, from_16, to_16};
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::Error;

impl Sound {
    /// Reads raw interleaved samples. Bytes that are cut anywhere belong into a [`Reader`].
    pub fn from_bytes(bytes: &[u8], format: Format) -> Result<Self, Error> {
        let size = format.frame_size();
        if !bytes.len().is_multiple_of(size) {
            return Err(bad(format!("{} bytes of sound are not whole frames of {size} bytes", bytes.len()))
                .hint("Send whole samples of every channel, and check the format that was declared."));
        }
        let mut samples = Vec::new();
        decode(bytes, format.encoding, &mut samples);
        Ok(Self { samples, shape: format.shape })
    }

    /// Raw interleaved samples.
    pub fn to_bytes(&self, encoding: Encoding) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.samples.len() * encoding.size());
        encode(&self.samples, encoding, &mut bytes);
        bytes
    }

    /// Reads raw samples in base64 of either alphabet, with padding or without.
    pub fn from_base64(text: &str, format: Format) -> Result<Self, Error> {
        Self::from_bytes(&unbase64(text)?, format)
    }

    /// Raw samples in base64 of the usual alphabet.
    pub fn to_base64(&self, encoding: Encoding) -> String {
        STANDARD.encode(self.to_bytes(encoding))
    }
}

/// The bytes that base64 of either alphabet stands for.
pub(crate) fn unbase64(text: &str) -> Result<Vec<u8>, Error> {
    consort_core::unbase64(text).map_err(|error| bad(format!("the sound is not base64: {error}")))
}

/// Raw samples as they come, cut anywhere: bytes of a frame that is not whole wait for the rest.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    begun: Vec<u8>,
}

impl Reader {
    pub fn new(format: Format) -> Self {
        Self { format, begun: Vec::new() }
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn push(&mut self, mut bytes: &[u8]) -> Sound {
        let (size, encoding) = (self.format.frame_size(), self.format.encoding);
        let mut sound = Sound::empty(self.format.shape);
        if !self.begun.is_empty() {
            let (rest, after) = bytes.split_at(bytes.len().min(size - self.begun.len()));
            self.begun.extend_from_slice(rest);
            bytes = after;
            if self.begun.len() < size {
                return sound;
            }
            decode(&self.begun, encoding, &mut sound.samples);
            self.begun.clear();
        }
        let (whole, begun) = bytes.split_at(bytes.len() - bytes.len() % size);
        self.begun.extend_from_slice(begun);
        decode(whole, encoding, &mut sound.samples);
        sound
    }

    /// How many bytes wait for the rest of their frame; at the end of a stream, how many were cut off.
    pub fn begun(&self) -> usize {
        self.begun.len()
    }
}

fn decode(bytes: &[u8], encoding: Encoding, to: &mut Vec<f32>) {
    fn each<const N: usize>(bytes: &[u8], to: &mut Vec<f32>, sample: impl Fn([u8; N]) -> f32) {
        to.extend(bytes.as_chunks().0.iter().copied().map(sample));
    }
    match encoding {
        Encoding::U8 => each(bytes, to, |[byte]| (f32::from(byte) - 128.0) / 128.0),
        Encoding::S16 => each(bytes, to, |sample| from_16(i16::from_le_bytes(sample))),
        // In the upper three bytes of four, the sign is where it belongs.
        Encoding::S24 => {
            each(bytes, to, |[a, b, c]| i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0);
        }
        Encoding::S32 => each(bytes, to, |sample| i32::from_le_bytes(sample) as f32 / 2_147_483_648.0),
        Encoding::F32 => each(bytes, to, |sample| clean(f32::from_le_bytes(sample))),
        Encoding::F64 => each(bytes, to, |sample| clean(f64::from_le_bytes(sample) as f32)),
        Encoding::Mulaw => each(bytes, to, |[byte]| from_16(decode_ulaw(byte))),
        Encoding::Alaw => each(bytes, to, |[byte]| from_16(decode_alaw(byte))),
    }
}

fn encode(samples: &[f32], encoding: Encoding, bytes: &mut Vec<u8>) {
    // Casts hold what is too loud within the bounds of what they cast to.
    let scaled = |sample: f32, full: f64| (f64::from(sample) * full).round_ties_even();
    for &sample in samples {
        match encoding {
            Encoding::U8 => bytes.push((scaled(sample, 128.0) + 128.0) as u8),
            Encoding::S16 => bytes.extend_from_slice(&to_16(sample).to_le_bytes()),
            Encoding::S24 => {
                let held = scaled(sample, 8_388_608.0).clamp(-8_388_608.0, 8_388_607.0) as i32;
                bytes.extend_from_slice(&held.to_le_bytes()[..3]);
            }
            Encoding::S32 => bytes.extend_from_slice(&(scaled(sample, 2_147_483_648.0) as i32).to_le_bytes()),
            Encoding::F32 => bytes.extend_from_slice(&sample.to_le_bytes()),
            Encoding::F64 => bytes.extend_from_slice(&f64::from(sample).to_le_bytes()),
            Encoding::Mulaw => bytes.push(encode_ulaw(to_16(sample))),
            Encoding::Alaw => bytes.push(encode_alaw(to_16(sample))),
        }
    }
}
