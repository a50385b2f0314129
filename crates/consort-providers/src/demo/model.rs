//! The demo models.
use super::options::Options;
use super::play::Play;
use super::script;
use super::tokens;
use consort_core::{
    BoxFuture, BoxStream, Context, Error, EventStream, Model, ModelCard, Request, TokenCount,
};
use futures_core::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

/// One demo model: a card, and the options that it starts from.
#[derive(Debug)]
pub(super) struct DemoModel {
    card: ModelCard,
    preset: Options,
}

impl DemoModel {
    pub(super) fn new(card: ModelCard, preset: Options) -> Self {
        Self { card, preset }
    }
}

impl Model for DemoModel {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        let (card, preset) = (self.card.clone(), self.preset.clone());
        let begin = move || Play::new(script::steps(&card, &preset, &request), context);
        Box::pin(Late::Waiting(Some(Box::new(begin))))
    }

    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        _context: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        let tokens = tokens::of_request(request);
        Box::pin(std::future::ready(Ok(TokenCount { tokens, exact: true })))
    }
}

/// A stream that is made when it is first polled: before that, nothing happens.
enum Late {
    Waiting(Option<Box<dyn FnOnce() -> Play + Send>>),
    Playing(BoxStream<'static, Result<consort_core::Event, Error>>),
}

impl Stream for Late {
    type Item = Result<consort_core::Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        if let Self::Waiting(begin) = &mut *self {
            let Some(begin) = begin.take() else { return Poll::Ready(None) };
            *self = Self::Playing(Box::pin(begin()));
        }
        match &mut *self {
            Self::Playing(play) => play.as_mut().poll_next(cx),
            Self::Waiting(_) => Poll::Ready(None),
        }
    }
}
