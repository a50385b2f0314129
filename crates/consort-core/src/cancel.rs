//! Cancellation that needs no runtime.
use event_listener::Event as Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that is thrown once. Clones share it.
///
/// ```
/// # use consort_core::Cancel;
/// let cancel = Cancel::default();
/// let watcher = cancel.clone();
/// cancel.cancel();
/// pollster::block_on(watcher.cancelled());
/// assert!(watcher.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    thrown: AtomicBool,
    signal: Signal,
}

impl Cancel {
    pub fn cancel(&self) {
        self.0.thrown.store(true, Ordering::SeqCst);
        self.0.signal.notify(usize::MAX);
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.thrown.load(Ordering::SeqCst)
    }

    /// Waits until the switch is thrown.
    pub async fn cancelled(&self) {
        loop {
            if self.is_cancelled() {
                return;
            }
            let listener = self.0.signal.listen();
            // Thrown between the check and the listening: the notice would have been missed.
            if self.is_cancelled() {
                return;
            }
            listener.await;
        }
    }
}
