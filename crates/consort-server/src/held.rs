//! Connections that the server holds itself, and talks that are still ending: a server that ends waits for them.
use std::sync::Arc;
use tokio::sync::watch;

/// How many there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds(Arc<watch::Sender<usize>>);

/// One of them, as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold(Holds);

impl Holds {
    pub(crate) fn hold(&self) -> Hold {
        self.0.send_modify(|held| *held += 1);
        Hold(self.clone())
    }

    /// Returns when there is none.
    pub(crate) async fn none_left(&self) {
        // Its sender lives in `self`.
        let _ = self.0.subscribe().wait_for(|held| *held == 0).await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.0.send_modify(|held| *held -= 1);
    }
}
