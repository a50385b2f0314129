//! A route as a value: targets, and what is around them.
use crate::cache::Cache;
use crate::card::joined;
use crate::engine;
use crate::limit::Limiter;
use crate::plan::Plan;
use crate::registry::Registry;
use crate::settings::{Breaker, Budget, Hedge, Keep, Limits, Order, Retry, Timeouts};
use crate::spend::{Ledger, Spending};
use crate::target::Target;
use consort_core::{BoxFuture, Context, Error, EventStream, Model, ModelCard, Request, TokenCount};
use std::fmt;
use std::sync::Arc;

/// A model made of others. Cheap to clone; clones share limits, breakers and kept answers.
#[derive(Clone)]
pub struct Route {
    card: ModelCard,
    plan: Arc<Plan>,
}

impl Route {
    /// These models, each asked when those before it cannot answer.
    pub fn of<T: Into<Target>>(targets: impl IntoIterator<Item = T>) -> Self {
        let plan = Plan { targets: targets.into_iter().map(Into::into).collect(), ..Plan::default() };
        let card = match plan.targets.as_slice() {
            // A wrapper goes by the name of what it wraps.
            [only] => only.card().clone(),
            several => {
                let names: Vec<&str> = several.iter().map(|target| target.card().name.as_str()).collect();
                let cards: Vec<&ModelCard> = several.iter().map(Target::card).collect();
                joined(&names.join("+"), &cards)
            }
        };
        Self { card, plan: Arc::new(plan) }
    }

    /// The same as the model `route/NAME`.
    pub fn named(mut self, name: &str) -> Self {
        let cards: Vec<&ModelCard> = self.plan.targets.iter().map(Target::card).collect();
        self.card = joined(name, &cards);
        self.card.limits.context = self.window();
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(Arc::make_mut(&mut self.plan));
        self
    }

    pub fn order(self, order: Order) -> Self {
        self.with(|plan| plan.order = order)
    }

    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        self.with(|plan| plan.timeouts = timeouts)
    }

    pub fn retry(self, retry: Retry) -> Self {
        self.with(|plan| plan.retry = Some(retry))
    }

    pub fn breaker(self, breaker: Breaker) -> Self {
        self.with(|plan| plan.breaker = Some(breaker))
    }

    /// How much the route as a whole may be asked.
    pub fn limit(self, limits: Limits) -> Self {
        let limiter = Arc::new(Limiter::new(self.card.id.clone(), limits));
        self.with(|plan| plan.limiters.push(limiter))
    }

    /// The same, counted in the registry, where the route that takes this one's place goes on.
    pub(crate) fn limit_in(self, limits: Limits, registry: &Registry) -> Self {
        let limiter = registry.limiter(&self.card.id, limits);
        self.with(|plan| plan.limiters.push(limiter))
    }

    /// Keeps answers, in memory and for this route alone.
    pub fn keep(self, keep: Keep) -> Self {
        self.with(|plan| plan.cache = Some(Arc::new(Cache::new(keep))))
    }

    /// Keeps answers in the registry, where the route that takes this one's place finds them.
    pub fn keep_in(self, keep: &Keep, registry: &Registry) -> Self {
        let cache = registry.cache(&self.card.id, keep);
        self.with(|plan| plan.cache = Some(cache))
    }

    /// What may be spent. A try of a route among the targets is told to this ledger too: once, where both share it. The
    /// exception is a route that is handed over as `Arc<dyn Model>`: it must not share the ledger.
    pub fn budgets(self, budgets: Vec<Budget>, ledger: Arc<dyn Ledger>) -> Self {
        self.with(|plan| plan.spending = Some(Spending { ledger, budgets }))
    }

    pub fn hedge(self, hedge: Hedge) -> Self {
        self.with(|plan| plan.hedge = Some(hedge))
    }

    /// Models for requests that are too long for the others.
    pub fn when_too_long<T: Into<Target>>(self, targets: impl IntoIterator<Item = T>) -> Self {
        let mut route = self.with(|plan| plan.longer = targets.into_iter().map(Into::into).collect());
        route.card.limits.context = route.window();
        route
    }

    /// What fits somewhere: those that are asked for what is too long count too.
    fn window(&self) -> Option<u64> {
        let least =
            |targets: &[Target]| targets.iter().filter_map(|target| target.card().limits.context).min();
        let unknown = |target: &Target| target.card().limits.context.is_none();
        if self.plan.longer.is_empty() {
            return least(&self.plan.targets);
        }
        if self.plan.longer.iter().any(unknown) {
            return None;
        }
        least(&self.plan.targets)?.max(least(&self.plan.longer)?).into()
    }

    /// Models for what another's filter withheld.
    pub fn when_filtered<T: Into<Target>>(self, targets: impl IntoIterator<Item = T>) -> Self {
        self.with(|plan| plan.unfiltered = targets.into_iter().map(Into::into).collect())
    }

    pub fn targets(&self) -> &[Target] {
        &self.plan.targets
    }

    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.clone()
    }

    pub(crate) fn retries(&self) -> bool {
        self.plan.retry.is_some()
    }

    /// The one target, where nothing else would be lost.
    pub(crate) fn only_target(&self) -> Option<Target> {
        match self.plan.targets.as_slice() {
            [only] if self.plan.is_bare() => Some(only.clone()),
            _ => None,
        }
    }
}

impl Model for Route {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        engine::stream(self.plan(), request, context, Vec::new())
    }

    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        context: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        match self.plan.targets.first() {
            Some(target) => target.model.count_tokens(request, context),
            None => Box::pin(std::future::ready(Ok(consort_core::estimate_tokens(request)))),
        }
    }
}

impl From<Target> for Route {
    fn from(target: Target) -> Self {
        Self::of([target])
    }
}

impl From<Arc<dyn Model>> for Route {
    fn from(model: Arc<dyn Model>) -> Self {
        Self::of([model])
    }
}

impl<M: Model + 'static> From<Arc<M>> for Route {
    fn from(model: Arc<M>) -> Self {
        Self::of([model])
    }
}

/// The same model asked again when it fails in a way that passes.
pub fn retry(model: impl Into<Route>) -> Route {
    model.into().retry(Retry::default())
}

/// These models, each asked when those before it cannot answer.
pub fn fallback<T: Into<Target>>(models: impl IntoIterator<Item = T>) -> Route {
    Route::of(models)
}

/// A model that is asked no more than this. One model keeps its own limit wherever it goes; of several together the
/// limit is the route's.
pub fn limit(model: impl Into<Route>, limits: Limits) -> Route {
    let route = model.into();
    match route.only_target() {
        Some(target) => Route::of([target.limit(limits)]),
        None => route.limit(limits),
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("id", &self.card.id).field("targets", &self.plan.targets).finish()
    }
}
