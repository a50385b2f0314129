//! What was handed out to be played, and is not known to have been heard yet.
use crate::audio::{Frame, Played};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What was handed out longer ago than this, in its own time, is taken for heard: whoever plays says nothing. It is longer than a
/// surface may take to see that nothing arrives any more (25 s): what went nowhere is taken back before it counts.
const LONGEST: Duration = Duration::from_secs(30);

/// Positions are told in whole milliseconds.
const SLACK: Duration = Duration::from_millis(1);

/// Positions are those of all sound that was handed out, one piece behind the other. What was taken back was not.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    frames: VecDeque<Out>,
    out: Duration,
    /// Where what was handed out was last cut.
    cut: Option<Duration>,
}

/// A frame, what it is of, and where it ends.
#[derive(Debug)]
struct Out {
    frame: Frame,
    /// What of it is not known to have been heard.
    pieces: VecDeque<Piece>,
    end: Duration,
}

/// A piece of an item.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) item: Arc<str>,
    pub(super) length: Duration,
    /// How much of its item has been heard by its end.
    pub(super) heard: Duration,
    end: Duration,
}

/// What is to be played once more.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) frames: Vec<Frame>,
    /// Whether what was handed out before it was cut, which whoever plays may not know.
    pub(super) is_cut: bool,
}

impl Ahead {
    /// A frame was handed out.
    pub(super) fn push(&mut self, frame: &Frame) {
        let mut end = self.out;
        self.out += frame.pcm.duration();
        let piece = |one: &Played| {
            let length = Duration::from_secs_f64(one.frames as f64 / f64::from(frame.pcm.rate.max(1)));
            end += length;
            Piece { item: one.item.clone(), length, heard: one.heard, end }
        };
        let pieces = frame.played.iter().map(piece).collect();
        self.frames.push_back(Out { frame: frame.clone(), pieces, end: self.out });
    }

    /// What was heard, once all up to this position was.
    pub(super) fn heard(&mut self, position: Duration) -> Vec<Piece> {
        let position = position + SLACK;
        let mut heard = Vec::new();
        while let Some(first) = self.frames.front_mut() {
            while let Some(piece) = first.pieces.pop_front_if(|piece| piece.end <= position) {
                heard.push(piece);
            }
            if !first.pieces.is_empty() {
                break;
            }
            self.frames.pop_front();
        }
        heard
    }

    /// What was handed out so long ago that it is taken for heard.
    pub(super) fn late(&mut self) -> Vec<Piece> {
        match self.out.checked_sub(LONGEST) {
            Some(late) => self.heard(late.saturating_sub(SLACK)),
            None => Vec::new(),
        }
    }

    /// Takes back what whoever plays has not received: up to there it has, else what it says it has played. What comes next is
    /// handed out where that begins.
    pub(super) fn take_back(&mut self, received: Option<Duration>) -> Back {
        let received = received.unwrap_or_default();
        // Of a frame that was partly heard the rest comes with it.
        let is_there = |out: &&Out| out.end <= received + SLACK || out.pieces.len() < out.frame.played.len();
        let kept = self.frames.iter().take_while(is_there).count();
        let frames: Vec<Frame> = self.frames.drain(kept..).map(|out| out.frame).collect();
        self.out -= frames.iter().map(|frame| frame.pcm.duration()).sum::<Duration>();
        Back { frames, is_cut: self.cut.take().is_some_and(|cut| cut + SLACK >= received) }
    }

    /// How much was handed out.
    pub(super) fn out(&self) -> Duration {
        self.out
    }

    /// Everything that was handed out is heard.
    pub(super) fn all(&mut self) -> Vec<Piece> {
        self.frames.drain(..).flat_map(|out| out.pieces).collect()
    }

    /// What is being heard, and how much of it was; nothing waits afterwards.
    pub(super) fn cut(&mut self) -> Option<(Arc<str>, Duration)> {
        self.cut = Some(self.out);
        let first = self.frames.drain(..).flat_map(|out| out.pieces).next()?;
        Some((first.item, first.heard.saturating_sub(first.length)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.iter().all(|out| out.pieces.is_empty())
    }
}
