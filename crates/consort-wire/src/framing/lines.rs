//! Lines, and newline-delimited JSON.
use super::{Frame, Sink, grow};
use consort_core::Error;
use memchr::memchr;

/// Cuts at each newline; blank lines are nothing.
#[derive(Debug, Default)]
pub struct NdjsonFramer {
    /// The line that is not ended yet.
    rest: Vec<u8>,
}

impl NdjsonFramer {
    pub(super) fn feed(&mut self, mut bytes: &[u8], sink: Sink<'_>) -> Result<(), Error> {
        while let Some(at) = memchr(b'\n', bytes) {
            let (line, after) = (&bytes[..at], &bytes[at + 1..]);
            if self.rest.is_empty() {
                emit(line, sink)?;
            } else {
                grow(&mut self.rest, line)?;
                emit(&self.rest, sink)?;
                self.rest.clear();
            }
            bytes = after;
        }
        grow(&mut self.rest, bytes)
    }

    pub(super) fn end(&mut self, sink: Sink<'_>) -> Result<(), Error> {
        emit(&std::mem::take(&mut self.rest), sink)
    }
}

fn emit(line: &[u8], sink: Sink<'_>) -> Result<(), Error> {
    let line = line.trim_ascii();
    if line.is_empty() { Ok(()) } else { sink(Frame { name: "", data: line, is_error: false }) }
}
