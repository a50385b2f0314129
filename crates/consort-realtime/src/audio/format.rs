//! What sound is like: its rate and channels, and how a sample is written.
use consort_core::{Error, ErrorKind, Pcm};
use std::time::Duration;

/// How many frames a second, of how many channels: checked once, when it is made.
///
/// ```
/// # use consort_realtime::audio::Shape;
/// let shape = Shape::new(24_000, 1)?;
/// assert_eq!(shape.frames_in(std::time::Duration::from_millis(20)), 480);
/// assert!(Shape::new(0, 1).is_err());
/// # Ok::<(), consort_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    rate: u32,
    channels: u16,
}

impl Shape {
    /// What the detector of voices hears, and most recognisers of speech.
    pub const MONO_16K: Self = Self { rate: 16_000, channels: 1 };
    /// What most models speak.
    pub const MONO_24K: Self = Self { rate: 24_000, channels: 1 };

    pub fn new(rate: u32, channels: u16) -> Result<Self, Error> {
        if !Pcm::RATES.contains(&rate) {
            return Err(bad(format!("sound of {rate} samples a second")).hint(format!(
                "Rates from {} to {} are understood.",
                Pcm::RATES.start(),
                Pcm::RATES.end()
            )));
        }
        if !Pcm::CHANNELS.contains(&channels) {
            return Err(bad(format!("sound of {channels} channels"))
                .hint(format!("1 to {} channels are understood.", Pcm::CHANNELS.end())));
        }
        Ok(Self { rate, channels })
    }

    /// The shape that a piece of sound declares, and has.
    pub fn of(pcm: &Pcm) -> Result<Self, Error> {
        let shape = Self::new(pcm.rate, pcm.channels)?;
        shape.check(pcm.samples.len())?;
        Ok(shape)
    }

    /// Fails where this many samples are not whole frames.
    pub(super) fn check(self, samples: usize) -> Result<(), Error> {
        if samples.is_multiple_of(usize::from(self.channels)) {
            return Ok(());
        }
        Err(bad(format!("{samples} samples do not fill {} channels", self.channels)))
    }

    pub fn rate(self) -> u32 {
        self.rate
    }

    pub fn channels(self) -> u16 {
        self.channels
    }

    /// The number of samples at one moment.
    pub(super) fn width(self) -> usize {
        usize::from(self.channels)
    }

    pub fn with_channels(self, channels: u16) -> Result<Self, Error> {
        Self::new(self.rate, channels)
    }

    /// How many frames sound for this long, to the nearest.
    pub fn frames_in(self, time: Duration) -> usize {
        let frames = (time.as_nanos() * u128::from(self.rate) + 500_000_000) / 1_000_000_000;
        usize::try_from(frames).unwrap_or(usize::MAX)
    }

    /// How long so many frames sound.
    pub fn time_of(self, frames: u64) -> Duration {
        let rate = u64::from(self.rate);
        Duration::from_secs(frames / rate) + Duration::from_nanos(frames % rate * 1_000_000_000 / rate)
    }
}

pub(super) fn bad(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// How one sample is written; more than one byte, the lowest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// 8 bits without sign, silence being 128: only in WAV files.
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
    /// G.711, of telephones in America and Japan.
    Mulaw,
    /// G.711, of telephones elsewhere.
    Alaw,
}

impl Encoding {
    /// How many bytes a sample takes.
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::Mulaw | Self::Alaw => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// How sound is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    pub encoding: Encoding,
    pub shape: Shape,
}

impl Format {
    pub fn new(encoding: Encoding, shape: Shape) -> Self {
        Self { encoding, shape }
    }

    /// Reads a MIME type, such as `audio/pcm;rate=16000`. Telephone formats have their own rate where none is said, all
    /// others the one given here.
    ///
    /// `audio/l16` was once defined with the highest byte first; what vendors send by that name has the lowest first.
    pub fn from_mime(mime: &str, rate: u32) -> Result<Self, Error> {
        let mut parts = mime.split(';').map(|part| part.trim().to_ascii_lowercase());
        let essence = parts.next().unwrap_or_default();
        let (encoding, mut rate) = match essence.as_str() {
            "audio/pcm" | "audio/l16" => (Encoding::S16, rate),
            "audio/pcmu" | "audio/mulaw" | "audio/x-mulaw" | "audio/basic" => (Encoding::Mulaw, 8_000),
            "audio/pcma" | "audio/alaw" | "audio/x-alaw" => (Encoding::Alaw, 8_000),
            other => {
                return Err(Error::unsupported(format!("sound of the type `{other}`"))
                    .hint("Raw sound is understood as audio/pcm (16-bit), audio/pcmu and audio/pcma."));
            }
        };
        let mut channels = 1;
        for (name, value) in
            parts.filter_map(|part| part.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())))
        {
            let unread = |_| bad(format!("`{value}` is no number for `{name}` in `{mime}`"));
            match name.as_str() {
                "rate" => rate = value.parse().map_err(unread)?,
                "channels" => channels = value.parse().map_err(unread)?,
                _ => {}
            }
        }
        Ok(Self { encoding, shape: Shape::new(rate, channels)? })
    }

    /// How many bytes one frame takes.
    pub fn frame_size(self) -> usize {
        self.encoding.size() * self.shape.width()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mime_types_say_rate_and_channels() {
        let format = Format::from_mime("audio/pcm;rate=16000", 24_000).unwrap();
        assert_eq!(format, Format::new(Encoding::S16, Shape::MONO_16K));
        let format = Format::from_mime("Audio/PCM", 24_000).unwrap();
        assert_eq!(format, Format::new(Encoding::S16, Shape::MONO_24K));
        let format = Format::from_mime("audio/L16; codec=pcm; rate=48000; channels=2", 24_000).unwrap();
        assert_eq!(format.shape, Shape::new(48_000, 2).unwrap());
        assert_eq!(Format::from_mime("audio/pcmu", 24_000).unwrap().shape.rate(), 8_000);
        for wrong in ["audio/mpeg", "audio/pcm;rate=fast", "audio/pcm;rate=0", "audio/pcm;channels=99", ""] {
            assert!(Format::from_mime(wrong, 24_000).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_sound_is_refused() {
        for (rate, channels) in [(0, 1), (1, 1), (u32::MAX, 1), (24_000, 0), (24_000, u16::MAX)] {
            assert!(Shape::new(rate, channels).is_err(), "{rate} {channels}");
        }
        let uneven = Pcm { samples: vec![0; 3], rate: 24_000, channels: 2 };
        assert_eq!(Shape::of(&uneven).unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}
