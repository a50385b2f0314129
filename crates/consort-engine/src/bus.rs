//! The event bus: all runs' envelopes, for whoever listens.
use crate::Envelope;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

/// How many envelopes a subscriber may be behind before it misses some.
const BEHIND: usize = 4096;

/// Carries every run's envelopes to every subscriber. Publishing never waits.
#[derive(Debug, Clone)]
pub struct Bus(broadcast::Sender<Arc<Envelope>>);

impl Default for Bus {
    fn default() -> Self {
        Self::with_capacity(BEHIND)
    }
}

impl Bus {
    /// A bus whose subscribers may be this many envelopes behind.
    pub fn with_capacity(behind: usize) -> Self {
        Self(broadcast::channel(behind.max(1)).0)
    }

    pub(crate) fn publish(&self, envelope: Arc<Envelope>) {
        // Nobody listens: nobody misses anything.
        let _ = self.0.send(envelope);
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.0.subscribe())
    }
}

/// One listener of the bus.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<Arc<Envelope>>);

/// What a listener hears.
#[derive(Debug, Clone)]
pub enum Heard {
    Envelope(Arc<Envelope>),
    /// It was too slow: this many envelopes went by.
    Missed(u64),
}

impl Heard {
    /// It as a line of JSON.
    pub fn line(&self) -> String {
        let mut line = match self {
            Self::Envelope(envelope) => serde_json::to_string(envelope).unwrap_or_default(),
            Self::Missed(count) => format!(r#"{{"kind":"missed","count":{count}}}"#),
        };
        line.push('\n');
        line
    }
}

impl Subscription {
    /// The next thing that happens; nothing once the engine is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(envelope) => Some(Heard::Envelope(envelope)),
            Err(RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}
