//! A WebSocket as a server plays it, faults included.
use crate::connection::{Shared, lock};
use futures_util::{SinkExt, StreamExt};
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// One thing that the server does.
#[derive(Debug, Clone)]
pub enum Act {
    Say(String),
    /// The same as bytes.
    Bytes(Vec<u8>),
    /// Listens until the client says something that holds this.
    Hear(&'static str),
    /// Listens for so long.
    Wait(Duration),
    /// Neither reads nor writes.
    Stall(Duration),
    /// Closes with this code and these words, and waits for the client to do so too.
    Close(u16, &'static str),
    /// Is gone, without a word.
    Cut,
    /// Bytes that are no frame.
    Garbage(Vec<u8>),
}

/// The head that makes the connection a WebSocket.
pub(crate) fn accepting(key: &str) -> Vec<u8> {
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

pub(crate) async fn play<S>(stream: &mut S, script: Vec<Act>, shared: &Mutex<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let number = {
        let mut shared = lock(shared);
        shared.said.push(Vec::new());
        shared.said.len() - 1
    };
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    for act in script {
        // A client that is gone needs no more of it.
        let goes_on = match act {
            Act::Say(text) => socket.send(Message::text(text)).await.is_ok(),
            Act::Bytes(bytes) => socket.send(Message::Binary(bytes.into())).await.is_ok(),
            Act::Hear(words) => hear(&mut socket, Some(words), number, shared).await,
            Act::Wait(time) => {
                let listening = hear(&mut socket, None, number, shared);
                tokio::time::timeout(time, listening).await.is_err()
            }
            Act::Stall(time) => {
                tokio::time::sleep(time).await;
                true
            }
            Act::Close(code, reason) => {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                socket.send(Message::Close(Some(frame))).await.is_ok()
            }
            Act::Cut => false,
            Act::Garbage(bytes) => socket.get_mut().write_all(&Bytes::from(bytes)).await.is_ok(),
        };
        if !goes_on {
            return;
        }
    }
    hear(&mut socket, None, number, shared).await;
}

/// Keeps what the client says: until it says these words, or is gone, which is false.
async fn hear<S>(
    socket: &mut WebSocketStream<S>,
    words: Option<&str>,
    number: usize,
    shared: &Mutex<Shared>,
) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let is_it = words.is_some_and(|words| text.contains(words));
        if let Some(said) = lock(shared).said.get_mut(number) {
            said.push(text.to_string());
        }
        if is_it {
            return true;
        }
    }
    false
}
