//! Bytes as they come into frames of one shape and length.
use super::bytes::Reader;
use super::format::{Format, Shape};
use super::framer::Framer;
use super::sound::Sound;
use consort_core::{Error, Pcm};
use std::time::Duration;

/// How many bytes are read at once, however many come.
const STEP: usize = 16 * 1024;

/// What a client, a file or a speech service sends, cut anywhere, as even frames.
#[derive(Debug)]
pub struct Intake {
    reader: Reader,
    framer: Framer<()>,
}

impl Intake {
    pub fn new(from: Format, to: Shape, frame: Duration) -> Result<Self, Error> {
        let mut framer = Framer::new(to, frame);
        // Makes the converter, which is all that can fail.
        framer.push((), Sound::empty(from.shape).to_pcm())?;
        Ok(Self { reader: Reader::new(from), framer })
    }

    /// The frames that are full. They are made as they are asked for: ten minutes in one piece take no room but their
    /// own. All of them are to be taken; bytes that are behind the last one are not read.
    #[must_use = "frames are made as they are asked for"]
    pub fn push<'a>(&'a mut self, mut bytes: &'a [u8]) -> impl Iterator<Item = Pcm> + 'a {
        std::iter::from_fn(move || {
            loop {
                if let Some((frame, _)) = self.framer.take() {
                    return Some(frame);
                }
                if bytes.is_empty() {
                    return None;
                }
                let (now, later) = bytes.split_at(bytes.len().min(STEP));
                bytes = later;
                self.framer.push((), self.reader.push(now).to_pcm()).ok()?;
            }
        })
    }

    /// What is left at the end, filled up with silence.
    pub fn finish(&mut self) -> Vec<Pcm> {
        std::iter::from_fn(|| self.framer.rest()).map(|(frame, _)| frame).collect()
    }

    /// How many bytes wait for the rest of their sample; at the end, how many were cut off.
    pub fn begun(&self) -> usize {
        self.reader.begun()
    }
}
