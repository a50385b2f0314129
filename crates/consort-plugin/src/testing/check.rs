//! The contract test: what a provider must hold to, looked at directly and through the protocol.
use super::run::{Keys, within};
use super::sane::{outside, sane, vectors_fit};
use super::{Report, in_order, live, protocol};
use consort_core::{
    Context, EmbedRequest, Embedder, Error, ErrorKind, Event, FunctionSpec, Model, ModelCard, ModelKind,
    Output, PartKind, Provider, Request, Support, SystemClock, ToolSpec,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long one call may take.
pub(super) const LIMIT: Duration = Duration::from_secs(30);
/// How long a stopped call may take to end. The host waits as long.
pub(super) const STOPPED: Duration = Duration::from_secs(5);

/// Tests whether a provider keeps to the contract, with a prompt of two words and without keys. See [`Check`] for
/// providers that need more.
pub fn check(provider: impl Provider + 'static) -> Report {
    Check::new(provider).run()
}

/// A contract test, and what it is run with.
///
/// A provider of a hosted API is pointed at a server of the test's own before: nothing here goes around that.
#[allow(missing_debug_implementations, reason = "it holds a provider, which has none")]
pub struct Check {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) prompt: String,
    pub(super) keys: BTreeMap<String, String>,
    only: Option<Vec<String>>,
}

impl Check {
    pub fn new(provider: impl Provider + 'static) -> Self {
        let prompt = "Say hello.".to_owned();
        Self { provider: Arc::new(provider), prompt, keys: BTreeMap::new(), only: None }
    }

    /// What is asked.
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = prompt.into();
        self
    }

    /// A key that the provider gets. No message of it may hold this value.
    pub fn key(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.keys.insert(name.into(), value.into());
        self
    }

    /// Asks these models only; the others are looked at, and not asked.
    pub fn models(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    pub fn run(self) -> Report {
        let mut report = Report::default();
        let Some(models) = self.list(&mut report) else { return report };
        for model in &models {
            report
                .add(format!("`{}` has a sane card", model.card().name), sane(model.card(), &self.provider));
        }
        let asked: Vec<_> = models.iter().filter(|model| self.asks(model.card())).collect();
        for model in &asked {
            self.ask(model, &mut report);
        }
        for embedder in self.provider.embedders() {
            let what = format!("`{}` embeds", embedder.card().name);
            report.add(what, self.embed(embedder));
        }
        for model in self.provider.realtime_models() {
            live::check(&self, &model, &mut report);
        }
        let cards: Vec<&ModelCard> = asked.iter().map(|model| model.card()).collect();
        protocol::through(&self, &cards, &mut report);
        report
    }

    fn asks(&self, card: &ModelCard) -> bool {
        let chosen = self.only.as_ref().is_none_or(|only| only.contains(&card.name));
        chosen && card.kind == ModelKind::Chat
    }

    pub(super) fn context(&self) -> Context {
        Context::new(Arc::new(SystemClock), Arc::new(Keys(self.keys.clone())))
    }

    /// The models, as they are listed without keys.
    fn list(&self, report: &mut Report) -> Option<Vec<Arc<dyn Model>>> {
        let provider = self.provider.clone();
        let listed = within(LIMIT, async move { provider.models().await });
        let listed = listed.and_then(|listed| listed.map_err(|error| format!("{error:?}")));
        report.add("models are listed without keys", listed.as_ref().map(|_| ()).map_err(Clone::clone));
        let models = listed.ok()?;
        let mut names = BTreeSet::new();
        let embedders = self.provider.embedders();
        let live = self.provider.realtime_models();
        let cards = models.iter().map(|model| model.card()).chain(embedders.iter().map(|one| one.card()));
        let cards = cards.chain(live.iter().map(|model| model.card()));
        let all = cards.flat_map(|card| std::iter::once(&card.name).chain(&card.aliases));
        let twice: Vec<String> = all.filter(|name| !names.insert((*name).clone())).cloned().collect();
        let unique = if twice.is_empty() { Ok(()) } else { Err(format!("twice: {}", twice.join(", "))) };
        report.add("names and aliases are unique", unique);
        Some(models)
    }

    /// What one model does when it is asked.
    fn ask(&self, model: &Arc<dyn Model>, report: &mut Report) {
        let card = model.card();
        let name = &card.name;
        let answered = self.events(model, self.request());
        report.add(
            format!("`{name}` answers a prompt, in order"),
            match &answered {
                Ok((events, None)) => in_order(events).and_then(|()| self.signed(events)),
                Ok((_, Some(error))) => Err(format!("{error:?}")),
                Err(late) => Err(late.clone()),
            },
        );
        report.add(format!("`{name}` stops when it is cancelled"), self.stopped(model));
        report.add(format!("`{name}` can be dropped half way"), self.dropped(model));
        report.add(format!("`{name}` counts tokens"), self.counted(model));
        if let Some(options) = outside(&card.options) {
            let mut request = self.request();
            request.options = options;
            report.add(format!("`{name}` bears options outside its schema"), self.borne(model, request));
        }
        if card.capabilities.tools == Support::Yes {
            let mut request = self.request();
            let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
            request.tools.push(ToolSpec::Function(FunctionSpec::new("weather", "Of a city", parameters)));
            report.add(format!("`{name}` takes tools"), self.done(model, request));
        }
        if card.capabilities.schema == Support::Yes {
            report.add(format!("`{name}` keeps to a schema"), self.fits_schema(model));
        }
    }

    pub(super) fn request(&self) -> Request {
        Request::ask(&self.prompt)
    }

    /// All that comes, and the error that ends it.
    fn events(
        &self,
        model: &Arc<dyn Model>,
        mut request: Request,
    ) -> Result<(Vec<Event>, Option<Error>), String> {
        request.model.clone_from(&model.card().name);
        let (model, context) = (model.clone(), self.context());
        let read = within(LIMIT, async move {
            let mut stream = model.stream(Arc::new(request), context);
            let mut events = Vec::new();
            while let Some(item) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
                match item {
                    Ok(event) => events.push(event),
                    Err(error) => return (events, Some(error)),
                }
            }
            (events, None)
        })?;
        read.1.as_ref().map_or(Ok(()), |error| self.clean(error))?;
        Ok(read)
    }

    /// An error for people: it says something, and no key.
    pub(super) fn clean(&self, error: &Error) -> Result<(), String> {
        let said = std::iter::once(error.message()).chain(error.hints().iter().map(String::as_str));
        for (name, key) in &self.keys {
            if !key.is_empty() && said.clone().any(|text| text.contains(key.as_str())) {
                return Err(format!("an error holds the key `{name}`"));
            }
        }
        if error.message().trim().is_empty() {
            return Err(format!("an error of the kind {} says nothing", error.kind()));
        }
        Ok(())
    }

    fn done(&self, model: &Arc<dyn Model>, request: Request) -> Result<(), String> {
        match self.events(model, request)? {
            (events, None) => in_order(&events),
            (_, Some(error)) => Err(format!("{error:?}")),
        }
    }

    /// An answer or an error will do, but no panic and no end without a word.
    fn borne(&self, model: &Arc<dyn Model>, request: Request) -> Result<(), String> {
        match self.events(model, request)? {
            (_, Some(error)) if error.kind() == ErrorKind::PluginBug => Err(format!("{error:?}")),
            (_, Some(_)) => Ok(()),
            (events, None) => in_order(&events),
        }
    }

    /// Opaque state comes back under the provider's id, and so must be given under it.
    fn signed(&self, events: &[Event]) -> Result<(), String> {
        let id = &self.provider.card().id;
        for event in events {
            let wire = match event {
                Event::PartDelta { delta: consort_core::Delta::Signature(signature), .. } => &signature.wire,
                Event::PartStart { kind: PartKind::Native { wire, .. }, .. } => wire,
                _ => continue,
            };
            if wire != id {
                return Err(format!(
                    "state is marked `{wire}`, and must be marked with the provider's id `{id}`"
                ));
            }
        }
        Ok(())
    }

    fn stopped(&self, model: &Arc<dyn Model>) -> Result<(), String> {
        let (model, context) = (model.clone(), self.context());
        let mut request = self.request();
        request.model.clone_from(&model.card().name);
        within(STOPPED, async move {
            let cancel = context.cancel.clone();
            let mut stream = model.stream(Arc::new(request), context);
            let first = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
            cancel.cancel();
            if let Some(Ok(_)) = first {
                // A stream that was stopped may end in any way, but it ends.
                while let Some(Ok(_)) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {}
            }
        })
        .map_err(|late| format!("after a cancel, {late}"))
    }

    fn dropped(&self, model: &Arc<dyn Model>) -> Result<(), String> {
        let (model, context) = (model.clone(), self.context());
        let mut request = self.request();
        request.model.clone_from(&model.card().name);
        within(LIMIT, async move {
            let request = Arc::new(request);
            drop(model.stream(request.clone(), context.clone()));
            let mut stream = model.stream(request, context);
            let _ = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
            drop(stream);
        })
    }

    fn counted(&self, model: &Arc<dyn Model>) -> Result<(), String> {
        let (model, context) = (model.clone(), self.context());
        let (short, long) = (Request::ask("one"), Request::ask("one two three four five six ".repeat(20)));
        let counts = within(LIMIT, async move {
            let short = model.count_tokens(&short, context.clone()).await?;
            Ok::<_, Error>((short.tokens, model.count_tokens(&long, context).await?.tokens))
        })?;
        match counts {
            Err(error) => Err(format!("{error:?}")),
            Ok((0, _)) => Err("one word is no token".into()),
            Ok((short, long)) if long <= short => {
                Err(format!("120 words are {long} tokens, and one is {short}"))
            }
            Ok(_) => Ok(()),
        }
    }

    fn fits_schema(&self, model: &Arc<dyn Model>) -> Result<(), String> {
        let schema = json!({
            "type": "object",
            "properties": {"greeting": {"type": "string"}},
            "required": ["greeting"],
            "additionalProperties": false,
        });
        let mut request = self.request();
        let (name, strict) = ("answer".to_owned(), Some(true));
        request.output = Output::Schema { name, description: None, schema: schema.clone(), strict };
        let (events, error) = self.events(model, request)?;
        if let Some(error) = error {
            return Err(format!("{error:?}"));
        }
        let mut fold = consort_core::Accumulator::default();
        events.into_iter().for_each(|event| fold.push(event));
        let text = fold.partial().text();
        let value: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        jsonschema::validate(&schema, &value).map_err(|error| error.to_string())
    }

    fn embed(&self, embedder: Arc<dyn Embedder>) -> Result<(), String> {
        let context = self.context();
        let mut request = EmbedRequest::new(["one", "two words", "and three words"]);
        request.model.clone_from(&embedder.card().name);
        let answer = within(LIMIT, async move { embedder.embed(request, context).await })?;
        let vectors = answer.map_err(|error| format!("{error:?}"))?.vectors;
        vectors_fit(&vectors, 3)
    }
}
