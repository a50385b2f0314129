//! The server itself.
use crate::connection::{Asked, Connection, Shared, lock};
use crate::reply::Reply;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A server on a loopback port. Dropping it stops it.
///
/// Named by `HTTP_PROXY` it is a plain proxy too: the paths that it is asked for are whole URLs then.
#[derive(Debug)]
pub struct FakeServer {
    address: std::net::SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: tokio::task::JoinHandle<()>,
}

impl FakeServer {
    /// Starts a server that gives these replies in turn.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Shared::new(replies);
        let state = shared.clone();
        let task = tokio::spawn(async move {
            // Ends, and with it every connection, when the server is dropped.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                lock(&state).connections += 1;
                connections.spawn(Connection::new(stream, None, state.clone()).serve());
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

    /// Gives this reply to every request whose path begins so.
    pub fn at(&self, path: &str, reply: Reply) {
        lock(&self.shared).places.push((path.to_owned(), reply));
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared).asked.clone()
    }

    /// What clients said so far on each WebSocket, in the order in which these were opened.
    pub fn said(&self) -> Vec<Vec<String>> {
        lock(&self.shared).said.clone()
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
