//! A piece of work for another thread, and the future of its result. No runtime is needed to wait for it.
use super::fault::Done;
use consort_core::{BoxFuture, Error, ErrorKind};
use futures_channel::oneshot;
use std::path::Path;

/// Work on a database, of any result.
pub(super) trait Work<C: ?Sized>: Send {
    /// Does it, and keeps the result. An error that the whole transaction may have to end for is told.
    fn run(&mut self, connection: &C) -> Result<(), ()>;
    /// Says the result, or what else went wrong meanwhile.
    fn answer(self: Box<Self>, path: &Path, failed: Option<&Error>);
}

struct Call<T, F> {
    work: Option<F>,
    result: Option<Done<T>>,
    to: oneshot::Sender<Result<T, Error>>,
}

/// The work as a thing to be sent, and where its result comes.
pub(super) fn call<'a, C: ?Sized, T: Send + 'static>(
    work: impl FnOnce(&C) -> Done<T> + Send + 'static,
) -> (Box<dyn Work<C>>, BoxFuture<'a, Result<T, Error>>) {
    let (to, from) = oneshot::channel();
    let call = Box::new(Call { work: Some(work), result: None, to });
    (call, Box::pin(async { from.await.unwrap_or_else(|_| Err(gone())) }))
}

fn gone() -> Error {
    Error::new(ErrorKind::Server, "the store was closed before it was done")
}

impl<C: ?Sized, T: Send, F: FnOnce(&C) -> Done<T> + Send> Work<C> for Call<T, F> {
    fn run(&mut self, connection: &C) -> Result<(), ()> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let result = work(connection);
        let failed = result.is_err();
        self.result = Some(result);
        if failed { Err(()) } else { Ok(()) }
    }

    fn answer(self: Box<Self>, path: &Path, failed: Option<&Error>) {
        let result = match (self.result, failed) {
            // Its own failure says more than that of all that was written with it.
            (Some(Err(fault)), _) => Err(fault.of(path)),
            (_, Some(error)) => Err(error.clone()),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(gone()),
        };
        // Nobody may wait for it any more.
        let _ = self.to.send(result);
    }
}
