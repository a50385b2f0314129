//! Lines of bounded length out of a pipe.
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads lines. One that is too long is passed over, and said to have been.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    buffer: Vec<u8>,
    /// Where the next line begins, and up to where no line end was found.
    start: usize,
    seen: usize,
    most: usize,
    skipping: bool,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
    /// So many bytes of a line that is too long were passed over; there are more.
    Passing(usize),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(from: R, most: usize) -> Self {
        Self { from, buffer: Vec::new(), start: 0, seen: 0, most, skipping: false }
    }

    /// The next line without its end, or nothing at the end. Words without a line's end at the end are a line.
    pub async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if let Some(at) = find_end(&self.buffer[self.seen..]) {
                let (start, end) = (self.start, self.seen + at);
                self.start = end + 1;
                self.seen = self.start;
                if std::mem::take(&mut self.skipping) {
                    return Ok(Some(Line::TooLong));
                }
                return Ok(Some(Line::Whole(trimmed(&self.buffer[start..end]))));
            }
            self.seen = self.buffer.len();
            if self.skipping || self.buffer.len() - self.start > self.most {
                self.skipping = true;
                let passed = self.buffer.len();
                self.buffer.clear();
                (self.start, self.seen) = (0, 0);
                if passed > 0 {
                    return Ok(Some(Line::Passing(passed)));
                }
            }
            self.make_room();
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                let start = std::mem::replace(&mut self.start, self.buffer.len());
                self.seen = self.start;
                if std::mem::take(&mut self.skipping) {
                    return Ok(Some(Line::TooLong));
                }
                let rest = &self.buffer[start..];
                return Ok((!rest.is_empty()).then_some(Line::Whole(rest)));
            }
        }
    }

    fn make_room(&mut self) {
        const PIECE: usize = 64 << 10;
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
        }
        // After a long line the memory is given back.
        if self.buffer.is_empty() && self.buffer.capacity() > 16 * PIECE {
            self.buffer = Vec::new();
        }
        self.buffer.reserve(PIECE);
    }
}

fn find_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8], most: usize) -> Vec<String> {
        let mut lines = Lines::new(input, most);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(match line {
                Line::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Line::TooLong => "TOO LONG".into(),
                Line::Passing(_) => continue,
            });
        }
        found
    }

    #[tokio::test]
    async fn lines_are_whole_or_passed_over() {
        assert_eq!(all(b"a\r\n\nb\nc", 100).await, ["a", "", "b", "c"]);
        let long = [vec![b'x'; 200_000], b"\nnext\n".to_vec(), vec![b'y'; 200_000]].concat();
        assert_eq!(all(&long, 100_000).await, ["TOO LONG", "next", "TOO LONG"]);
    }
}
