//! The user's wish to stop: Ctrl+C, a closed terminal, or a word from whoever started the program. Whoever hears it can
//! still end what plugins started.
use consort_core::Error;
use std::future::Future;
use tokio::runtime::Runtime;

/// Returns when somebody wants the program to stop.
pub(crate) async fn asked() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Where a signal cannot be listened to, it does what it always did.
        let listen = |kind| async move {
            match signal(kind) {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = listen(SignalKind::interrupt()) => {}
            () = listen(SignalKind::terminate()) => {}
            () = listen(SignalKind::hangup()) => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for something that takes its time, unless the user stops it.
pub(crate) fn wait_for<T>(
    runtime: &Runtime,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = asked() => Err(Error::cancelled()),
            done = work => done,
        }
    })
}
