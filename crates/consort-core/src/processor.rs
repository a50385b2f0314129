//! Processors: they add context before a request, and may watch what is heard and seen.
use crate::{BoxFuture, Context, Error, Part, Pcm, Request};
use bytes::Bytes;

/// Adds context to requests: a text or an image, made just before the request is sent.
///
/// ```
/// use consort_core::{BoxFuture, Context, Error, Part, Processor, Request};
///
/// struct Weekday;
/// impl Processor for Weekday {
///     fn name(&self) -> &str {
///         "weekday"
///     }
///     fn contribute<'a>(&'a self, _: &'a Request, _: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
///         Box::pin(async { Ok(vec!["Today is Saturday.".into()]) })
///     }
/// }
/// ```
pub trait Processor: Send + Sync {
    fn name(&self) -> &str;

    /// Parts to put before the newest user message.
    fn contribute<'a>(
        &'a self,
        request: &'a Request,
        context: Context,
    ) -> BoxFuture<'a, Result<Vec<Part>, Error>>;

    /// Called for each frame of a live session. It must be quick; work belongs elsewhere.
    fn watch(&self, _frame: &Frame) {}
}

/// What a live session hears or sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Audio { participant: Option<String>, pcm: Pcm },
    Video { participant: Option<String>, mime: String, bytes: Bytes },
}
