//! What the fake server answers, and how it fails at it.
use crate::socket::Act;
use std::time::Duration;

/// One answer, written step by step.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Write(Vec<u8>),
    /// This piece over and over.
    Repeat(Vec<u8>, usize),
    Wait(Duration),
    /// Ends the connection with a reset, as a crashed machine does.
    Reset,
    /// Never says anything more.
    Hang,
    /// Becomes a WebSocket.
    Socket(Vec<Act>),
}

impl Reply {
    /// A whole answer with a length.
    pub fn new(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::with_headers(status, &[("content-type", content_type)], body)
    }

    pub fn json(body: &str) -> Self {
        Self::new(200, "application/json", body)
    }

    /// An error with a JSON body and further headers.
    pub fn error(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        Self::with_headers(status, &all, body)
    }

    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = head(status, headers);
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        Self { steps: vec![Step::Write(bytes)] }
    }

    /// A chunked answer in pieces of these sizes, over and over; its end follows.
    pub fn chunked(content_type: &str, body: impl AsRef<[u8]>, sizes: &[usize]) -> Self {
        Self::pieces(200, &[("content-type", content_type)], body, sizes)
    }

    /// The same with any status and headers.
    pub fn pieces(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>, sizes: &[usize]) -> Self {
        let mut reply = Self::chunks(status, headers);
        let mut rest = body.as_ref();
        let mut sizes = sizes.iter().copied().filter(|size| *size > 0).cycle();
        while !rest.is_empty() {
            let size = sizes.next().unwrap_or(rest.len()).min(rest.len());
            let (piece, after) = rest.split_at(size);
            reply = reply.piece(piece);
            rest = after;
        }
        reply.end()
    }

    /// The head of a chunked answer; pieces follow.
    pub fn open(content_type: &str) -> Self {
        Self::chunks(200, &[("content-type", content_type)])
    }

    fn chunks(status: u16, headers: &[(&str, &str)]) -> Self {
        let mut bytes = head(status, headers);
        bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        Self { steps: vec![Step::Write(bytes)] }
    }

    /// Makes the connection a WebSocket and plays this on it, then listens until the client goes.
    pub fn socket(script: impl IntoIterator<Item = Act>) -> Self {
        Self { steps: vec![Step::Socket(script.into_iter().collect())] }
    }

    /// Reads the request and says nothing, ever.
    pub fn silence() -> Self {
        Self { steps: vec![Step::Hang] }
    }

    /// One more piece of a chunked answer.
    pub fn piece(mut self, piece: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Write(chunk(piece.as_ref())));
        self
    }

    /// The same piece many times: a long answer that needs no memory here.
    pub fn repeat(mut self, piece: impl AsRef<[u8]>, times: usize) -> Self {
        self.steps.push(Step::Repeat(chunk(piece.as_ref()), times));
        self
    }

    /// The end of a chunked answer.
    pub fn end(mut self) -> Self {
        self.steps.push(Step::Write(b"0\r\n\r\n".to_vec()));
        self
    }

    pub fn wait(mut self, time: Duration) -> Self {
        self.steps.push(Step::Wait(time));
        self
    }

    /// Closes the connection here; a chunked answer is cut by it.
    pub fn reset(mut self) -> Self {
        self.steps.push(Step::Reset);
        self
    }

    /// Leaves the connection open and silent.
    pub fn hang(mut self) -> Self {
        self.steps.push(Step::Hang);
        self
    }

    /// Waits before each piece of the answer but the first.
    pub fn slowly(mut self, pause: Duration) -> Self {
        let steps = std::mem::take(&mut self.steps);
        for (index, step) in steps.into_iter().enumerate() {
            if index > 0 {
                self.steps.push(Step::Wait(pause));
            }
            self.steps.push(step);
        }
        self
    }
}

fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} Status\r\n{}", lines.concat()).into_bytes()
}

fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
    bytes.extend_from_slice(piece);
    bytes.extend_from_slice(b"\r\n");
    bytes
}
