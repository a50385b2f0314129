//! A stream that is told its items by a future.
use consort_core::{BoxFuture, BoxStream};
use futures_core::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Where a future tells the items of its stream.
pub struct Tell<T>(Arc<Mutex<VecDeque<T>>>);

impl<T> Tell<T> {
    /// Tells an item; it is handed on at the future's next wait.
    pub fn item(&self, item: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(item);
    }
}

impl<T> fmt::Debug for Tell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}

/// A stream of what a future tells. It ends with the future, and nothing happens before it is polled.
///
/// ```
/// # use consort_realtime::voices::told;
/// # use std::pin::pin;
/// let mut numbers = told(|tell| async move {
///     tell.item(1);
///     tell.item(2);
/// });
/// # pollster::block_on(async {
/// let next = std::future::poll_fn(|cx| numbers.as_mut().poll_next(cx)).await;
/// assert_eq!(next, Some(1));
/// # })
/// ```
pub fn told<T, W>(work: impl FnOnce(Tell<T>) -> W) -> BoxStream<'static, T>
where
    T: Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let items = Arc::default();
    let work = work(Tell(Arc::clone(&items)));
    Box::pin(Told { items, work: Some(Box::pin(work)) })
}

struct Told<T> {
    items: Arc<Mutex<VecDeque<T>>>,
    work: Option<BoxFuture<'static, ()>>,
}

impl<T> Stream for Told<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let next =
            |items: &Mutex<VecDeque<T>>| items.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(item) = next(&self.items) {
            return Poll::Ready(Some(item));
        }
        if let Some(work) = &mut self.work
            && work.as_mut().poll(cx).is_ready()
        {
            self.work = None;
        }
        match next(&self.items) {
            None if self.work.is_some() => Poll::Pending,
            item => Poll::Ready(item),
        }
    }
}
