//! Frames of one shape and length out of sounds of any shape and length.
use super::convert::Converter;
use super::format::Shape;
use super::sound::{from_16, pcm, to_16};
use consort_core::{Error, Pcm};
use std::collections::VecDeque;
use std::time::Duration;

/// How much is converted at once, and the least that waits in one piece of memory.
const STEP: Duration = Duration::from_millis(10);
const PIECE: Duration = Duration::from_millis(100);

/// Takes sounds that belong to somebody or something (`T`), and gives frames that say of what they consist.
///
/// What waits, waits as it came; it is converted when a frame needs it. So ten minutes that arrive at once take no more
/// room than they have, and hold up nobody.
#[derive(Debug)]
pub struct Framer<T> {
    to: Shape,
    /// Frames (moments) in a frame (piece).
    frame: usize,
    pieces: VecDeque<Piece<T>>,
    /// How long the pieces are together, with what is converted of the first.
    waiting: Duration,
    /// The shape of the last piece.
    shape: Option<Shape>,
    current: Option<Current>,
    ready: Vec<f32>,
    taken: u64,
    /// To whom what was made belongs, up to which frame of all that was ever made.
    marks: VecDeque<(T, u64)>,
    slice: Vec<f32>,
}

#[derive(Debug)]
struct Piece<T> {
    owner: T,
    samples: Vec<i16>,
    shape: Shape,
    /// How much of it is converted, in samples.
    at: usize,
    /// Where the shape is not that of the piece before: what converts from here on.
    converter: Option<Box<Converter>>,
}

/// What converts now: how much it took, and what had been made when it began.
#[derive(Debug)]
struct Current {
    converter: Box<Converter>,
    fed: u64,
    before: u64,
}

/// So many frames of a sound belong to this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span<T> {
    pub owner: T,
    pub frames: usize,
}

impl<T: Clone + PartialEq> Framer<T> {
    pub fn new(to: Shape, frame: Duration) -> Self {
        Self {
            to,
            frame: to.frames_in(frame).max(1),
            pieces: VecDeque::new(),
            waiting: Duration::ZERO,
            shape: None,
            current: None,
            ready: Vec::new(),
            taken: 0,
            marks: VecDeque::new(),
            slice: Vec::new(),
        }
    }

    /// How many moments are in a frame.
    pub fn frame(&self) -> usize {
        self.frame
    }

    /// Fails, and takes nothing, where the piece is not what it declares.
    pub fn push(&mut self, owner: T, piece: Pcm) -> Result<(), Error> {
        let shape = Shape::of(&piece)?;
        let changed = self.shape != Some(shape);
        let converter = if changed { Some(Box::new(Converter::new(shape, self.to)?)) } else { None };
        self.shape = Some(shape);
        self.waiting += time_of(shape, piece.samples.len());
        match self.pieces.back_mut() {
            // Crumbs are kept together.
            Some(last) if !changed && last.owner == owner && time_of(shape, last.samples.len()) < PIECE => {
                self.waiting -= time_of(shape, last.samples.len()) + time_of(shape, piece.samples.len());
                last.samples.extend_from_slice(&piece.samples);
                self.waiting += time_of(shape, last.samples.len());
            }
            _ => self.pieces.push_back(Piece { owner, samples: piece.samples, shape, at: 0, converter }),
        }
        Ok(())
    }

    /// Whether a whole frame can be had.
    pub fn is_full(&mut self) -> bool {
        while self.ready() < self.frame && self.convert_some() {}
        self.ready() >= self.frame
    }

    /// The next whole frame.
    pub fn take(&mut self) -> Option<(Pcm, Vec<Span<T>>)> {
        self.is_full().then(|| self.cut(self.frame))
    }

    /// What is left at the end, filled up with silence to a whole frame. To be asked until there is nothing.
    pub fn rest(&mut self) -> Option<(Pcm, Vec<Span<T>>)> {
        if !self.is_full() {
            self.settle();
        }
        match self.ready().min(self.frame) {
            0 => None,
            frames => Some(self.cut(frames)),
        }
    }

    /// Whether everything that was taken has been given.
    pub fn is_empty(&self) -> bool {
        let held = self.current.as_ref().is_some_and(|current| current.end() > self.made());
        self.pieces.is_empty() && self.ready.is_empty() && !held
    }

    /// How long what waits will sound.
    pub fn queued(&self) -> Duration {
        let begun = self.pieces.front().map_or(Duration::ZERO, |piece| time_of(piece.shape, piece.at));
        let end = self.current.as_ref().map_or(self.made(), Current::end);
        self.waiting.saturating_sub(begun) + self.to.time_of(end.max(self.made()) - self.taken)
    }

    /// Forgets what waits. What comes next is the beginning of another sound.
    pub fn clear(&mut self) {
        *self = Self { frame: self.frame, taken: 0, ..Self::new(self.to, Duration::ZERO) };
    }

    fn ready(&self) -> usize {
        self.ready.len() / self.to.width()
    }

    fn made(&self) -> u64 {
        self.taken + self.ready() as u64
    }

    /// Converts the next bit of the first piece.
    fn convert_some(&mut self) -> bool {
        let Some(next) = self.pieces.front_mut().and_then(|piece| piece.converter.take()) else {
            return self.convert_more();
        };
        self.settle();
        self.current = Some(Current { converter: next, fed: 0, before: self.made() });
        self.convert_more()
    }

    fn convert_more(&mut self) -> bool {
        let (Some(piece), Some(current)) = (self.pieces.front_mut(), &mut self.current) else { return false };
        let width = piece.shape.width();
        let end = piece.samples.len().min(piece.at + piece.shape.frames_in(STEP).max(1) * width);
        self.slice.clear();
        self.slice.extend(piece.samples[piece.at..end].iter().copied().map(from_16));
        current.converter.push_samples(&self.slice, &mut self.ready);
        current.fed += ((end - piece.at) / width) as u64;
        piece.at = end;
        let owned = current.end();
        match self.marks.back_mut() {
            Some((owner, until)) if *owner == piece.owner => *until = owned,
            _ => self.marks.push_back((piece.owner.clone(), owned)),
        }
        if piece.at == piece.samples.len() {
            self.waiting -= time_of(piece.shape, piece.samples.len());
            self.pieces.pop_front();
        }
        true
    }

    /// Ends what is being converted, so that the converter holds nothing back.
    fn settle(&mut self) {
        if let Some(current) = &mut self.current {
            current.converter.finish_samples(&mut self.ready);
            current.before = current.end();
            current.fed = 0;
        }
    }

    /// The first so many frames, filled up to a whole frame.
    fn cut(&mut self, frames: usize) -> (Pcm, Vec<Span<T>>) {
        let width = self.to.width();
        let mut samples: Vec<i16> = self.ready.drain(..frames * width).map(to_16).collect();
        samples.resize(self.frame * width, 0);
        let end = self.taken + frames as u64;
        let mut spans = Vec::new();
        while self.taken < end
            && let Some((owner, until)) = self.marks.front()
        {
            let span = (*until).min(end).saturating_sub(self.taken);
            if span > 0 {
                spans.push(Span { owner: owner.clone(), frames: span as usize });
                self.taken += span;
            }
            if self.taken < end || *until <= end {
                self.marks.pop_front();
            }
        }
        self.taken = end;
        (pcm(samples, self.to), spans)
    }
}

impl Current {
    /// How many frames will have been made when all that it took is.
    fn end(&self) -> u64 {
        self.before + self.converter.out_of(self.fed)
    }
}

fn time_of(shape: Shape, samples: usize) -> Duration {
    shape.time_of((samples / shape.width()) as u64)
}
