//! Plugins for tests, and how to ask them.
use consort_core::{Context, EventStream, FinishReason, Model, ModelCard, Request, events_of};
use consort_plugin::testing::Driver;
use consort_plugin::{Plugin, Say, answer};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) type Answer = Result<consort_core::Finish, consort_core::Error>;

/// A model made of a function.
pub(crate) struct By<F> {
    card: ModelCard,
    stream: F,
}

impl<F> By<F> {
    pub(crate) fn new(card: ModelCard, stream: F) -> Self {
        Self { card, stream }
    }
}

impl<F: Fn(Arc<Request>, Context) -> EventStream + Send + Sync> Model for By<F> {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        (self.stream)(request, context)
    }
}

/// A plugin of one model `m`, which answers by this stream.
pub(crate) fn plugin<F>(stream: F) -> Plugin
where
    F: Fn(Arc<Request>, Context) -> EventStream + Send + Sync + 'static,
{
    Plugin::new("Zoo").model(By { card: ModelCard::new("zoo", "m"), stream })
}

/// A plugin of one model `m` that tells its answers.
pub(crate) fn telling<F, W>(tell: F) -> Plugin
where
    F: Fn(Arc<Request>, Context, Say) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = Answer> + Send + 'static,
{
    plugin(move |request, context| {
        let tell = tell.clone();
        answer(move |say| tell(request, context, say))
    })
}

/// A plugin whose model says one word.
pub(crate) fn hello() -> Plugin {
    plugin(|_, _| events_of(consort_core::Event::text_answer("hello")))
}

#[allow(clippy::unnecessary_wraps, reason = "it is what an answer ends with")]
pub(crate) fn stop() -> Answer {
    Ok(FinishReason::Stop.into())
}

/// A driver that shook hands.
pub(crate) fn driver(plugin: Plugin) -> Driver {
    let mut driver = Driver::of_plugin(plugin).unwrap();
    driver.initialize().unwrap();
    driver
}

pub(crate) fn asking(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]})
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One of this crate's examples, built by `cargo test` with the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(built.exists(), "{} is not built: cargo build --examples", built.display());
    built
}
