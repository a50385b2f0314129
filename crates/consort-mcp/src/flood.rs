//! What comes and nobody waits for. Of that much is read slowly: a flood costs its writer and not us.
use rmcp::RoleClient;
use rmcp::model::{ClientNotification, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// Counts what nobody waits for.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    bytes: usize,
    until: Option<Instant>,
}

impl Flood {
    pub(crate) fn add(&mut self, bytes: usize) {
        const MOST: usize = 256 << 10;
        /// What a message costs beside its bytes: tasks are started for it.
        const LINE: usize = 512;
        const REST: Duration = Duration::from_millis(100);
        self.bytes += bytes + LINE;
        if self.bytes > MOST {
            self.bytes = 0;
            self.until = Some(Instant::now() + REST);
        }
    }

    /// Waits where too much came. Whoever stops waiting waits for the rest the next time.
    pub(crate) async fn rest(&mut self) {
        if let Some(until) = self.until {
            tokio::time::sleep_until(until).await;
            self.until = None;
        }
    }
}

/// The requests whose answers are due.
#[derive(Debug, Default)]
pub(crate) struct Due(HashSet<RequestId>);

impl Due {
    pub(crate) fn sent(&mut self, message: &TxJsonRpcMessage<RoleClient>) {
        match message {
            JsonRpcMessage::Request(request) => {
                self.0.insert(request.id.clone());
            }
            JsonRpcMessage::Notification(note) => {
                if let ClientNotification::CancelledNotification(cancelled) = &note.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.0.remove(id);
                }
            }
            _ => {}
        }
    }

    /// Whether this answers one of them.
    pub(crate) fn is_answer(&mut self, message: &RxJsonRpcMessage<RoleClient>) -> bool {
        match message {
            JsonRpcMessage::Response(response) => self.0.remove(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref().is_some_and(|id| self.0.remove(id)),
            _ => false,
        }
    }

    pub(crate) fn take(&mut self, id: &RequestId) -> bool {
        self.0.remove(id)
    }

    /// The one request that is open, if it is one.
    pub(crate) fn only(&mut self) -> Option<RequestId> {
        if self.0.len() == 1 { self.0.drain().next() } else { None }
    }
}

/// A transport that is read slowly where what comes is not asked for.
pub(crate) struct Paced<T> {
    inner: T,
    due: Due,
    flood: Flood,
}

impl<T> Paced<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, due: Due::default(), flood: Flood::default() }
    }
}

impl<T: Transport<RoleClient> + 'static> Transport<RoleClient> for Paced<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.due.sent(&item);
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        /// A message's length is not known here; most are short.
        const USUAL: usize = 512;
        self.flood.rest().await;
        let message = self.inner.receive().await?;
        if !self.due.is_answer(&message) {
            self.flood.add(USUAL);
        }
        Some(message)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}
