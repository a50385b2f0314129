//! Ends a chat whose terminal is closed: the line editor would go on reading nothing for ever.
use crate::exit;
use crate::setup::runtime;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// An answer that is on its way is stopped by the same signal, and kept, within this time.
const KEEPING: Duration = Duration::from_secs(2);

/// Ends the program some moments after its terminal was closed, or after it was asked to end.
pub(super) fn with_the_terminal() {
    std::thread::spawn(|| {
        let Ok(runtime) = runtime() else { return };
        runtime.block_on(async {
            let (Ok(mut closed), Ok(mut asked)) =
                (signal(SignalKind::hangup()), signal(SignalKind::terminate()))
            else {
                return std::future::pending().await;
            };
            tokio::select! {
                _ = closed.recv() => {}
                _ = asked.recv() => {}
            }
        });
        std::thread::sleep(KEEPING);
        exit::now(exit::INTERRUPTED);
    });
}
