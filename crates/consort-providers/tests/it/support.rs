//! What the tests share: a catalogue that points to the fake server, and short answers.
use consort_core::{Context, Error, Event, EventStream, Model, Provider, Request, Response};
use consort_providers::{Catalogue, KeyChain, TokioClock};
use consort_settings::{Env, Folders, KeyStore, Settings};
use consort_testkit::FakeServer;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const KEY: &str = "sk-test-5ecret-0f-the-t3st";

/// A folder that goes when the test ends.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("consort-providers-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(folder.join("providers")).unwrap();
        Self(folder)
    }

    pub(crate) fn folders(&self) -> Folders {
        Folders { config: self.0.clone(), data: self.0.join("data") }
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> &Self {
        std::fs::write(self.0.join(file), text).unwrap();
        self
    }

    pub(crate) fn catalogue(&self, env: &Env) -> Catalogue {
        Catalogue::load(&self.folders(), env, &Settings::default())
    }

    pub(crate) fn provider(&self, id: &str, env: &Env) -> Arc<dyn Provider> {
        let catalogue = self.catalogue(env);
        assert!(catalogue.problems.is_empty(), "{:?}", catalogue.problems);
        catalogue.providers.into_iter().find(|provider| provider.card().id == id).unwrap()
    }

    /// The context of a call whose key is in the environment.
    pub(crate) fn context(&self, env: &Env) -> Context {
        let chain = KeyChain::new(None, KeyStore::new(self.folders().keys_file()), env.clone());
        Context::new(Arc::new(TokioClock), Arc::new(chain))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A vendor that nobody thought of, at the fake server, with short timers.
pub(crate) struct Acme {
    pub(crate) place: Place,
    pub(crate) env: Env,
    pub(crate) model: Arc<dyn Model>,
}

impl Acme {
    pub(crate) fn new(server: &FakeServer) -> Self {
        Self::with(server, "")
    }

    pub(crate) fn with(server: &FakeServer, more: &str) -> Self {
        Self::at(&server.url(), more)
    }

    pub(crate) fn at(url: &str, more: &str) -> Self {
        let place = Place::new();
        let text = format!(
            "name = \"Acme\"\nwire = \"openai-chat\"\nbase_url = \"{url}/v9\"\nkey_env = [\"ACME_KEY\"]\n\
             timers = {{ connect = 1, first_event = 0.5, idle = 0.5, deadline = 5 }}\n{more}"
        );
        place.write("providers/acme.toml", &text);
        let env = Env::of([("ACME_KEY", KEY)]);
        let model = place.provider("acme", &env).model("brain").unwrap();
        Self { place, env, model }
    }

    pub(crate) fn context(&self) -> Context {
        self.place.context(&self.env)
    }

    pub(crate) fn stream(&self) -> EventStream {
        self.model.stream(Request::ask("Hello").into(), self.context())
    }

    pub(crate) async fn ask(&self) -> Result<Response, Error> {
        consort_core::collect(self.stream()).await
    }
}

/// The next event.
pub(crate) async fn next(stream: &mut EventStream) -> Option<Result<Event, Error>> {
    poll_fn(|cx| stream.as_mut().poll_next(cx)).await
}

/// One chunk of a chat answer.
pub(crate) fn chunk(text: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"model\":\"brain-1\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

/// The end of a chat answer.
pub(crate) const END: &str = "data: {\"id\":\"c1\",\"model\":\"brain-1\",\"choices\":[{\"index\":0,\"delta\":{},\
    \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";

pub(crate) const SSE: &str = "text/event-stream";
