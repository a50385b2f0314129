//! The traits at the plug boundary: models, and providers of models.
use crate::{
    Accumulator, BoxFuture, BoxStream, ConfigKey, Context, Embedder, Error, Event, Message, ModelCard, Part,
    ProviderCard, RealtimeModel, Request, Response, State, ToolSpec, event::Item,
};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task;

/// The events of one answer, as they come.
pub type EventStream = BoxStream<'static, Item>;

/// What answers.
pub trait Model: Send + Sync {
    fn card(&self) -> &ModelCard;

    /// The one required call. Nothing happens before the stream is polled; dropping it stops the work.
    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream;

    /// The whole answer: a fold over [`stream`](Self::stream).
    fn generate(
        &self,
        request: Arc<Request>,
        context: Context,
    ) -> BoxFuture<'static, Result<Response, Error>> {
        Box::pin(collect(self.stream(request, context)))
    }

    /// How many tokens the request is for this model. An estimate, marked so, unless the model knows better.
    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        _context: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        Box::pin(std::future::ready(Ok(estimate_tokens(request))))
    }
}

/// A source of models.
pub trait Provider: Send + Sync {
    fn card(&self) -> &ProviderCard;

    /// The models it knows of, without asking anybody: quick and offline.
    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>>;

    /// The models it has now, which may mean asking over the network.
    fn discover(&self, _context: Context) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        self.models()
    }

    /// A model by its name at this provider, listed or not. Vendors have more models than any list.
    fn model(&self, _name: &str) -> Option<Arc<dyn Model>> {
        None
    }

    /// The keys that one of its models needs.
    fn needs(&self, _model: &ModelCard) -> Vec<ConfigKey> {
        self.card().keys.iter().filter(|key| key.required).cloned().collect()
    }

    /// The state of one of its models, where that is not the state of all.
    fn state_of(&self, _model: &ModelCard) -> State {
        self.card().state.clone()
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        Vec::new()
    }

    /// An embedder by its name at this provider, listed or not.
    fn embedder(&self, name: &str) -> Option<Arc<dyn Embedder>> {
        self.embedders().into_iter().find(|embedder| embedder.card().name == name)
    }

    /// The models that hold live sessions, without asking anybody.
    fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        Vec::new()
    }

    /// A live model by its name at this provider, listed or not.
    fn realtime_model(&self, name: &str) -> Option<Arc<dyn RealtimeModel>> {
        self.realtime_models().into_iter().find(|model| model.card().name == name)
    }
}

/// A number of tokens, and whether it was counted or guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    pub tokens: u64,
    pub exact: bool,
}

/// Folds a stream of events into the whole answer.
pub async fn collect(mut stream: EventStream) -> Result<Response, Error> {
    let mut fold = Accumulator::default();
    while let Some(event) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        fold.push(event?);
    }
    fold.finish()
}

/// A stream of events that are known already.
pub fn events_of(events: impl IntoIterator<Item = Event>) -> EventStream {
    Box::pin(Ready(events.into_iter().collect()))
}

struct Ready(VecDeque<Event>);

impl Stream for Ready {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> task::Poll<Option<Item>> {
        task::Poll::Ready(self.0.pop_front().map(Ok))
    }
}

/// A guess at a request's tokens: four characters a token, one for scripts that are written without spaces.
pub fn estimate_tokens(request: &Request) -> TokenCount {
    /// What a message costs beside its words.
    const PER_MESSAGE: u64 = 4;
    let mut quarters = 0;
    for part in request
        .instructions
        .iter()
        .chain(request.messages.iter().flat_map(|message: &Message| &message.parts))
    {
        quarters += quarters_of(part);
    }
    for tool in &request.tools {
        if let ToolSpec::Function(function) = tool {
            quarters += text_quarters(&function.name) + text_quarters(&function.description);
            quarters += text_quarters(&function.parameters.to_string());
        }
    }
    TokenCount { tokens: quarters.div_ceil(4) + PER_MESSAGE * request.messages.len() as u64, exact: false }
}

fn quarters_of(part: &Part) -> u64 {
    use crate::Body;
    /// What vendors charge for a middling image, and a fair guess for other media.
    const MEDIA: u64 = 800 * 4;
    match &part.body {
        Body::Text { text, .. } | Body::Reasoning { text, .. } | Body::Refusal { text } => {
            text_quarters(text)
        }
        Body::Media(_) => MEDIA,
        Body::ToolCall(call) => text_quarters(&call.name) + text_quarters(call.arguments.raw()),
        Body::ToolResult(result) => result.content.iter().map(quarters_of).sum(),
        Body::Native { value, .. } => text_quarters(&value.to_string()),
    }
}

fn text_quarters(text: &str) -> u64 {
    text.chars().map(|c| if ('\u{2e80}'..='\u{d7ff}').contains(&c) || c > '\u{ffff}' { 4 } else { 1 }).sum()
}
