//! WAV files: what their head says, what is true of it, and files of our own.
//!
//! Written by hand because of the files that need it: speech services stream them with lengths of 0 or of all ones, and
//! telephones write G.711 into them. Readers of files take the one for damage and do not know the other.
use super::bytes::Reader;
use super::format::{Encoding, Format, Shape, bad};
use super::sound::Sound;
use consort_core::Error;
use std::time::Duration;

/// What stands before the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub format: Format,
    /// Where the samples begin.
    pub start: usize,
    /// How many bytes of them there are; none where the file was begun before anybody knew.
    pub length: Option<u32>,
}

/// Lengths from here on are written by who does not know them.
const NO_LENGTH: u32 = 0x7FFF_0000;

impl Head {
    /// How much of the sound is missing that a file of so many bytes should hold.
    pub fn missing(&self, file: usize) -> Duration {
        let told = self.length.filter(|length| *length < NO_LENGTH).unwrap_or(0) as usize;
        let missing = told.saturating_sub(file.saturating_sub(self.start)) / self.format.frame_size().max(1);
        self.format.shape.time_of(missing as u64)
    }
}

/// Chunks before the samples, such as titles and pictures, are read past up to here.
const LONGEST_HEAD: usize = 1 << 20;

impl Sound {
    /// Reads a WAV file: whole numbers of 8 to 32 bits, floating point, G.711. Lengths that are not true are put right
    /// by the length of the file; a frame that was cut off is left out.
    pub fn from_wav(file: &[u8]) -> Result<Self, Error> {
        let head = head(file)?.ok_or_else(|| bad("the WAV file ends before its first sample".into()))?;
        let rest = &file[head.start..];
        let length = head.length.map_or(rest.len(), |length| rest.len().min(length as usize));
        Ok(Reader::new(head.format).push(&rest[..length]))
    }

    /// A whole WAV file.
    pub fn to_wav(&self, encoding: Encoding) -> Vec<u8> {
        let samples = self.to_bytes(encoding);
        let mut file = self::header(Format::new(encoding, self.shape), u32::try_from(samples.len()).ok());
        file.extend_from_slice(&samples);
        if samples.len() % 2 == 1 {
            file.push(0); // chunks begin at even places
        }
        file
    }
}

/// Reads the head of a file of which this is the beginning. None means that more of it is needed.
pub fn head(file: &[u8]) -> Result<Option<Head>, Error> {
    let Some(form) = file.first_chunk::<12>() else {
        return if is_begun(file) { Ok(None) } else { Err(no_wav()) };
    };
    if !matches!(&form[..4], b"RIFF" | b"RF64") || &form[8..] != b"WAVE" {
        return Err(no_wav());
    }
    let mut at = 12;
    let mut format = None;
    while let Some((id, length)) = chunk(file, at) {
        let body = at + 8;
        let end = body.saturating_add(length as usize).saturating_add(length as usize % 2);
        match (&id, format) {
            (b"data", Some(format)) => {
                let length = true_length(length, &file[body..]);
                return Ok(Some(Head { format, start: body, length }));
            }
            (b"data", None) => {
                return Err(bad("the WAV file does not say its format before its samples".into()));
            }
            _ if end > LONGEST_HEAD => {
                return Err(bad("the WAV file has no samples in its first megabyte".into()));
            }
            (b"fmt ", _) => match file.get(body..body + length as usize) {
                Some(said) => format = Some(read_format(said)?),
                None => break,
            },
            _ => {}
        }
        at = end;
    }
    Ok(None)
}

/// Whether so few bytes can be the beginning of one.
fn is_begun(file: &[u8]) -> bool {
    let id = &file[..file.len().min(4)];
    let kind = file.get(8..).unwrap_or_default();
    (b"RIFF".starts_with(id) || b"RF64".starts_with(id)) && b"WAVE".starts_with(kind)
}

fn no_wav() -> Error {
    bad("this is no WAV file".into())
        .hint("Raw samples have no head: they need their rate and channels beside them.")
}

fn chunk(file: &[u8], at: usize) -> Option<([u8; 4], u32)> {
    let head = file.get(at..at.checked_add(8)?)?;
    let (id, length) = head.split_first_chunk::<4>()?;
    Some((*id, u32::from_le_bytes(*length.first_chunk()?)))
}

/// The length that the head claims for the samples, unless it is one of those that mean that nobody knew: all ones, or 0
/// where something follows that is no other chunk.
fn true_length(length: u32, rest: &[u8]) -> Option<u32> {
    let another = |(id, length): ([u8; 4], u32)| {
        id.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') && length as usize <= rest.len() - 8
    };
    match length {
        u32::MAX => None,
        0 => (chunk(rest, 0).is_some_and(another)).then_some(0),
        length => Some(length),
    }
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
/// The kind is said further behind.
const EXTENSIBLE: u16 = 0xFFFE;

fn read_format(said: &[u8]) -> Result<Format, Error> {
    let short = |at: usize| {
        said.get(at..at + 2).and_then(|two| two.first_chunk()).map(|two| u16::from_le_bytes(*two))
    };
    let rate = said.get(4..8).and_then(|four| four.first_chunk()).map(|four| u32::from_le_bytes(*four));
    let (Some(mut kind), Some(channels), Some(rate), Some(frame), Some(bits)) =
        (short(0), short(2), rate, short(12), short(14))
    else {
        return Err(bad("the WAV file's format is cut off".into()));
    };
    if kind == EXTENSIBLE {
        kind = short(24).ok_or_else(|| bad("the WAV file's format is cut off".into()))?;
    }
    let shape = Shape::new(rate, channels)?;
    // The size of a frame tells how many bytes a sample takes, also where fewer bits of them are used. Where it makes
    // no sense, the bits do.
    let size = match frame / channels {
        size if frame % channels == 0 && (1..=8).contains(&size) && size * 8 >= bits => size,
        _ => bits.div_ceil(8),
    };
    let encoding = match (kind, size) {
        (PCM, 1) => Encoding::U8,
        (PCM, 2) => Encoding::S16,
        (PCM, 3) => Encoding::S24,
        (PCM, 4) => Encoding::S32,
        (FLOAT, 4) => Encoding::F32,
        (FLOAT, 8) => Encoding::F64,
        (ALAW, 1) => Encoding::Alaw,
        (MULAW, 1) => Encoding::Mulaw,
        _ => {
            return Err(Error::unsupported(format!("a WAV file of the kind {kind} with {bits} bits"))
                .hint("Convert it to 16-bit PCM, for instance with `ffmpeg -i IN -c:a pcm_s16le OUT.wav`."));
        }
    };
    Ok(Format::new(encoding, shape))
}

/// The head of a file whose samples follow, of so many bytes; of none where the file is begun before anybody knows.
pub fn header(format: Format, length: Option<u32>) -> Vec<u8> {
    let Format { encoding, shape } = format;
    let kind = match encoding {
        Encoding::U8 | Encoding::S16 | Encoding::S24 | Encoding::S32 => PCM,
        Encoding::F32 | Encoding::F64 => FLOAT,
        Encoding::Alaw => ALAW,
        Encoding::Mulaw => MULAW,
    };
    let frame = format.frame_size() as u16;
    let bits = encoding.size() as u16 * 8;
    let mut head = Vec::with_capacity(44);
    head.extend_from_slice(b"RIFF");
    let whole = length.map_or(u32::MAX, |length| length.saturating_add(36 + length % 2));
    head.extend_from_slice(&whole.to_le_bytes());
    head.extend_from_slice(b"WAVEfmt ");
    head.extend_from_slice(&16_u32.to_le_bytes());
    head.extend_from_slice(&kind.to_le_bytes());
    head.extend_from_slice(&shape.channels().to_le_bytes());
    head.extend_from_slice(&shape.rate().to_le_bytes());
    head.extend_from_slice(&(shape.rate() * u32::from(frame)).to_le_bytes());
    head.extend_from_slice(&frame.to_le_bytes());
    head.extend_from_slice(&bits.to_le_bytes());
    head.extend_from_slice(b"data");
    head.extend_from_slice(&length.unwrap_or(u32::MAX).to_le_bytes());
    head
}
