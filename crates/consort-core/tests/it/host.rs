//! A host: models by id, alias, name and search, and what is said when there is none.
use consort_core::{
    BoxFuture, ConfigKey, Context, EmbedRequest, Embedder, Embeddings, Error, Event, EventStream, Host,
    Model, ModelCard, Provider, ProviderCard, Request, State, Tool, events_of,
};
use std::sync::Arc;

/// A model that says its own id.
struct Named(ModelCard);

impl Model for Named {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn stream(&self, _: Arc<Request>, _: Context) -> EventStream {
        events_of(Event::text_answer(&self.0.id))
    }
}

fn named(provider: &str, name: &str) -> Named {
    Named(ModelCard::new(provider, name))
}

/// Two providers, one of them with two models, and an alias.
fn host() -> Host {
    let mut titled = named("zoo", "parrot-large");
    titled.0.title = Some("The Great Macaw".into());
    titled.0.aliases = vec!["macaw".into()];
    let mut host = Host::new().model(named("zoo", "parrot")).model(titled).model(named("farm", "parrot"));
    host = host.model(named("farm", "hen"));
    host.alias("fast", "farm/hen");
    host
}

/// The id of what is found, or the message and hints of the error.
fn found(host: &Host, wanted: &str) -> String {
    match pollster::block_on(host.find(wanted)) {
        Ok(model) => model.card().id.clone(),
        Err(error) => format!("{}: {error} [{}]", error.kind(), error.hints().join("; ")),
    }
}

#[test]
fn a_model_is_found_by_id_alias_and_name() {
    for (wanted, expected) in [
        ("zoo/parrot", "zoo/parrot"),
        ("zoo/parrot-large", "zoo/parrot-large"),
        ("farm/parrot", "farm/parrot"),
        ("hen", "farm/hen"),
        ("fast", "farm/hen"),
        ("macaw", "zoo/parrot-large"),
        (
            "parrot",
            "model_not_found: several providers that are set up have a model `parrot` [say which: `zoo/parrot` or `farm/parrot`]",
        ),
        ("zoo/parot", "model_not_found: no model is named `zoo/parot` [did you mean `zoo/parrot`?]"),
        ("fsat", "model_not_found: no model is named `fsat` [did you mean `fast`?]"),
        ("quite-another", "model_not_found: no model is named `quite-another` []"),
        ("", "model_not_found: no model is named `` []"),
    ] {
        assert_eq!(found(&host(), wanted), expected, "{wanted}");
    }
}

#[test]
fn a_name_is_meant_before_an_alias() {
    let mut other = named("drop", "mine");
    other.0.aliases = vec!["parrot".into()];
    let host = Host::new().model(other).model(named("zoo", "parrot"));
    assert_eq!(found(&host, "parrot"), "zoo/parrot");
}

impl Embedder for Named {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn embed(&self, _: EmbedRequest, _: Context) -> BoxFuture<'_, Result<Embeddings, Error>> {
        Box::pin(std::future::ready(Ok(Embeddings::default())))
    }
}

/// A provider in this state with one model and one embedder.
struct Shop(ProviderCard);

impl Shop {
    fn new(id: &str, state: State) -> Self {
        Self(ProviderCard { state, ..ProviderCard::new(id, id.to_uppercase()) })
    }
}

impl Provider for Shop {
    fn card(&self) -> &ProviderCard {
        &self.0
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        let model: Arc<dyn Model> = Arc::new(named(&self.0.id, "llama"));
        Box::pin(std::future::ready(Ok(vec![model])))
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        vec![Arc::new(named(&self.0.id, "nomic"))]
    }
}

#[test]
fn of_one_provider_with_a_name_twice_its_models_are_told() {
    let twin = |name| {
        let mut model = named("zoo", name);
        model.0.aliases = vec!["bird".into()];
        model
    };
    assert_eq!(
        found(&Host::new().model(twin("hen")).model(twin("owl")), "bird"),
        "model_not_found: several models of `zoo` are called `bird` [say which: `zoo/hen` or `zoo/owl`]"
    );
}

/// What the bare names mean where these providers have them: the model, and the embedder the same.
#[track_caller]
fn check_bare(shops: &[(&str, &State)], expected: &str) {
    let mut host = Host::new();
    for (id, state) in shops {
        host.add(Arc::new(Shop::new(id, (*state).clone())));
    }
    assert_eq!(found(&host, "llama"), expected);
    let embedder = match pollster::block_on(host.find_embedder("nomic")) {
        Ok(embedder) => embedder.card().id.clone(),
        Err(error) => format!("{}: {error} [{}]", error.kind(), error.hints().join("; ")),
    };
    assert_eq!(embedder.replace("nomic", "llama"), expected);
}

#[test]
fn a_bare_name_means_the_one_that_can_be_used() {
    let (ready, local) = (&State::Ready, &State::Unchecked);
    let keyless = &State::NeedsSetup { missing: "A_KEY".into() };
    check_bare(&[("a", keyless)], "a/llama");
    check_bare(&[("a", keyless), ("b", ready), ("c", local)], "b/llama");
    check_bare(&[("a", keyless), ("b", keyless), ("c", local)], "c/llama");
    check_bare(
        &[("a", ready), ("b", ready), ("c", local)],
        "model_not_found: several providers that are set up have a model `llama` [say which: `a/llama` or `b/llama`]",
    );
    check_bare(
        &[("a", keyless), ("b", keyless)],
        "setup: no provider that has the model `llama` is set up [A: set A_KEY; B: set A_KEY; or say which: `a/llama` or `b/llama`]",
    );
    check_bare(
        &[("a", local), ("b", local), ("c", keyless)],
        "setup: each provider that has the model `llama` is not set up, or does not run [A: `a/...`; B: `b/...`; C: set A_KEY; or say which: `a/llama` or `b/llama` or `c/llama`]",
    );
}

#[test]
fn a_model_that_is_added_twice_stands_once_and_the_later_counts() {
    let mut newer = named("zoo", "parrot");
    newer.0.title = Some("newer".into());
    let host = host().model(newer);
    let models = pollster::block_on(host.models());
    assert_eq!(models.len(), 4);
    let parrot = pollster::block_on(host.find("zoo/parrot")).expect("the parrot");
    assert_eq!(parrot.card().title.as_deref(), Some("newer"));
}

/// A provider whose models need a key and are not ready, whatever its card says.
struct Unready(ProviderCard);

impl Provider for Unready {
    fn card(&self) -> &ProviderCard {
        &self.0
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(std::future::ready(Ok(vec![Arc::new(named("zoo", "parrot")) as Arc<dyn Model>])))
    }

    fn needs(&self, _: &ModelCard) -> Vec<ConfigKey> {
        vec![ConfigKey { name: "zoo".into(), ..ConfigKey::default() }]
    }

    fn state_of(&self, _: &ModelCard) -> State {
        State::NeedsSetup { missing: "zoo".into() }
    }
}

#[test]
fn a_model_more_leaves_the_others_as_they_are_and_needs_nothing() {
    let host = Host::new().provider(Unready(ProviderCard::new("zoo", "Zoo"))).model(named("zoo", "macaw"));
    let zoo = host.provider_by_id("zoo").expect("the zoo");
    let (parrot, macaw) = (named("zoo", "parrot").0, named("zoo", "macaw").0);
    assert_eq!(zoo.needs(&parrot).len(), 1);
    assert!(matches!(zoo.state_of(&parrot), State::NeedsSetup { .. }));
    assert!(zoo.needs(&macaw).is_empty());
    assert_eq!(zoo.state_of(&macaw), State::Ready);
}

#[test]
fn search_wants_all_words_and_tells_the_best_first() {
    for (words, expected) in [
        ("parrot", vec!["zoo/parrot", "farm/parrot", "zoo/parrot-large"]),
        ("PARROT zoo", vec!["zoo/parrot", "zoo/parrot-large"]),
        ("great macaw", vec!["zoo/parrot-large"]),
        ("large", vec!["zoo/parrot-large"]),
        ("parrot whale", vec![]),
    ] {
        let found = pollster::block_on(host().search(words));
        let ids: Vec<&str> = found.iter().map(|found| found.model.card().id.as_str()).collect();
        assert_eq!(ids, expected, "{words}");
    }
}

#[test]
fn the_traits_are_objects() {
    let models: Vec<Arc<dyn Model>> = vec![Arc::new(named("zoo", "parrot"))];
    let answer = pollster::block_on(models[0].generate(Request::ask("?").into(), Context::default()));
    assert_eq!(answer.expect("an answer").text(), "zoo/parrot");
    let tools: Vec<Arc<dyn Tool>> = Vec::new();
    assert!(tools.is_empty());
}
