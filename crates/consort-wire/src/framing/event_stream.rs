//! AWS event stream: binary messages with typed headers and two checksums.
//!
//! Written by hand: the vendor's own crate brings its whole runtime for these few lines.
use super::{Frame, LONGEST_FRAME, Sink, cut, too_long};
use consort_core::Error;

const PRELUDE: usize = 12;
const TRAILER: usize = 4;

/// Cuts an AWS event stream.
#[derive(Debug, Default)]
pub struct EventStreamFramer {
    rest: Vec<u8>,
}

/// One message: the headers that are text, and the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub headers: Vec<(&'a str, &'a str)>,
    pub payload: &'a [u8],
}

impl EventStreamFramer {
    pub(super) fn feed(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Error> {
        self.rest.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(length) = whole_length(&self.rest[at..])? {
            let Some(message) = self.rest.get(at..at + length) else { break };
            let message = read_message(message)?;
            sink(message.frame())?;
            at += length;
        }
        self.rest.drain(..at);
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(cut()) }
    }
}

impl<'a> Message<'a> {
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value)
    }

    fn frame(&self) -> Frame<'a> {
        let is_error = matches!(self.header(":message-type"), Some("exception" | "error"));
        let name = if is_error {
            self.header(":exception-type").or_else(|| self.header(":error-code"))
        } else {
            self.header(":event-type")
        };
        Frame { name: name.unwrap_or_default(), data: self.payload, is_error }
    }
}

/// The length of the message that starts here, once its prelude is there.
fn whole_length(bytes: &[u8]) -> Result<Option<usize>, Error> {
    if bytes.len() < PRELUDE {
        return Ok(None);
    }
    if crc32fast::hash(&bytes[..8]) != number(&bytes[8..]) {
        return Err(Error::protocol("the answer's framing is damaged (prelude checksum)"));
    }
    let (length, headers) = (number(bytes) as usize, number(&bytes[4..]) as usize);
    if length > LONGEST_FRAME {
        return Err(too_long());
    }
    if length < PRELUDE + headers + TRAILER {
        return Err(Error::protocol("the answer's framing is damaged (lengths)"));
    }
    Ok(Some(length))
}

fn read_message(bytes: &[u8]) -> Result<Message<'_>, Error> {
    let end = bytes.len() - TRAILER;
    if crc32fast::hash(&bytes[..end]) != number(&bytes[end..]) {
        return Err(Error::protocol("the answer's framing is damaged (message checksum)"));
    }
    let payload_at = PRELUDE + number(&bytes[4..]) as usize;
    let headers = read_headers(&bytes[PRELUDE..payload_at])
        .ok_or_else(|| Error::protocol("the answer's framing is damaged (headers)"))?;
    Ok(Message { headers, payload: &bytes[payload_at..end] })
}

/// Reads the headers; those that are not text are skipped.
fn read_headers(mut bytes: &[u8]) -> Option<Vec<(&str, &str)>> {
    let mut headers = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(length))?;
        let (&kind, rest) = rest.split_first()?;
        let (length, rest) = match kind {
            0 | 1 => (0, rest),
            2 => (1, rest),
            3 => (2, rest),
            4 => (4, rest),
            5 | 8 => (8, rest),
            9 => (16, rest),
            6 | 7 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        if kind == 7 {
            headers.push((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?));
        }
        bytes = rest;
    }
    Some(headers)
}

/// Writes one message.
pub(crate) fn write_message(headers: &[(&str, &str)], payload: &[u8], out: &mut Vec<u8>) {
    /// The type of a header whose value is text.
    const TEXT: u8 = 7;
    let mut written = Vec::new();
    for (name, value) in headers {
        written.push(name.len() as u8);
        written.extend_from_slice(name.as_bytes());
        written.push(TEXT);
        written.extend_from_slice(&(value.len() as u16).to_be_bytes());
        written.extend_from_slice(value.as_bytes());
    }
    let start = out.len();
    let length = PRELUDE + written.len() + payload.len() + TRAILER;
    out.extend_from_slice(&(length as u32).to_be_bytes());
    out.extend_from_slice(&(written.len() as u32).to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
    out.extend_from_slice(&written);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
