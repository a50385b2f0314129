//! Framings: how a body's bytes are cut into frames. They take bytes in any split.
mod event_stream;
mod json_array;
mod lines;
mod sse;
#[cfg(test)]
mod tests;

use consort_core::Error;
pub(crate) use event_stream::{EventStreamFramer, write_message};
pub(crate) use json_array::JsonArrayFramer;
pub(crate) use lines::NdjsonFramer;
pub(crate) use sse::SseFramer;

/// No frame, and no single body, may be longer: a vendor cannot fill the host's memory.
pub(crate) const LONGEST_FRAME: usize = 32 * 1024 * 1024;

/// How a body is cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Sse,
    Ndjson,
    /// The elements of one JSON array.
    JsonArray,
    /// AWS event stream.
    EventStream,
    /// Not at all: the whole body is one frame.
    Body,
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name, where the framing has one; empty otherwise.
    pub name: &'a str,
    pub data: &'a [u8],
    /// Whether the framing itself says that this is an error.
    pub is_error: bool,
}

/// What is called with each frame.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(Frame<'_>) -> Result<(), Error>;

/// Cuts bytes into frames.
#[derive(Debug)]
pub enum Framer {
    Sse(SseFramer),
    Ndjson(NdjsonFramer),
    JsonArray(JsonArrayFramer),
    EventStream(EventStreamFramer),
    Body(Vec<u8>),
}

impl Framer {
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(SseFramer::default()),
            Framing::Ndjson => Self::Ndjson(NdjsonFramer::default()),
            Framing::JsonArray => Self::JsonArray(JsonArrayFramer::default()),
            Framing::EventStream => Self::EventStream(EventStreamFramer::default()),
            Framing::Body => Self::Body(Vec::new()),
        }
    }

    /// Takes the next bytes, and calls `sink` with each frame that they complete.
    pub fn feed(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Error> {
        match self {
            Self::Sse(framer) => framer.feed(bytes, sink),
            Self::Ndjson(framer) => framer.feed(bytes, sink),
            Self::JsonArray(framer) => framer.feed(bytes, sink),
            Self::EventStream(framer) => framer.feed(bytes, sink),
            Self::Body(body) => grow(body, bytes),
        }
    }

    /// The end of the bytes: calls `sink` with what is whole but was not ended.
    pub fn end(&mut self, sink: Sink<'_>) -> Result<(), Error> {
        match self {
            Self::Sse(framer) => framer.end(sink),
            Self::Ndjson(framer) => framer.end(sink),
            Self::JsonArray(framer) => framer.end(),
            Self::EventStream(framer) => framer.end(),
            Self::Body(body) => sink(Frame { name: "", data: body, is_error: false }),
        }
    }
}

/// Appends to a buffer, within the limit.
fn grow(buffer: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    if buffer.len() + bytes.len() > LONGEST_FRAME {
        return Err(too_long());
    }
    buffer.extend_from_slice(bytes);
    Ok(())
}

fn too_long() -> Error {
    Error::protocol(format!("one piece of the answer is over {} MB long", LONGEST_FRAME / 1024 / 1024))
}

/// The stream ended inside a frame.
fn cut() -> Error {
    Error::new(consort_core::ErrorKind::Interrupted, "the answer was cut off")
}
