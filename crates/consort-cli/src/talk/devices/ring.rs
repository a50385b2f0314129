//! What waits to be played: bytes in from frames on time, bytes out to a device that asks when it likes.
use std::collections::VecDeque;

/// Sound as a device takes it.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    /// So much is gathered before any is given, so that frames that are a little late leave no gap.
    before: usize,
    /// No more than this waits: a device that takes nothing does not fill the memory.
    most: usize,
    gathers: bool,
    /// How much silence was given while something waited.
    waited: usize,
    /// The most that was asked for at once.
    asked: usize,
    /// All that was played or dropped.
    gone: u64,
}

impl Ring {
    pub(super) fn new(before: usize, most: usize) -> Self {
        Self { bytes: VecDeque::new(), before, most, gathers: true, waited: 0, asked: 0, gone: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let late = self.bytes.len().saturating_sub(self.most);
        self.bytes.drain(..late);
        self.gone += late as u64;
    }

    /// Fills what a device asks for, as far as there is something; the rest of it stays silent.
    pub(super) fn pull(&mut self, into: &mut [u8]) {
        self.asked = self.asked.max(into.len());
        if self.gathers {
            // A device that asks for much at once needs more ahead. An end that is shorter is played when it waited as long.
            let enough = (self.asked + self.asked / 2).clamp(self.before, 5 * self.before);
            if self.bytes.is_empty() || (self.bytes.len() < enough && self.waited < enough) {
                self.waited = if self.bytes.is_empty() { 0 } else { self.waited + into.len() };
                return;
            }
        }
        let count = into.len().min(self.bytes.len());
        for (to, from) in into.iter_mut().zip(self.bytes.drain(..count)) {
            *to = from;
        }
        self.gone += count as u64;
        (self.gathers, self.waited) = (count < into.len(), 0);
    }

    /// Forgets what waits.
    pub(super) fn flush(&mut self) {
        self.gone += self.bytes.len() as u64;
        self.bytes.clear();
        (self.gathers, self.waited) = (true, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How much of all that came was played or dropped.
    pub(super) fn gone(&self) -> u64 {
        self.gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled(ring: &mut Ring, count: usize) -> Vec<u8> {
        let mut into = vec![0; count];
        ring.pull(&mut into);
        into
    }

    #[test]
    fn it_gathers_before_it_gives_and_again_behind_a_gap() {
        let mut ring = Ring::new(4, 100);
        ring.push(&[1, 2]);
        assert_eq!(pulled(&mut ring, 2), [0, 0]);
        ring.push(&[3, 4]);
        assert_eq!(pulled(&mut ring, 2), [1, 2]);
        // What is begun goes on, however little there is.
        assert_eq!(pulled(&mut ring, 2), [3, 4]);
        assert_eq!((pulled(&mut ring, 2), ring.gone()), (vec![0, 0], 4));
        ring.push(&[5, 6]);
        assert_eq!(pulled(&mut ring, 2), [0, 0]);
    }

    #[test]
    fn a_short_end_is_played_when_nothing_follows() {
        let mut ring = Ring::new(4, 100);
        ring.push(&[1, 2]);
        assert_eq!(
            [pulled(&mut ring, 2), pulled(&mut ring, 2), pulled(&mut ring, 2)],
            [[0, 0], [0, 0], [1, 2]]
        );
        assert!(ring.is_empty());
    }

    #[test]
    fn what_is_dropped_counts_as_gone() {
        let mut ring = Ring::new(2, 4);
        ring.push(&[1, 2, 3, 4, 5, 6]);
        assert_eq!((ring.gone(), pulled(&mut ring, 2)), (2, vec![3, 4]));
        ring.flush();
        assert_eq!((ring.gone(), ring.is_empty()), (6, true));
        assert_eq!(pulled(&mut ring, 2), [0, 0]);
    }
}
