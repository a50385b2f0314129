//! Sound in messages: base64 of one format, from and to pieces of any shape.
use crate::audio::{Converter, Encoding, Format, Reader, Shape, Sound, unbase64};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Error, Pcm};
use std::time::Duration;

/// The longest piece of sound that one message carries: vendors refuse messages of many megabytes.
const PIECE: Duration = Duration::from_secs(1);

/// What the session hears, on its way to the vendor.
#[derive(Debug)]
pub(super) struct Outgoing {
    to: Format,
    converter: Option<Converter>,
}

impl Outgoing {
    pub(super) fn new(to: Format) -> Self {
        Self { to, converter: None }
    }

    pub(super) fn format(&self) -> Format {
        self.to
    }

    /// What is ready of the sound so far, as base64, and how long it is.
    pub(super) fn write(&mut self, pcm: &Pcm) -> Result<(String, Duration), Error> {
        let from = Shape::of(pcm)?;
        let mut bytes = Vec::new();
        // What is left of another rate comes before it.
        if self.converter.as_ref().is_some_and(|converter| converter.from() != from) {
            bytes = self.rest().to_bytes(self.to.encoding);
        }
        if from == self.to.shape && self.to.encoding == Encoding::S16 {
            bytes.extend(pcm.to_le_bytes());
            return Ok(self.encoded(&bytes));
        }
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => none.insert(Converter::new(from, self.to.shape)?),
        };
        bytes.extend(converter.push(&Sound::from_pcm(pcm)?)?.to_bytes(self.to.encoding));
        Ok(self.encoded(&bytes))
    }

    /// The same for sound of any length: what is ready of each piece of it.
    pub(super) fn write_all(&mut self, pcm: &Pcm) -> Result<Vec<(String, Duration)>, Error> {
        Shape::of(pcm)?;
        if pcm.duration() <= PIECE {
            return Ok(vec![self.write(pcm)?]);
        }
        pcm.pieces(PIECE).map(|piece| self.write(&piece)).collect()
    }

    /// What is left at the end of a turn, and silence behind it.
    pub(super) fn end(&mut self, silence: Duration) -> (String, Duration) {
        let mut bytes = self.rest().to_bytes(self.to.encoding);
        bytes.extend(Sound::silence(self.to.shape, silence).to_bytes(self.to.encoding));
        self.encoded(&bytes)
    }

    fn rest(&mut self) -> Sound {
        match self.converter.take() {
            Some(mut converter) => converter.finish(),
            None => Sound::empty(self.to.shape),
        }
    }

    fn encoded(&self, bytes: &[u8]) -> (String, Duration) {
        let frames = bytes.len() / self.to.frame_size();
        (STANDARD.encode(bytes), self.to.shape.time_of(frames as u64))
    }
}

/// The sound of one item, on its way from the vendor; a sample that a message cut waits for its rest.
#[derive(Debug)]
pub(super) struct Incoming(Reader);

impl Incoming {
    pub(super) fn new(from: Format) -> Self {
        Self(Reader::new(from))
    }

    pub(super) fn format(&self) -> Format {
        self.0.format()
    }

    pub(super) fn read(&mut self, base64: &str) -> Result<Pcm, Error> {
        Ok(self.0.push(&unbase64(base64)?).to_pcm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_sent_has_the_vendors_format_whatever_it_was() {
        let second = Pcm { samples: vec![1000; 96_000], rate: 48_000, channels: 2 };
        let mut out = Outgoing::new(Format::new(Encoding::S16, Shape::MONO_16K));
        let mut bytes = Vec::new();
        for piece in second.pieces(Duration::from_millis(20)) {
            bytes.extend(unbase64(&out.write(&piece).unwrap().0).unwrap());
        }
        bytes.extend(unbase64(&out.end(Duration::from_millis(100)).0).unwrap());
        assert_eq!(bytes.len(), 2 * (16_000 + 1_600));
        assert!(out.write(&Pcm { samples: vec![0; 3], rate: 24_000, channels: 2 }).is_err());
    }

    /// A ramp that goes on through changes of its rate, into the vendor's own and out of it again.
    #[test]
    fn a_change_of_rate_in_the_middle_of_a_turn_leaves_all_sound_in_its_order() {
        let mut out = Outgoing::new(Format::new(Encoding::S16, Shape::MONO_24K));
        let ramp = |from: i16, to: i16, rate: u32| {
            let frames = i32::try_from(rate / 10).unwrap();
            let (from, way) = (i32::from(from), i32::from(to) - i32::from(from));
            Pcm::mono((0..frames).map(|at| (from + way * at / frames) as i16).collect(), rate)
        };
        let pieces = [ramp(0, 8_000, 48_000), ramp(8_000, 16_000, 24_000), ramp(16_000, 24_000, 48_000)];
        let mut bytes = Vec::new();
        for piece in &pieces {
            bytes.extend(unbase64(&out.write(piece).unwrap().0).unwrap());
        }
        bytes.extend(unbase64(&out.end(Duration::ZERO).0).unwrap());
        let heard: Vec<i32> =
            bytes.chunks(2).map(|two| i32::from(i16::from_le_bytes([two[0], two[1]]))).collect();
        assert_eq!(heard.len(), 3 * 2_400);
        // Where the rate changes a filter rings for a sample or two; a tail that is out of its place is forty.
        let inside = (0..).zip(&heard).skip(200).take(6_800);
        let off: Vec<i32> =
            inside.filter(|(at, is)| (*is - at * 10 / 3).abs() > 2_500).map(|at| at.0).collect();
        assert!(off.len() <= 2, "{off:?}");
    }

    #[test]
    fn a_sample_that_was_cut_is_joined_in_either_alphabet() {
        let mut incoming = Incoming::new(Format::new(Encoding::S16, Shape::MONO_24K));
        let bytes = Pcm::mono(vec![-1, -2, 31_000], 24_000).to_le_bytes();
        let first = STANDARD.encode(&bytes[..3]);
        let second = STANDARD.encode(&bytes[3..]).replace('+', "-").replace('/', "_");
        let mut heard = incoming.read(&first).unwrap();
        heard.append(&incoming.read(second.trim_end_matches('=')).unwrap());
        assert_eq!(heard, Pcm::mono(vec![-1, -2, 31_000], 24_000));
        assert!(incoming.read("§").is_err());
    }
}
