//! A WebSocket to a hosted API, which the HTTP client opens: key, headers, proxy and trust are those of every call.
use super::endpoint::{Endpoint, Manner, error_of};
use super::mask::Mask;
use super::watch::Watch;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use consort_core::{Context, Error, ErrorKind};
use consort_wire::WireRequest;
use futures_core::Stream;
use futures_sink::Sink;
use reqwest::StatusCode;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

/// No vendor sends more in one message.
const LARGEST: usize = 32 * 1024 * 1024;
/// Of each socket, for reading and for writing: sessions are many, and their messages short.
const BUFFER: usize = 16 * 1024;

/// An open WebSocket. Dropping it cuts the connection.
pub struct Socket {
    stream: WebSocketStream<reqwest::Upgraded>,
    endpoint: Arc<Endpoint>,
    mask: Mask,
    /// Nothing can be written any more; the other side may have said why.
    is_mute: bool,
}

/// What comes over a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// Text or bytes: vendors send JSON as either.
    Message(Bytes),
    /// A sign of life.
    Alive,
    /// The connection is over: with this code and these words, or without any.
    Ended { code: Option<u16>, reason: String },
}

impl Endpoint {
    /// Opens a WebSocket at a path below the base URL. An answer that is none is read as any other error.
    pub(crate) async fn socket(self: &Arc<Self>, path: String, context: &Context) -> Result<Socket, Error> {
        if context.cancel.is_cancelled() {
            return Err(self.complete(Error::cancelled()));
        }
        let key = challenge()?;
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", &key),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let request = WireRequest { method: "GET", path, headers, body: Bytes::new() };
        let mut watch = Watch::new(&self.spec().timers, context);
        let exchange = watch.over(self.exchange(request, context, Manner::Upgrade)).await;
        let (response, mask) =
            exchange.and_then(|answer| answer.map_err(error_of)).map_err(|error| self.complete(error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status().as_u16();
            self.whole(self.answer(response, watch, mask)?).await?;
            let message = format!("no live session is opened there (HTTP {status})");
            return Err(self.complete(Error::protocol(message).status(status)));
        }
        let accepted = response.headers().get("sec-websocket-accept");
        if accepted.is_none_or(|accepted| accepted.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes())
        {
            return Err(self.complete(Error::protocol("what answered does not speak WebSocket")));
        }
        let upgraded = response.upgrade().await.map_err(|_| {
            self.complete(Error::new(ErrorKind::Network, "the connection broke before the session opened"))
        })?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        Ok(Socket { stream, endpoint: self.clone(), mask, is_mute: false })
    }
}

/// Sixteen bytes of chance, by which the answer shows that it is one to us.
fn challenge() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Setup, "this machine gives no random numbers"))?;
    Ok(STANDARD.encode(bytes))
}

impl Socket {
    /// Ready when all that was said is on its way.
    pub fn poll_sent(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        if !self.is_mute {
            self.is_mute = ready!(Pin::new(&mut self.stream).poll_flush(cx)).is_err();
        }
        Poll::Ready(())
    }

    /// Says a message; [`poll_sent`](Self::poll_sent) sends it.
    pub fn say(&mut self, message: String) {
        self.write(Message::text(message));
    }

    /// Asks for a sign of life.
    pub fn ping(&mut self) {
        self.write(Message::Ping(Bytes::new()));
    }

    fn write(&mut self, message: Message) {
        if !self.is_mute {
            self.is_mute = Pin::new(&mut self.stream).start_send(message).is_err();
        }
    }

    /// What comes next; behind [`Arrived::Ended`], only that.
    pub fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Arrived> {
        Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(Message::Text(text))) => Arrived::Message(text.into()),
            Some(Ok(Message::Binary(bytes))) => Arrived::Message(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Arrived::Alive,
            Some(Ok(Message::Close(Some(close)))) => Arrived::Ended {
                code: Some(close.code.into()),
                reason: self.mask.text(close.reason.to_string()),
            },
            Some(Err(SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake))) | None => {
                Arrived::Ended { code: None, reason: String::new() }
            }
            Some(Err(SocketError::Protocol(_) | SocketError::Capacity(_) | SocketError::Utf8(_))) => {
                Arrived::Ended { code: None, reason: "what the server sent is no WebSocket message".into() }
            }
            Some(Ok(Message::Close(None)) | Err(_)) => Arrived::Ended { code: None, reason: String::new() },
        })
    }

    /// Says goodbye; ready when that is on its way.
    pub fn poll_close(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        if !self.is_mute {
            self.is_mute = ready!(Pin::new(&mut self.stream).poll_close(cx)).is_err();
        }
        Poll::Ready(())
    }

    /// An error that the session met, as it may be shown: without the key, with its provider and what to do.
    pub fn complete(&self, error: Error) -> Error {
        self.endpoint.complete(self.mask.error(error))
    }

    /// A text without the key. What only looks like one stays: it may be sound.
    pub fn hide(&self, text: String) -> String {
        self.mask.exact(text)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.endpoint).finish()
    }
}
