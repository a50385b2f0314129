//! Runs what blocks aside, where there is a runtime to run it.
use tokio::runtime::Handle;

/// Runs it on a thread of the runtime, or, where the caller has no runtime, here; nothing when it was stopped.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await.ok(),
        Err(_) => Some(work()),
    }
}
