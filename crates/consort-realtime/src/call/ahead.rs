//! What was handed out to be played, and is not known to have been heard yet.
use crate::audio::Frame;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What was handed out longer ago than this, in its own time, is taken for heard: whoever plays says nothing.
const LONGEST: Duration = Duration::from_secs(30);

/// Positions are told in whole milliseconds.
const SLACK: Duration = Duration::from_millis(1);

/// Positions are those of all sound that was handed out, one piece behind the other.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pieces: VecDeque<Piece>,
    out: Duration,
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

impl Ahead {
    /// A frame was handed out.
    pub(super) fn push(&mut self, frame: &Frame) {
        let mut end = self.out;
        self.out += frame.pcm.duration();
        for one in &frame.played {
            let length = Duration::from_secs_f64(one.frames as f64 / f64::from(frame.pcm.rate.max(1)));
            end += length;
            self.pieces.push_back(Piece { item: one.item.clone(), length, heard: one.heard, end });
        }
    }

    /// What was heard, once all up to this position was.
    pub(super) fn heard(&mut self, position: Duration) -> Vec<Piece> {
        let (position, late) = (position + SLACK, self.out.saturating_sub(LONGEST));
        let mut heard = Vec::new();
        while let Some(first) = self.pieces.front().filter(|piece| piece.end <= position || piece.end <= late)
        {
            heard.push(first.clone());
            self.pieces.pop_front();
        }
        heard
    }

    /// Everything that was handed out is heard.
    pub(super) fn all(&mut self) -> Vec<Piece> {
        self.pieces.drain(..).collect()
    }

    /// What is being heard, and how much of it was; nothing waits afterwards.
    pub(super) fn cut(&mut self) -> Option<(Arc<str>, Duration)> {
        let first = self.pieces.drain(..).next()?;
        Some((first.item, first.heard.saturating_sub(first.length)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}
