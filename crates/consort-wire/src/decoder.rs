//! The outer decoder: from the head and bytes of an answer to events.
use crate::error_body;
use crate::framing::{Frame, Framer, Framing};
use crate::http::ResponseHead;
use consort_core::{Error, ErrorKind, Event};

/// Reads the frames of one wire's answer.
pub trait Decode: Send {
    /// One frame of a stream.
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error>;

    /// The single body of an answer that was not streamed.
    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error>;

    /// The end of the stream. `Finished` is emitted here at the latest; a stream that may not end here was
    /// interrupted.
    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Error>;
}

/// The error of a stream that stopped before its end.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the answer stopped before its end")
}

/// The error of a frame that cannot be read. One that ends too early was cut.
pub(crate) fn unreadable(error: &serde_json::Error) -> Error {
    if error.is_eof() {
        return interrupted();
    }
    Error::protocol(format!("a piece of the answer could not be read: {error}"))
}

/// The same, where the frame may have been cut: what fails only at its very end was.
pub(crate) fn unreadable_or_cut(error: &serde_json::Error, data: &[u8]) -> Error {
    let last_line = data.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let lines = memchr::memchr_iter(b'\n', data).count() + 1;
    let at_end = error.line() == lines && error.column() >= last_line.len();
    if error.is_eof() || (error.is_syntax() && at_end) { interrupted() } else { unreadable(error) }
}

/// Turns an answer's bytes into events. Give it the bytes as they come, then call [`end`](Self::end).
pub struct Decoder {
    head: ResponseHead,
    /// How a stream of this wire is framed when nothing says so.
    usual: Framing,
    state: State,
    decode: Box<dyn Decode>,
    /// Whether the vendor's own events are wanted too.
    native: bool,
}

enum State {
    /// Nothing came yet that would tell the framing.
    Unknown,
    Framed(Framer),
    /// The status says error: the body says why.
    Failed(Vec<u8>),
    Over,
}

impl Decoder {
    pub fn new(head: ResponseHead, usual: Framing, decode: Box<dyn Decode>) -> Self {
        let state = if head.status >= 400 { State::Failed(Vec::new()) } else { State::Unknown };
        Self { head, usual, state, decode, native: false }
    }

    /// Emits the vendor's own events too.
    pub fn with_native_events(mut self, wanted: bool) -> Self {
        self.native = wanted;
        self
    }

    /// Takes the next bytes. Events that were pushed before an error count.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        let result = self.take(bytes, out);
        self.settle(result)
    }

    /// The end of the bytes.
    pub fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        let result = self.take_end(out);
        let result = self.settle(result);
        self.state = State::Over;
        result
    }

    fn take(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        /// An error's body says what it has to say in its first bytes.
        const LONGEST_ERROR: usize = 256 * 1024;
        match &mut self.state {
            State::Over => Ok(()),
            State::Failed(body) => {
                let room = LONGEST_ERROR.saturating_sub(body.len()).min(bytes.len());
                body.extend_from_slice(&bytes[..room]);
                Ok(())
            }
            State::Framed(framer) => {
                let whole = matches!(framer, Framer::Body(_));
                let (decode, native) = (&mut self.decode, self.native);
                framer.feed(bytes, &mut |frame| read(decode.as_mut(), frame, native, whole, out))
            }
            State::Unknown => {
                // Space before the answer is nothing, however it is cut.
                let bytes = bytes.trim_ascii_start();
                let Some(first) = bytes.first() else { return Ok(()) };
                self.state = State::Framed(Framer::new(self.framing(*first)));
                self.take(bytes, out)
            }
        }
    }

    fn take_end(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Over => Ok(()),
            State::Failed(body) => Err(error_body::read(&self.head, &body)),
            State::Unknown => Err(Error::new(ErrorKind::Interrupted, "the answer is empty")),
            State::Framed(mut framer) => {
                let whole = matches!(framer, Framer::Body(_));
                let (decode, native) = (&mut self.decode, self.native);
                framer.end(&mut |frame| read(decode.as_mut(), frame, native, whole, out))?;
                if whole { Ok(()) } else { self.decode.end(out) }
            }
        }
    }

    /// How the body is framed: by the head, and by the first byte where the head is silent or wrong.
    fn framing(&self, first: u8) -> Framing {
        let content_type = self.head.content_type();
        if content_type.contains("vnd.amazon.eventstream") {
            return Framing::EventStream;
        }
        match first {
            b'[' => Framing::JsonArray,
            b'{' if content_type.contains("ndjson") => Framing::Ndjson,
            b'{' if self.usual == Framing::Ndjson && !content_type.contains("application/json") => {
                Framing::Ndjson
            }
            b'{' => Framing::Body,
            _ if content_type.contains("application/json") => Framing::Body,
            _ if content_type.contains("ndjson") => Framing::Ndjson,
            _ if content_type.contains("event-stream") => Framing::Sse,
            _ => self.usual,
        }
    }

    /// An error ends everything, and is told what the head knows.
    fn settle(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        result.map_err(|error| {
            self.state = State::Over;
            error.request_id(self.head.request_id())
        })
    }
}

fn read(
    decode: &mut dyn Decode,
    frame: Frame<'_>,
    native: bool,
    whole: bool,
    out: &mut Vec<Event>,
) -> Result<(), Error> {
    if native && let Ok(value) = serde_json::from_slice(frame.data) {
        out.push(Event::Native { value });
    }
    if whole { decode.body(frame.data, out) } else { decode.frame(frame, out) }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("status", &self.head.status).finish_non_exhaustive()
    }
}
