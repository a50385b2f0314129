//! The server itself.
use crate::reply::{Reply, Step};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request that the server got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
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

/// A server on a loopback port. Dropping it stops it.
#[derive(Debug)]
pub struct FakeServer {
    address: std::net::SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    replies: VecDeque<Reply>,
    asked: Vec<Asked>,
    connections: usize,
    closed_by_client: usize,
}

impl FakeServer {
    /// Starts a server that gives these replies in turn.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Mutex::new(Shared { replies: replies.into_iter().collect(), ..Shared::default() }));
        let state = shared.clone();
        let task = tokio::spawn(async move {
            // Ends, and with it every connection, when the server is dropped.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                lock(&state).connections += 1;
                connections.spawn(serve(stream, state.clone()));
            }
        });
        Ok(Self { address, shared, task })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Queues a reply.
    pub fn reply(&self, reply: Reply) {
        lock(&self.shared).replies.push_back(reply);
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared).asked.clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        lock(&self.shared).connections
    }

    /// How many connections the client closed before the reply was over.
    pub fn closed_by_client(&self) -> usize {
        lock(&self.shared).closed_by_client
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut buffer = Vec::new();
    while let Ok(Some(asked)) = read_request(&mut stream, &mut buffer).await {
        let reply = {
            let mut shared = lock(&shared);
            shared.asked.push(asked);
            if shared.replies.len() > 1 {
                shared.replies.pop_front()
            } else {
                shared.replies.front().cloned()
            }
        };
        let Some(reply) = reply else { return };
        match play(&mut stream, reply).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                lock(&shared).closed_by_client += 1;
                return;
            }
        }
    }
}

/// Plays a reply; whether the connection goes on after it.
async fn play(stream: &mut TcpStream, reply: Reply) -> io::Result<bool> {
    for step in reply.steps {
        match step {
            Step::Write(bytes) => write(stream, &bytes).await?,
            Step::Repeat(bytes, times) => {
                for _ in 0..times {
                    write(stream, &bytes).await?;
                }
            }
            Step::Wait(time) => {
                tokio::select! {
                    () = tokio::time::sleep(time) => {}
                    closed = closed(stream) => return Err(closed),
                }
            }
            Step::Reset => {
                stream.shutdown().await?;
                return Ok(false);
            }
            Step::Hang => return Err(closed(stream).await),
        }
    }
    Ok(true)
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Waits until the client goes away.
async fn closed(stream: &TcpStream) -> io::Error {
    let mut byte = [0];
    loop {
        match stream.peek(&mut byte).await {
            Ok(0) => return io::ErrorKind::ConnectionReset.into(),
            Err(error) => return error,
            // A further request on a line that must stay silent.
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
}

/// Reads one request; nothing when the client closes.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let whole = end + 4 + length.unwrap_or(0);
    while buffer.len() < whole {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer[end + 4..whole].to_vec();
    buffer.drain(..whole);
    Ok(Some(Asked { method, path, headers, body }))
}
