//! A proxy that stands for the whole internet: whatever host it is to connect to, it answers itself, with a
//! certificate for that host.
use crate::authority::Authority;
use crate::connection::{Asked, Connection, Shared, lock};
use crate::reply::Reply;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A proxy on a loopback port. A client reaches it by `HTTPS_PROXY`, and trusts it by `SSL_CERT_FILE`. What is
/// said inside the tunnels is answered as by a [`FakeServer`](crate::FakeServer), plain requests by `HTTP_PROXY`
/// too. Dropping it stops it.
pub struct TlsProxy {
    address: std::net::SocketAddr,
    inside: Arc<Inside>,
    task: tokio::task::JoinHandle<()>,
}

struct Inside {
    authority: Authority,
    shared: Arc<Mutex<Shared>>,
    tunnels: Mutex<Vec<Asked>>,
}

impl TlsProxy {
    /// Starts a proxy that gives these replies in turn, whichever host is asked.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inside = Arc::new(Inside {
            authority: Authority::new()?,
            shared: Shared::new(replies),
            tunnels: Mutex::default(),
        });
        let state = inside.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                lock(&state.shared).connections += 1;
                // A client that does not trust us is no fault of ours: the test sees it at the client.
                connections.spawn(serve(stream, state.clone()));
            }
        });
        Ok(Self { address, inside, task })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `https://127.0.0.1:PORT`: the same proxy for those who encrypt the way to it, and a plain server with a
    /// certificate for those who ask it and nobody else.
    pub fn secure_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate that a client must trust, in PEM form. It is there as long as the proxy is.
    pub fn ca_file(&self) -> &Path {
        self.inside.authority.file()
    }

    /// Queues a reply.
    pub fn reply(&self, reply: Reply) {
        lock(&self.inside.shared).replies.push_back(reply);
    }

    /// Gives this reply to every request whose path begins so, on any host.
    pub fn at(&self, path: &str, reply: Reply) {
        lock(&self.inside.shared).places.push((path.to_owned(), reply));
    }

    /// The requests so far, decrypted, each with the host that it was for.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.inside.shared).asked.clone()
    }

    /// The tunnels that were asked for, also those that the client gave up: their `path` is `HOST:PORT`.
    pub fn tunnels(&self) -> Vec<Asked> {
        lock(&self.inside.tunnels).clone()
    }

    /// What clients said so far on each WebSocket, in the order in which these were opened.
    pub fn said(&self) -> Vec<Vec<String>> {
        lock(&self.inside.shared).said.clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        lock(&self.inside.shared).connections
    }
}

impl std::fmt::Debug for TlsProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsProxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The first byte of a client that speaks TLS from the start.
const HANDSHAKE: u8 = 22;

async fn serve(stream: TcpStream, inside: Arc<Inside>) -> io::Result<()> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    let shared = inside.shared.clone();
    if first[0] == HANDSHAKE {
        let server = inside.authority.server(&stream.local_addr()?.ip().to_string())?;
        let stream = TlsAcceptor::from(server).accept(stream).await?;
        return talk(Connection::new(stream, None, shared), &inside).await;
    }
    talk(Connection::new(stream, None, shared), &inside).await
}

async fn talk<S>(mut line: Connection<S>, inside: &Inside) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(asked) = line.next().await {
        if asked.method == "CONNECT" {
            return tunnel(line, asked, inside).await;
        }
        if !line.answer(asked).await {
            break;
        }
    }
    Ok(())
}

async fn tunnel<S>(mut line: Connection<S>, asked: Asked, inside: &Inside) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let to = asked.path.clone();
    lock(&inside.tunnels).push(asked);
    let host = to.rsplit_once(':').map_or(to.as_str(), |(host, _)| host);
    let server = inside.authority.server(host.trim_matches(['[', ']']))?;
    line.write(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    let stream = TlsAcceptor::from(server).accept(line.stream).await?;
    Connection::new(stream, Some(to), inside.shared.clone()).serve().await;
    Ok(())
}
