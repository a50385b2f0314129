//! Answers told step by step: the contract's events in their right order, from a future that says what it has.
use consort_core::{
    Citation, Delta, Error, Event, EventStream, Finish, Media, MediaSource, PartKey, PartKind, Signature,
    Usage, Warning,
};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// The events of an answer that `tell` says step by step.
///
/// Each step is handed on before the next is begun, so that code which blocks between two steps (an HTTP client
/// without a runtime, say) holds nothing back. Nothing happens before the stream is polled; dropping it stops
/// the future at the step where it is.
///
/// ```
/// use consort_core::{FinishReason, collect};
/// use consort_plugin::answer;
///
/// let events = answer(|mut say| async move {
///     say.reasoning("They greeted me.").await;
///     say.text("Good ").await;
///     say.text("morning!").await;
///     Ok(FinishReason::Stop.into())
/// });
/// let answer = pollster::block_on(collect(events)).unwrap();
/// assert_eq!((answer.text().as_str(), answer.parts.len()), ("Good morning!", 2));
/// ```
pub fn answer<F, W>(tell: F) -> EventStream
where
    F: FnOnce(Say) -> W + Send + 'static,
    W: Future<Output = Result<Finish, Error>> + Send + 'static,
{
    let said: Said = Arc::default();
    let say = Say { said: said.clone(), open: None, next: 0, started: false };
    // The closure runs at the first poll, not before.
    let future = Box::pin(async move { tell(say).await });
    Box::pin(Told { said, future: Some(future) })
}

type Said = Arc<Mutex<Queue>>;

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    /// The part that text still goes to; it is ended with the answer.
    open: Option<PartKey>,
    started: bool,
}

fn lock(said: &Said) -> MutexGuard<'_, Queue> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says the steps of one answer.
#[derive(Debug)]
pub struct Say {
    said: Said,
    /// The part that goes on, and what it is.
    open: Option<(PartKey, Sort)>,
    next: u32,
    started: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    Reasoning,
    Refusal,
}

impl Say {
    /// The model that really answers, and the vendor's id of the answer. Before anything else, if at all.
    pub fn model(&mut self, model: impl Into<String>, response_id: Option<String>) -> Step<'_> {
        self.started = true;
        self.step([Event::Started { model: Some(model.into()), response_id }])
    }

    /// A piece of the answer. Text that follows text is one part.
    pub fn text(&mut self, text: &str) -> Step<'_> {
        self.words(Sort::Text, text)
    }

    /// A piece of thinking.
    pub fn reasoning(&mut self, text: &str) -> Step<'_> {
        self.words(Sort::Reasoning, text)
    }

    /// What the model says instead of answering.
    pub fn refusal(&mut self, text: &str) -> Step<'_> {
        self.words(Sort::Refusal, text)
    }

    /// Opaque state of the part that was said last; it comes back with the part. `wire` is the provider's id.
    pub fn signature(&mut self, wire: impl Into<String>, value: impl Into<String>) -> Step<'_> {
        let signature = Signature { wire: wire.into(), value: value.into() };
        self.on_open(Delta::Signature(signature))
    }

    /// Where the text that was said last comes from.
    pub fn citation(&mut self, citation: Citation) -> Step<'_> {
        self.on_open(Delta::Citation(Box::new(citation)))
    }

    /// A whole call of a tool. The host runs it and asks again.
    pub fn tool_call(
        &mut self,
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: &serde_json::Value,
    ) -> Step<'_> {
        let kind = PartKind::ToolCall { id: id.into(), name: name.into() };
        self.whole(kind, Delta::Arguments(arguments.to_string()))
    }

    /// A picture, a sound, a file. One at a path is read now.
    pub fn media(&mut self, media: Media) -> Step<'_> {
        let kind = PartKind::Media { mime: media.mime };
        match media.source {
            MediaSource::Bytes(bytes) => self.whole(kind, Delta::Media(bytes)),
            MediaSource::Url(url) => self.whole(kind, Delta::Url(url)),
            MediaSource::Path(path) => match std::fs::read(&path) {
                Ok(bytes) => self.whole(kind, Delta::Media(bytes.into())),
                Err(error) => {
                    let text = format!("{} could not be read: {error}", path.display());
                    self.warning(text)
                }
            },
            MediaSource::File { .. } => self.warning("a file at a vendor is no media of an answer"),
        }
    }

    /// Token counts so far; the newest count.
    pub fn usage(&mut self, usage: Usage) -> Step<'_> {
        self.step([Event::Usage(usage)])
    }

    /// Something the user should know.
    pub fn warning(&mut self, message: impl Into<String>) -> Step<'_> {
        self.step([Event::Warning(Warning::new("vendor", message))])
    }

    /// The vendor's own event. Only where the context asks for native events.
    pub fn native(&mut self, value: serde_json::Value) -> Step<'_> {
        self.step([Event::Native { value }])
    }

    fn words(&mut self, sort: Sort, text: &str) -> Step<'_> {
        let mut events = Vec::with_capacity(3);
        let key = match self.open {
            Some((key, open)) if open == sort => key,
            _ => {
                let kind = match sort {
                    Sort::Text => PartKind::Text,
                    Sort::Reasoning => PartKind::Reasoning { redacted: false },
                    Sort::Refusal => PartKind::Refusal,
                };
                let key = self.begin(kind, &mut events);
                self.open = Some((key, sort));
                key
            }
        };
        if !text.is_empty() {
            events.push(Event::PartDelta { part: key, delta: Delta::Text(text.to_owned()) });
        }
        self.step(events)
    }

    fn on_open(&mut self, delta: Delta) -> Step<'_> {
        let mut events = Vec::with_capacity(2);
        let key = if let Some((key, _)) = self.open {
            key
        } else {
            let key = self.begin(PartKind::Text, &mut events);
            self.open = Some((key, Sort::Text));
            key
        };
        events.push(Event::PartDelta { part: key, delta });
        self.step(events)
    }

    fn whole(&mut self, kind: PartKind, delta: Delta) -> Step<'_> {
        let mut events = Vec::with_capacity(4);
        let part = self.begin(kind, &mut events);
        events.push(Event::PartDelta { part, delta });
        events.push(Event::PartEnd { part });
        self.step(events)
    }

    /// Ends the part that goes on, and begins another.
    fn begin(&mut self, kind: PartKind, events: &mut Vec<Event>) -> PartKey {
        events.extend(self.open.take().map(|(part, _)| Event::PartEnd { part }));
        let part = PartKey(self.next);
        self.next += 1;
        events.push(Event::PartStart { part, choice: 0, kind });
        part
    }

    fn step(&mut self, events: impl IntoIterator<Item = Event>) -> Step<'_> {
        let mut queue = lock(&self.said);
        if !std::mem::replace(&mut self.started, true) {
            queue.events.push_back(Event::Started { model: None, response_id: None });
        }
        queue.started = true;
        queue.events.extend(events);
        queue.open = self.open.map(|(key, _)| key);
        drop(queue);
        Step { said: &self.said }
    }
}

/// One step, over when it was handed on.
#[derive(Debug)]
#[must_use = "a step is handed on when it is awaited"]
pub struct Step<'a> {
    said: &'a Said,
}

impl Future for Step<'_> {
    type Output = ();

    // No waker is kept: the stream hands the events on, and polls again when it is asked for more.
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if lock(self.said).events.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

struct Told<W> {
    said: Said,
    future: Option<Pin<Box<W>>>,
}

impl<W: Future<Output = Result<Finish, Error>> + Send> Stream for Told<W> {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(event) = lock(&this.said).events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            let Some(future) = &mut this.future else { return Poll::Ready(None) };
            match future.as_mut().poll(cx) {
                Poll::Pending if lock(&this.said).events.is_empty() => return Poll::Pending,
                Poll::Pending => {}
                Poll::Ready(Ok(finish)) => {
                    this.future = None;
                    let mut queue = lock(&this.said);
                    if !std::mem::replace(&mut queue.started, true) {
                        queue.events.push_back(Event::Started { model: None, response_id: None });
                    }
                    let open = queue.open.take();
                    queue.events.extend(open.map(|part| Event::PartEnd { part }));
                    queue.events.push_back(Event::Finished(finish));
                }
                Poll::Ready(Err(error)) => {
                    this.future = None;
                    // A step that was not awaited was not said.
                    lock(&this.said).events.clear();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
