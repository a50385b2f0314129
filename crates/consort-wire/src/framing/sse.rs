//! Server-sent events, as the HTML standard reads them.
//!
//! Written by hand: the libraries for it wrap an async body, and a wire must not know one.
use super::{Frame, Sink, grow};
use consort_core::Error;
use memchr::memchr2;

/// The names of fields.
const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];

/// Cuts a stream of server-sent events.
#[derive(Debug, Default)]
pub struct SseFramer {
    /// The line that is not ended yet.
    rest: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    name: String,
    /// The last byte was a carriage return: a newline right after it belongs to it.
    after_cr: bool,
    past_start: bool,
    /// A frame came: this is a stream of events.
    has_frames: bool,
    /// A line came that no such stream has.
    has_other: bool,
}

impl SseFramer {
    pub(super) fn feed(&mut self, mut bytes: &[u8], sink: Sink<'_>) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
            bytes = &bytes[1..];
        }
        while let Some(at) = memchr2(b'\n', b'\r', bytes) {
            let ended_by = bytes[at];
            let line = &bytes[..at];
            if self.rest.is_empty() {
                self.line(line, sink)?;
            } else {
                grow(&mut self.rest, line)?;
                let whole = std::mem::take(&mut self.rest);
                self.line(&whole, sink)?;
                self.rest = whole;
                self.rest.clear();
            }
            bytes = &bytes[at + 1..];
            if ended_by == b'\r' {
                match bytes.first() {
                    Some(b'\n') => bytes = &bytes[1..],
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
        }
        grow(&mut self.rest, bytes)
    }

    /// Some servers leave out the last blank line; what they sent counts.
    pub(super) fn end(&mut self, sink: Sink<'_>) -> Result<(), Error> {
        let rest = std::mem::take(&mut self.rest);
        // The last line may be cut inside its field's name: then it is no other line.
        let cut = FIELDS.iter().any(|field| field.starts_with(&rest));
        if !rest.is_empty() && !cut {
            self.line(&rest, sink)?;
        }
        self.dispatch(sink)?;
        if self.has_other && !self.has_frames {
            return Err(Error::protocol("what came is no stream of events"));
        }
        Ok(())
    }

    fn line(&mut self, mut line: &[u8], sink: Sink<'_>) -> Result<(), Error> {
        if !std::mem::replace(&mut self.past_start, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(sink);
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(at) => {
                let value = &line[at + 1..];
                (&line[..at], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match field {
            b"data" => {
                if self.has_data {
                    grow(&mut self.data, b"\n")?;
                }
                self.has_data = true;
                grow(&mut self.data, value)?;
            }
            b"event" => {
                self.name.clear();
                self.name.push_str(&String::from_utf8_lossy(value));
            }
            // Comments (an empty field), ids and retry times mean nothing here, and unknown fields little.
            b"" | b"id" | b"retry" => {}
            _ => self.has_other = true,
        }
        Ok(())
    }

    fn dispatch(&mut self, sink: Sink<'_>) -> Result<(), Error> {
        if !std::mem::take(&mut self.has_data) {
            self.name.clear();
            return Ok(());
        }
        self.has_frames = true;
        let done = sink(Frame { name: &self.name, data: &self.data, is_error: false });
        self.data.clear();
        self.name.clear();
        done
    }
}
