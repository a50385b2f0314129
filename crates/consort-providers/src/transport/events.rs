//! The events of an answer, as its bytes come: pulled by whoever polls, with nothing in between.
use super::{Answer, Body, Endpoint};
use consort_core::{BoxFuture, Error, ErrorKind, Event, EventStream, Warning};
use consort_wire::Decoder;
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

/// An answer that begins.
pub(crate) struct Opening {
    pub(crate) warnings: Vec<Warning>,
    pub(crate) answer: Answer,
    pub(crate) decoder: Decoder,
}

/// The events of the answer that `opening` will get. Nothing happens before the first poll.
pub(crate) fn events(
    endpoint: Arc<Endpoint>,
    opening: BoxFuture<'static, Result<Opening, Error>>,
) -> EventStream {
    Box::pin(Events { endpoint, stage: Stage::Opening(opening), ready: VecDeque::new(), scratch: Vec::new() })
}

struct Events {
    endpoint: Arc<Endpoint>,
    stage: Stage,
    /// Decoded and not yet asked for.
    ready: VecDeque<Event>,
    scratch: Vec<Event>,
}

enum Stage {
    Opening(BoxFuture<'static, Result<Opening, Error>>),
    Reading(Box<(Body, Decoder)>),
    /// To be told after the events that came before it.
    Failed(Error),
    Over,
}

impl Events {
    /// Does one step towards the next event.
    fn step(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                self.stage = match ready!(opening.as_mut().poll(cx)) {
                    Ok(opening) => {
                        self.ready.extend(opening.warnings.into_iter().map(Event::Warning));
                        Stage::Reading(Box::new((opening.answer.body, opening.decoder)))
                    }
                    Err(error) => Stage::Failed(self.endpoint.complete(error)),
                };
            }
            Stage::Reading(reading) => {
                let (body, decoder) = reading.as_mut();
                let piece = ready!(body.poll(cx));
                let (result, over) = match piece {
                    Some(Ok(bytes)) => (decoder.feed(&bytes, &mut self.scratch), false),
                    Some(Err(error)) => (Err(error), true),
                    None => (decoder.end(&mut self.scratch).map_err(|error| early(body, error)), true),
                };
                if !self.scratch.is_empty() {
                    body.began();
                }
                let finished = self.scratch.iter().any(|event| matches!(event, Event::Finished(_)));
                self.ready.extend(self.scratch.drain(..));
                match result {
                    // After the end nothing can go wrong any more.
                    Err(_) if finished => self.stage = Stage::Over,
                    Err(error) => {
                        let error = self.endpoint.complete(body.mask.error(error));
                        self.stage = Stage::Failed(error);
                    }
                    Ok(()) if over => self.stage = Stage::Over,
                    Ok(()) if finished => {
                        if let Stage::Reading(reading) = std::mem::replace(&mut self.stage, Stage::Over) {
                            reading.0.finish();
                        }
                    }
                    Ok(()) => {}
                }
            }
            Stage::Failed(_) | Stage::Over => {}
        }
        Poll::Ready(())
    }
}

/// An answer that ended before anything came of it is a broken connection: it may be tried again.
fn early(body: &Body, error: Error) -> Error {
    if error.kind() == ErrorKind::Interrupted && !body.has_begun() {
        return Error::new(ErrorKind::Network, "the connection ended before the answer began")
            .request_id(error.vendor_request_id().map(str::to_owned));
    }
    error
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match std::mem::replace(&mut this.stage, Stage::Over) {
                Stage::Over => return Poll::Ready(None),
                Stage::Failed(error) => return Poll::Ready(Some(Err(error))),
                going => this.stage = going,
            }
            ready!(this.step(cx));
        }
    }
}
