//! One connection to a server for tests, encrypted or not: reads requests, plays replies.
use crate::reply::{Reply, Step};
use crate::socket;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A request that a server got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Whom the client meant, with the port where it said one: what it had the proxy connect to, else its
    /// `host` header.
    pub host: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What all connections of one server share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) replies: VecDeque<Reply>,
    /// Replies to all requests whose path begins so.
    pub(crate) places: Vec<(String, Reply)>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) connections: usize,
    pub(crate) closed_by_client: usize,
    /// What clients said on each WebSocket.
    pub(crate) said: Vec<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { replies: replies.into_iter().collect(), ..Self::default() }))
    }
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A client on the line.
pub(crate) struct Connection<S> {
    pub(crate) stream: S,
    /// Read and not yet looked at.
    buffer: Vec<u8>,
    /// Where the client believes to be, on a line that a proxy made.
    host: Option<String>,
    shared: Arc<Mutex<Shared>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S, host: Option<String>, shared: Arc<Mutex<Shared>>) -> Self {
        Self { stream, buffer: Vec::new(), host, shared }
    }

    /// Answers until the client goes, or a reply ends the connection.
    pub(crate) async fn serve(mut self) {
        while let Some(asked) = self.next().await {
            if !self.answer(asked).await {
                return;
            }
        }
    }

    /// The next request; nothing when the client closes.
    pub(crate) async fn next(&mut self) -> Option<Asked> {
        self.read_request().await.ok().flatten()
    }

    /// Keeps the request and plays the next reply; whether the connection goes on after it.
    pub(crate) async fn answer(&mut self, asked: Asked) -> bool {
        let key = asked.header("sec-websocket-key").unwrap_or_default().to_owned();
        let reply = {
            let mut shared = lock(&self.shared);
            let place = shared.places.iter().find(|(path, _)| asked.path.starts_with(path));
            let fixed = place.map(|(_, reply)| reply.clone());
            shared.asked.push(asked);
            if fixed.is_some() {
                fixed
            } else if shared.replies.len() > 1 {
                shared.replies.pop_front()
            } else {
                shared.replies.front().cloned()
            }
        };
        let Some(reply) = reply else { return false };
        self.play(reply, &key).await.unwrap_or_else(|_| {
            lock(&self.shared).closed_by_client += 1;
            false
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn play(&mut self, reply: Reply, key: &str) -> io::Result<bool> {
        for step in reply.steps {
            match step {
                Step::Write(bytes) => self.write(&bytes).await?,
                Step::Repeat(bytes, times) => {
                    for _ in 0..times {
                        self.write(&bytes).await?;
                    }
                }
                Step::Wait(time) => self.wait(time).await?,
                Step::Reset => {
                    self.stream.shutdown().await?;
                    return Ok(false);
                }
                Step::Hang => return Err(self.closed().await),
                Step::Socket(script) => {
                    self.write(&socket::accepting(key)).await?;
                    socket::play(&mut self.stream, script, &self.shared).await;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn wait(&mut self, time: Duration) -> io::Result<()> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            closed = self.closed() => Err(closed),
        }
    }

    /// Waits until the client goes away. What it says meanwhile is kept for later.
    async fn closed(&mut self) -> io::Error {
        loop {
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => return io::ErrorKind::ConnectionReset.into(),
                Err(error) => return error,
                Ok(_) => {}
            }
        }
    }

    async fn read_request(&mut self) -> io::Result<Option<Asked>> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let length = header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        let host = self.host.clone().or_else(|| header("host").cloned()).unwrap_or_default();
        let whole = end + 4 + length;
        while self.buffer.len() < whole {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
        let body = self.buffer[end + 4..whole].to_vec();
        self.buffer.drain(..whole);
        Ok(Some(Asked { method, path, host, headers, body }))
    }
}
