//! A sound as a row of pieces: chunks that overlap or not, and windows that slide.
use super::edit::Pad;
use super::sound::Sound;
use std::time::Duration;

impl Sound {
    /// Pieces of so many frames, each beginning with the last `overlap` frames of the one before. What is left at the
    /// end is a shorter piece, or filled up with silence.
    pub fn chunks(&self, frames: usize, overlap: usize, pad: Pad) -> impl Iterator<Item = Self> + '_ {
        let frames = frames.max(1);
        let step = frames - overlap.min(frames - 1);
        // A piece of nothing but the overlap says nothing new.
        let news = self.frames().saturating_sub(frames - step).max(self.frames().min(1));
        (0..news).step_by(step).map(move |start| self.part(start, start + frames).padded(frames, pad))
    }

    /// Windows of one length that begin `hop` after each other; what does not fill one is left out.
    pub fn windows(&self, window: Duration, hop: Duration) -> impl Iterator<Item = Self> + '_ {
        let frames = self.shape.frames_in(window).max(1);
        let starts = (self.frames() + 1).saturating_sub(frames);
        let hop = self.shape.frames_in(hop).max(1);
        (0..starts).step_by(hop).map(move |start| self.part(start, start + frames))
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::Shape;
    use super::*;

    fn counted(frames: usize) -> Sound {
        Sound::new((0..frames).map(|n| n as f32 / 64.0).collect(), Shape::new(8_000, 1).unwrap()).unwrap()
    }

    fn numbers(pieces: impl Iterator<Item = Sound>) -> Vec<Vec<i32>> {
        let whole = |sample: &f32| (sample * 64.0) as i32;
        pieces.map(|piece| piece.samples().iter().map(whole).collect()).collect()
    }

    #[test]
    fn chunks_overlap_and_are_filled_up() {
        let sound = counted(7);
        assert_eq!(numbers(sound.chunks(3, 0, Pad::None)), [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        assert_eq!(numbers(sound.chunks(3, 0, Pad::End)), [[0, 1, 2], [3, 4, 5], [6, 0, 0]]);
        assert_eq!(numbers(sound.chunks(3, 1, Pad::None)), [[0, 1, 2], [2, 3, 4], [4, 5, 6]]);
        assert_eq!(numbers(sound.chunks(3, 9, Pad::None)).len(), 5, "an overlap of all but one at most");
        assert_eq!(numbers(counted(2).chunks(3, 1, Pad::None)), [[0, 1]]);
        assert_eq!(numbers(counted(2).chunks(3, 1, Pad::Start)), [[0, 0, 1]]);
        assert!(numbers(counted(0).chunks(3, 1, Pad::End)).is_empty());
    }

    #[test]
    fn windows_slide() {
        let ms = Duration::from_millis;
        let sound = counted(40); // 5 ms
        let windows = numbers(sound.windows(ms(2), ms(1)));
        assert_eq!(
            windows.iter().map(|window| (window[0], window.len())).collect::<Vec<_>>(),
            [(0, 16), (8, 16), (16, 16), (24, 16)]
        );
        assert!(numbers(sound.windows(ms(6), ms(1))).is_empty());
    }

    #[test]
    fn heads_and_tails() {
        let ms = Duration::from_millis;
        let sound = counted(16);
        assert_eq!(sound.head(ms(1), Pad::None), sound.part(0, 8));
        assert_eq!(sound.tail(ms(1), Pad::None), sound.part(8, 16));
        assert_eq!(sound.tail(ms(9), Pad::None), sound);
        let long = sound.tail(ms(3), Pad::Start);
        assert_eq!((long.frames(), long.samples()[8], long.samples()[9]), (24, 0.0, 1.0 / 64.0));
        assert_eq!(sound.head(ms(3), Pad::End).samples()[16..], [0.0; 8]);
    }
}
