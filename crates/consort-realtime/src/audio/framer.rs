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
/// So many converters wait until a shape comes again; each has a table of up to half a megabyte.
const SPARE: usize = 4;

/// Takes sounds that belong to somebody or something (`T`), and gives frames that say of what they consist.
///
/// What waits, waits as it came; it is converted when a frame needs it, by one converter at a time. So ten minutes that arrive
/// at once take no more room than they have, and hold up nobody.
#[derive(Debug)]
pub struct Framer<T> {
    to: Shape,
    /// Frames (moments) in a frame (piece).
    frame: usize,
    pieces: VecDeque<Piece<T>>,
    /// How long the pieces are together, with what is converted of the first.
    waiting: Duration,
    /// How many bytes they take, and how many of them are of another shape than what is before them.
    bytes: usize,
    changes: usize,
    /// The shape of the last piece.
    shape: Option<Shape>,
    current: Option<Current>,
    /// What converted before, or is about to; newest last.
    spare: VecDeque<Box<Converter>>,
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
    /// Whether its shape is another one than that of the piece before.
    changes: bool,
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
            bytes: 0,
            changes: 0,
            shape: None,
            current: None,
            spare: VecDeque::new(),
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
        let changes = self.changes_with(shape);
        if changes {
            // Whatever can fail, fails here.
            let converter = self.converter(shape)?;
            self.put_aside(converter);
        }
        self.shape = Some(shape);
        self.waiting += time_of(shape, piece.samples.len());
        match self.pieces.back_mut() {
            // Crumbs are kept together.
            Some(last) if !changes && last.owner == owner && time_of(shape, last.samples.len()) < PIECE => {
                self.waiting -= time_of(shape, last.samples.len()) + time_of(shape, piece.samples.len());
                self.bytes += size_of_val(&piece.samples[..]);
                last.samples.extend_from_slice(&piece.samples);
                self.waiting += time_of(shape, last.samples.len());
            }
            _ => {
                let piece = Piece { owner, samples: piece.samples, shape, at: 0, changes };
                self.bytes += piece.size();
                self.changes += usize::from(changes);
                self.pieces.push_back(piece);
            }
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

    /// How many bytes wait, and how many changes of shape.
    pub(super) fn load(&self) -> (usize, usize) {
        (self.bytes, self.changes)
    }

    /// Whether sound of this shape would be a change to what came last.
    pub(super) fn changes_with(&self, shape: Shape) -> bool {
        self.shape != Some(shape)
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
        let Some(shape) = self.pieces.front_mut().and_then(Piece::change) else { return self.convert_more() };
        self.changes -= 1;
        self.settle();
        if let Some(old) = self.current.take() {
            self.put_aside(old.converter);
        }
        // It could be made before; without one, what is of this shape is left out, up to the next one.
        let converter = self.converter(shape).ok();
        self.current = converter.map(|converter| Current { converter, fed: 0, before: self.made() });
        self.convert_more()
    }

    /// One that converts this shape: it did before, or is made.
    fn converter(&mut self, from: Shape) -> Result<Box<Converter>, Error> {
        let at = self.spare.iter().position(|spare| spare.from() == from);
        match at.and_then(|at| self.spare.remove(at)) {
            Some(converter) => Ok(converter),
            None => Ok(Box::new(Converter::new(from, self.to)?)),
        }
    }

    fn put_aside(&mut self, converter: Box<Converter>) {
        self.spare.push_back(converter);
        if self.spare.len() > SPARE {
            self.spare.pop_front();
        }
    }

    fn convert_more(&mut self) -> bool {
        let Some(piece) = self.pieces.front_mut() else { return false };
        let Some(current) = &mut self.current else {
            self.pop();
            return true;
        };
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
            self.pop();
        }
        true
    }

    fn pop(&mut self) {
        if let Some(piece) = self.pieces.pop_front() {
            self.waiting -= time_of(piece.shape, piece.samples.len());
            self.bytes -= piece.size();
        }
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

impl<T> Piece<T> {
    fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&self.samples[..])
    }

    /// The shape that begins with it, told once.
    fn change(&mut self) -> Option<Shape> {
        std::mem::take(&mut self.changes).then_some(self.shape)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_often_the_shape_changes_there_are_few_converters() {
        let mut framer = Framer::new(Shape::MONO_24K, Duration::from_millis(20));
        let piece = |rate: u32| Pcm { samples: vec![1; rate as usize / 100], rate, channels: 1 };
        for n in 0..40 {
            framer.push(n, piece(16_000 + n % 10 * 100)).unwrap();
        }
        assert_eq!((framer.spare.len(), framer.load().1), (SPARE, 40));
        assert!(framer.load().0 > 40 * 2 * 160);
        let mut frames = 0;
        while let Some((_, spans)) = framer.rest() {
            frames += spans.iter().map(|span| span.frames).sum::<usize>();
        }
        assert_eq!((framer.load(), framer.spare.len()), ((0, 0), SPARE));
        assert!((9_600..9_640).contains(&frames), "{frames}");
    }
}
