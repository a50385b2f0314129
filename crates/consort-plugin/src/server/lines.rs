//! Lines of bounded length out of a pipe that is read by blocking.
use std::io::{self, Read};

const PIECE: usize = 64 << 10;
/// What is kept of a line that is too long: enough to see which request it was.
const HEAD: usize = 256;

/// Reads lines. One that is too long is passed over, and said to have been.
pub(super) struct Lines<R> {
    from: R,
    buffer: Vec<u8>,
    /// Where the next line begins, up to where no line end was found, and where what was read ends.
    start: usize,
    seen: usize,
    end: usize,
    most: usize,
    skipping: Option<Vec<u8>>,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// A line that was too long, and how it began.
    TooLong(Vec<u8>),
}

impl<R: Read> Lines<R> {
    pub(super) fn new(from: R, most: usize) -> Self {
        Self { from, buffer: vec![0; PIECE], start: 0, seen: 0, end: 0, most, skipping: None }
    }

    /// The next line without its end, or nothing at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.seen..self.end]) {
                let (start, end) = (self.start, self.seen + at);
                self.start = end + 1;
                self.seen = self.start;
                if let Some(head) = self.skipping.take() {
                    return Ok(Some(Line::TooLong(head)));
                }
                let line = &self.buffer[start..end];
                if line.len() > self.most {
                    return Ok(Some(Line::TooLong(line[..HEAD.min(line.len())].to_vec())));
                }
                return Ok(Some(Line::Whole(line.strip_suffix(b"\r").unwrap_or(line))));
            }
            self.seen = self.end;
            if self.skipping.is_some() || self.end - self.start > self.most {
                let head = &self.buffer[self.start..self.end.min(self.start + HEAD)];
                self.skipping.get_or_insert_with(|| head.to_vec());
                (self.start, self.seen, self.end) = (0, 0, 0);
            }
            self.make_room();
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    // Words without an end are no message: the host went away in the middle of it.
                    return Ok(None);
                }
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.seen -= self.start;
            self.start = 0;
        }
        if self.end == 0 && self.buffer.len() > 16 * PIECE {
            // After a long line the memory is given back.
            self.buffer = vec![0; PIECE];
        } else if self.buffer.len() - self.end < PIECE / 2 {
            self.buffer.resize((self.buffer.len() * 2).max(PIECE), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_or_passed_over() {
        let long = vec![b'x'; 300_000];
        let input = [b"a\r\n\nb\n".as_slice(), &long, b"\nnext\ncut"].concat();
        for piece in [1, 7, 100_000] {
            let mut lines = Lines::new(Trickle(&input, piece), 100_000);
            let mut found = Vec::new();
            while let Some(line) = lines.next().unwrap() {
                found.push(match line {
                    Line::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Line::TooLong(head) => format!("TOO LONG {}", head.len()),
                });
            }
            assert_eq!(found, ["a", "", "b", "TOO LONG 256", "next"], "in pieces of {piece}");
        }
    }

    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(to.len());
            self.0.read(&mut to[..count])
        }
    }
}
