//! Hooks: a layer around a model that sees each request before it and each answer behind it.
use consort_core::{
    Accumulator, BoxFuture, Context, Error, Event, EventStream, Model, ModelCard, Request, Response, Shrink,
    TokenCount,
};
use futures_util::{StreamExt, TryFutureExt, stream};
use std::sync::Arc;

type Before = dyn Fn(Request, Context) -> BoxFuture<'static, Result<Request, Error>> + Send + Sync;
type After = dyn Fn(Arc<Response>, Context) -> BoxFuture<'static, Result<(), Error>> + Send + Sync;

/// What is called around each call of a model, in the order in which it was added.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) before: Vec<Arc<Before>>,
    pub(super) after: Vec<Arc<After>>,
}

impl Hooks {
    /// The model with these hooks around it.
    pub(super) fn around(self, model: Arc<dyn Model>) -> Arc<dyn Model> {
        if self.before.is_empty() && self.after.is_empty() {
            return model;
        }
        Arc::new(Hooked { model, hooks: Arc::new(self) })
    }

    async fn before(&self, request: Arc<Request>, context: &Context) -> Result<Arc<Request>, Error> {
        if self.before.is_empty() {
            return Ok(request);
        }
        let mut request = Arc::unwrap_or_clone(request);
        for hook in &self.before {
            request = hook(request, context.clone()).await?;
        }
        Ok(Arc::new(request))
    }

    async fn after(&self, response: Response, context: &Context) -> Result<(), Error> {
        let response = Arc::new(response);
        for hook in &self.after {
            hook(response.clone(), context.clone()).await?;
        }
        Ok(())
    }
}

struct Hooked {
    model: Arc<dyn Model>,
    hooks: Arc<Hooks>,
}

impl Model for Hooked {
    fn card(&self) -> &ModelCard {
        self.model.card()
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        let (model, hooks) = (self.model.clone(), self.hooks.clone());
        let plain = Context { shrink: None, ..context.clone() };
        let opening = {
            let (hooks, plain) = (hooks.clone(), plain.clone());
            async move {
                let sent = hooks.before(request.clone(), &plain).await?;
                let shrink = context.shrink.clone().map(|below| {
                    Arc::new(HookedShrink { below, hooks, request, context: plain }) as Arc<dyn Shrink>
                });
                Ok::<_, Error>(model.stream(sent, Context { shrink, ..context }))
            }
        };
        let events = opening.try_flatten_stream().boxed();
        if hooks.after.is_empty() {
            return events;
        }
        let watched = Watched { events, fold: Accumulator::default(), hooks, context: plain, over: false };
        stream::unfold(watched, |mut watched| async move { Some((watched.next().await?, watched)) }).boxed()
    }

    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        context: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        self.model.count_tokens(request, context)
    }
}

/// Folds an answer, and shows it to the hooks before its end is told.
struct Watched {
    events: EventStream,
    fold: Accumulator,
    hooks: Arc<Hooks>,
    context: Context,
    over: bool,
}

impl Watched {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        if self.over {
            return None;
        }
        let item = self.events.next().await?;
        let Ok(event) = &item else { return Some(item) };
        self.fold.push(event.clone());
        if matches!(event, Event::Finished(_)) {
            let response = std::mem::take(&mut self.fold).partial();
            if let Err(error) = self.hooks.after(response, &self.context).await {
                self.over = true;
                return Some(Err(error));
            }
        }
        Some(item)
    }
}

/// A smaller request passes the hooks as the first one did.
struct HookedShrink {
    below: Arc<dyn Shrink>,
    hooks: Arc<Hooks>,
    /// As it was before the hooks: they would change it twice.
    request: Arc<Request>,
    context: Context,
}

impl Shrink for HookedShrink {
    fn shrink<'a>(&'a self, request: &'a Request, limit: Option<u64>) -> BoxFuture<'a, Option<Arc<Request>>> {
        Box::pin(async move {
            // Who asks may have put another model's name in it.
            let plain = Request { model: request.model.clone(), ..Request::clone(&self.request) };
            let smaller = self.below.shrink(&plain, limit).await?;
            self.hooks.before(smaller, &self.context).await.ok()
        })
    }
}
