//! One of the models that a route asks.
use crate::engine;
use crate::limit::Limiter;
use crate::plan::Plan;
use crate::registry::Registry;
use crate::route::Route;
use crate::settings::Limits;
use crate::spend::Ledger;
use crate::state::TargetState;
use consort_core::{Context, EventStream, Model, ModelCard, Request};
use std::fmt;
use std::sync::Arc;

/// A model, and how a route may ask it.
#[derive(Clone)]
pub struct Target {
    pub(crate) model: Arc<dyn Model>,
    /// What it does, where it is a route that we know.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) weight: u32,
    pub(crate) self_retrying: bool,
    /// Each must have room: that of its key, and its own.
    pub(crate) limiters: Vec<Arc<Limiter>>,
    pub(crate) state: Arc<TargetState>,
}

impl Target {
    pub fn new(model: Arc<dyn Model>) -> Self {
        Self {
            model,
            plan: None,
            weight: 1,
            self_retrying: false,
            limiters: Vec::new(),
            state: Arc::default(),
        }
    }

    /// How often it is drawn next to the others.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Whether it retries by itself: it is not asked again then.
    pub fn self_retrying(mut self, yes: bool) -> Self {
        self.self_retrying = yes;
        self
    }

    /// How much it may be asked. Several limits hold together.
    pub fn limit(mut self, limits: Limits) -> Self {
        self.limiters.push(Arc::new(Limiter::new(self.card().id.clone(), limits)));
        self
    }

    /// The same with what the registry remembers of it.
    pub fn remembered(mut self, registry: &Registry) -> Self {
        self.state = registry.target(&self.card().id);
        self
    }

    /// How much all targets with the same key (or whatever the name names) may be asked together.
    pub fn limit_shared(mut self, name: &str, limits: Limits, registry: &Registry) -> Self {
        self.limiters.push(registry.limiter(name, limits));
        self
    }

    pub fn card(&self) -> &ModelCard {
        self.model.card()
    }

    pub fn limits(&self) -> impl Iterator<Item = (&str, &Limits)> {
        self.limiters.iter().map(|limiter| (limiter.name(), limiter.limits()))
    }

    /// Its answer. A route among targets tells its tries to these ledgers too.
    pub(crate) fn stream(
        &self,
        request: Arc<Request>,
        context: Context,
        ledgers: &[Arc<dyn Ledger>],
    ) -> EventStream {
        match &self.plan {
            Some(plan) => engine::stream(plan.clone(), request, context, ledgers.to_vec()),
            None => self.model.stream(request, context),
        }
    }

    /// Whose key it uses.
    pub(crate) fn key(&self) -> &str {
        &self.card().provider
    }
}

impl From<Arc<dyn Model>> for Target {
    fn from(model: Arc<dyn Model>) -> Self {
        Self::new(model)
    }
}

impl<M: Model + 'static> From<Arc<M>> for Target {
    fn from(model: Arc<M>) -> Self {
        Self::new(model)
    }
}

/// A route of one target and nothing around it is that target; any other is a model like others.
impl From<Route> for Target {
    fn from(route: Route) -> Self {
        if let Some(target) = route.only_target() {
            return target;
        }
        let (plan, retries) = (route.plan(), route.retries());
        Self { plan: Some(plan), ..Self::new(Arc::new(route)).self_retrying(retries) }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("model", &self.card().id).finish_non_exhaustive()
    }
}
