//! A server that plays recorded sessions.
use super::fault::Fault;
use super::frames::{Recording, What};
use super::play::Play;
use consort_core::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// Plays one recording to every client that connects, whatever the path. Where the recorded connection ended, the next
/// one goes on; else each begins anew.
pub struct Replay {
    pub(super) recording: Recording,
    /// Behind which frame faults happen that say no place.
    middle: usize,
    /// Those that did not happen yet.
    faults: Mutex<Vec<Fault>>,
    delay: Duration,
    next: Mutex<usize>,
    pub(super) tell: Box<dyn Fn(Told) + Send + Sync>,
}

/// What happens on a connection, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A client asks for this path.
    Connected(String),
    Fault(Fault),
    /// All was played, and the place of this one did not come.
    Never(Fault),
    /// The client did not say the like of this in time; the recording goes on without.
    Missing(String),
    /// All was played.
    Over,
    Gone,
}

impl Replay {
    pub fn new(
        recording: Recording,
        faults: impl IntoIterator<Item = Fault>,
        tell: impl Fn(Told) + Send + Sync + 'static,
    ) -> Self {
        let mut all: Vec<Fault> = faults.into_iter().collect();
        let delays =
            all.iter().map(|fault| if let Fault::Delay(time) = fault { *time } else { Duration::ZERO });
        let delay = delays.sum();
        let recording = match all.contains(&Fault::Reorder).then(|| recording.reordered()) {
            Some(other) if order(&other).ne(order(&recording)) => {
                all.retain(|fault| *fault != Fault::Reorder);
                other
            }
            _ => recording,
        };
        all.retain(|fault| !matches!(fault, Fault::Delay(_)));
        Self {
            delay,
            middle: recording.middle(),
            recording,
            faults: Mutex::new(all),
            next: Mutex::new(0),
            tell: Box::new(tell),
        }
    }

    /// Serves whoever connects, until the listener fails or the future is dropped.
    pub async fn serve(self, listener: TcpListener) -> Result<(), Error> {
        let replay = Arc::new(self);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener
                .accept()
                .await
                .map_err(|error| Error::protocol(format!("no more clients can be served: {error}")))?;
            let replay = replay.clone();
            connections.spawn(async move { replay.play(stream).await });
            while connections.try_join_next().is_some() {}
        }
    }

    async fn play(&self, stream: TcpStream) {
        let mut path = String::new();
        #[expect(clippy::result_large_err, reason = "the handshake's own type")]
        let answer = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            path = request.uri().to_string();
            // Browsers' clients offer some, and want one of them.
            let offered = request.headers().get("sec-websocket-protocol");
            let first = offered.and_then(|all| all.to_str().ok()?.split(',').next()?.trim().parse().ok());
            if let Some(first) = first {
                response.headers_mut().insert("sec-websocket-protocol", first);
            }
            Ok(response)
        };
        // Who asks for something else is no client of a session.
        let Ok(socket) = accept_hdr_async(stream, answer).await else { return };
        (self.tell)(Told::Connected(path.split('?').next().unwrap_or_default().to_owned()));
        let from = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Play::new(self, socket).run(from).await;
        let is_last = next >= self.recording.frames.len();
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = if is_last { 0 } else { next };
        (self.tell)(Told::Gone);
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// What goes wrong behind so many frames: each only once.
    pub(super) fn faults_behind(&self, count: usize) -> Vec<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let (due, rest) = faults.iter().partition(|fault| fault.is_behind(count, self.middle));
        *faults = rest;
        due
    }

    /// Tells that all was played, and what should have happened and did not.
    pub(super) fn over(&self) {
        let left = self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        left.into_iter().for_each(|fault| (self.tell)(Told::Never(fault)));
        (self.tell)(Told::Over);
    }
}

/// What comes in which order, whenever it does.
fn order(recording: &Recording) -> impl Iterator<Item = &What> {
    recording.frames.iter().map(|frame| &frame.what)
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("frames", &self.recording.frames.len()).finish_non_exhaustive()
    }
}
