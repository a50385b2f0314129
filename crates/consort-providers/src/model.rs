//! A hosted model: the uniform call, made of a wire and the transport.
use crate::aside::aside;
use crate::catalogue::{quirks, wire_id};
use crate::tokens;
use crate::transport::{Endpoint, Opening, events, load_media};
use consort_core::{
    BoxFuture, Context, Error, ErrorKind, EventStream, Lack, Model, ModelCard, ModelKind, Request, TokenCount,
};
use consort_wire::{Normalised, Quirks, Wire};
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Handle;

/// A model of a hosted API.
pub struct HostedModel {
    card: ModelCard,
    plan: Arc<Plan>,
}

/// How this model is called.
struct Plan {
    endpoint: Arc<Endpoint>,
    name: String,
}

impl HostedModel {
    pub(crate) fn new(card: ModelCard, endpoint: Arc<Endpoint>) -> Self {
        // Wire and quirks are looked up when they are needed: most models are only listed.
        let plan = Plan { name: card.name.clone(), endpoint };
        Self { card, plan: Arc::new(plan) }
    }

    /// Refuses what the model is known not to take, before anything is sent.
    fn check(&self, request: &Request) -> Result<(), Error> {
        let spec = self.plan.endpoint.spec();
        if self.card.kind == ModelKind::Realtime {
            let message =
                format!("the model {} holds live sessions and answers no questions", self.card.name);
            return Err(
                Error::unsupported(message).hint(format!("talk with it: consort talk {}", self.card.id))
            );
        }
        let cannot = |what: &str, can: &dyn Fn(&crate::ModelSpec) -> bool| {
            let able: Vec<&str> = spec
                .models
                .iter()
                .filter(|entry| !entry.is_pattern() && can(entry))
                .map(|entry| entry.name.as_str())
                .take(4)
                .collect();
            let error = Error::unsupported(format!("the model {} {what}", self.card.name));
            Err(if able.is_empty() {
                error.hint("`consort models` shows what each model can do")
            } else {
                error.hint(format!("these can: {}", able.join(", ")))
            })
        };
        match self.card.lacks(request) {
            None => Ok(()),
            Some(Lack::Reads(modality)) => {
                cannot(&format!("does not read {}", modality.as_str()), &|entry| {
                    entry.input.as_ref().is_some_and(|input| input.contains(&modality))
                })
            }
            Some(Lack::Tools) => cannot("calls no tools", &|entry| entry.tools == Some(true)),
            Some(Lack::Schema) => {
                cannot("cannot answer by a JSON Schema", &|entry| entry.schema == Some(true))
            }
        }
    }
}

impl Plan {
    fn wire(&self) -> Result<(&'static dyn Wire, Quirks), Error> {
        let spec = self.endpoint.spec();
        let id = wire_id(spec, &self.name);
        let wire = consort_wire::wire(id)
            .ok_or_else(|| Error::new(ErrorKind::Setup, format!("no wire is named `{id}`")))?;
        Ok((wire, quirks(spec, &self.name)))
    }

    /// The request as this wire carries it, with this model's name in it. What could not be shown to the
    /// model at all is an error.
    async fn normalised(
        &self,
        wire: &dyn Wire,
        quirks: &Quirks,
        request: Arc<Request>,
    ) -> Result<Normalised, Error> {
        let mut request = Arc::unwrap_or_clone(load_media(request).await?);
        request.model.clone_from(&self.name);
        let normalised = wire.normalise(&request, quirks);
        match normalised.warnings.iter().find(|warning| warning.code == "unsupported") {
            Some(warning) => Err(Error::unsupported(&warning.message)
                .hint("another provider may take it: `consort models` shows what each model reads")),
            None => Ok(normalised),
        }
    }

    async fn open(&self, request: Arc<Request>, context: Context) -> Result<Opening, Error> {
        let (wire, quirks) = self.wire()?;
        let Normalised { request, warnings } = self.normalised(wire, &quirks, request).await?;
        let encoded = wire.write_request(&request, &quirks)?;
        // From here on the request is bytes: the messages need not be held while the answer comes.
        drop(request);
        let answer = self.endpoint.send(encoded, &context).await?;
        let decoder = wire.decoder(answer.head.clone(), &quirks).with_native_events(context.native_events);
        Ok(Opening { warnings, answer, decoder })
    }
}

impl Model for HostedModel {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        let plan = self.plan.clone();
        let checked = self.check(&request);
        events(
            plan.endpoint.clone(),
            Box::pin(async move {
                checked?;
                plan.open(request, context).await
            }),
        )
    }

    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        context: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        let plan = self.plan.clone();
        Box::pin(async move {
            let (wire, quirks) = plan.wire()?;
            let normalised = plan.normalised(wire, &quirks, Arc::new(request.clone())).await?;
            // Nobody is asked without a runtime to ask on.
            if Handle::try_current().is_ok() {
                let counting =
                    tokens::by_vendor(&plan.endpoint, wire, &normalised.request, &quirks, &context);
                if let Some(result) = counting.await {
                    return result;
                }
            }
            if !tokens::reads_a_vocabulary(&plan.name) {
                return Ok(consort_core::estimate_tokens(request));
            }
            let (name, whole) = (plan.name.clone(), request.clone());
            let counted = aside(move || tokens::locally(&name, &whole)).await;
            Ok(counted.unwrap_or_else(|| consort_core::estimate_tokens(request)))
        })
    }
}

impl fmt::Debug for HostedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostedModel").field(&self.card.id).finish()
    }
}
