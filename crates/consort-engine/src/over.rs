//! When a run must end before its work is done: it is stopped, or its time is over.
use consort_core::{Context, Error, Phase};

/// Waits until then, and says why.
pub(crate) async fn over(context: &Context) -> Error {
    let deadline = async {
        match context.remaining() {
            Some(left) => context.clock.sleep(left).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = context.cancel.cancelled() => Error::cancelled(),
        () = deadline => Error::timeout(Phase::Deadline, "the time for the whole answer is over"),
    }
}
