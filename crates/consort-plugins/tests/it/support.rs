//! Plugins in a folder of their own, asked as the program asks them.
use consort_core::{
    Accumulator, CloseReason, Context, Error, Model, RealtimeSession, Request, Response, SessionConfig,
    SessionEvent, State,
};
use consort_plugins::found::{Folder, Origin};
use consort_plugins::{Home, Plugin, Plugins};
use consort_settings::{Env, Folders};
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A folder that is everything to one test.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(place.path("plugins")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn plugin(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.path("plugins").join(name), text).unwrap();
        self
    }

    pub(crate) fn open(&self) -> Plugins {
        self.open_with(&[])
    }

    pub(crate) fn open_with(&self, more: &[(&str, &str)]) -> Plugins {
        self.open_as(more, |home| home)
    }

    /// The same, in a home that was made ready in another way.
    pub(crate) fn open_as(&self, more: &[(&str, &str)], ready: impl FnOnce(Home) -> Home) -> Plugins {
        let home = self.0.path().to_string_lossy().into_owned();
        let variables = ["PATH", "CONSORT_PYTHON", "PYENV_ROOT", "HOME"];
        let mut env: Vec<(String, String)> = variables
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
            .collect();
        env.push(("CONSORT_HOME".into(), home));
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let env = Env::of(env);
        let folders = Folders::find(&env);
        let folder = Folder { path: self.path("plugins"), origin: Origin::Flag, trusted: true };
        Plugins::open(
            ready(Home::new(&folders, &env, ["anthropic", "ANTHROPIC_API_KEY"].map(str::to_owned))),
            vec![folder],
        )
        .0
    }
}

/// Whether this machine has Python. Without it the tests that need it say so and pass.
pub(crate) fn has_python() -> bool {
    let found =
        std::process::Command::new("python3").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("skipped: no python3");
    }
    found
}

/// A plugin that keeps to the protocol and does what its prompt says: `raw.py`.
pub(crate) struct Raw {
    pub(crate) place: Place,
    pub(crate) plugins: Plugins,
}

impl Raw {
    /// One with this in its manifest; nothing, and a word, where this machine has no Python.
    pub(crate) fn new(manifest: &str) -> Option<Self> {
        if !has_python() {
            return None;
        }
        let place = Place::new();
        std::fs::write(place.path("raw.py"), include_str!("raw.py")).unwrap();
        let run = format!("run = ['python3', {:?}]\n", place.path("raw.py").display().to_string());
        place.plugin("raw.toml", &format!("protocol = 1\n{run}{manifest}"));
        let plugins = place.open();
        Some(Self { place, plugins })
    }

    pub(crate) fn plugin(&self) -> Arc<Plugin> {
        self.plugins.find("raw").unwrap()
    }

    /// Where what is kept about plugins is.
    pub(crate) fn state(&self) -> PathBuf {
        Folders::find(&Env::of([("CONSORT_HOME", self.place.path("").to_string_lossy().into_owned())]))
            .plugin_state_dir()
    }

    /// What it noted in a file of this name.
    pub(crate) fn noted(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path(name)).unwrap_or_default()
    }

    /// Waits until it was sent this method, and gives the line.
    pub(crate) async fn until_heard(&self, method: &str) -> String {
        let begun = std::time::Instant::now();
        loop {
            let heard = self.noted("heard");
            if let Some(line) = heard.lines().find(|line| line.split(' ').next() == Some(method)) {
                return line.to_owned();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no {method} in {heard}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A drop-in plugin whose answer is made by these lines.
pub(crate) fn drop_in(answer: &str) -> String {
    let body = answer.lines().fold(String::new(), |body, line| body + "        " + line + "\n");
    format!(
        "from llm_utils import LLMClient\n\n\nclass Client(LLMClient):\n    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):\n{body}\n    def count_tokens(self, text):\n        return len(text.split())\n"
    )
}

/// The plugin's first model, once it was looked at.
pub(crate) async fn model(plugin: &Arc<Plugin>) -> Result<Arc<dyn Model>, Error> {
    let learnt = plugin.check().await;
    match learnt.models.first() {
        Some(known) => plugin.model_for(&known.card).await,
        None => Err(plugin.not_ready()),
    }
}

/// Opens a session with the live model of a plugin.
pub(crate) async fn live_with(
    plugins: &Plugins,
    id: &str,
    config: SessionConfig,
    context: Context,
) -> Result<RealtimeSession, Error> {
    let providers = plugins.providers();
    let provider = providers.iter().find(|provider| provider.card().id == id).unwrap();
    provider.realtime_model(id).unwrap().connect(config, context).await
}

pub(crate) async fn live(plugins: &Plugins, id: &str) -> RealtimeSession {
    let opened = live_with(plugins, id, SessionConfig::default(), Context::default()).await;
    opened.unwrap_or_else(|error| panic!("{error} {:?}", plugins.find(id).unwrap().log().lines()))
}

/// The events up to one of this kind, which must come soon.
pub(crate) async fn heard(session: &mut RealtimeSession, until: &str) -> Vec<SessionEvent> {
    let mut all = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), session.events.next());
        let event = next.await.unwrap_or_else(|_| panic!("no {until} behind {all:?}"));
        let event = event.unwrap_or_else(|| panic!("the session ended without {until}: {all:?}"));
        let is_last = event.kind() == until;
        all.push(event);
        if is_last {
            return all;
        }
    }
}

/// Why a session ended.
pub(crate) async fn closed(session: &mut RealtimeSession) -> CloseReason {
    match heard(session, "closed").await.pop() {
        Some(SessionEvent::Closed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn kinds(events: &[SessionEvent]) -> Vec<&'static str> {
    events.iter().map(SessionEvent::kind).collect()
}

/// What came, and how it ended.
pub(crate) struct Outcome {
    pub(crate) answer: Response,
    pub(crate) error: Option<Error>,
}

/// Asks, and keeps what came also where it ends badly.
pub(crate) async fn ask(model: &Arc<dyn Model>, prompt: &str) -> Outcome {
    ask_within(model, prompt, Duration::from_secs(30)).await
}

pub(crate) async fn ask_within(model: &Arc<dyn Model>, prompt: &str, limit: Duration) -> Outcome {
    let mut stream = model.stream(Request::ask(prompt).into(), Context::default().within(limit));
    let mut fold = Accumulator::default();
    let mut error = None;
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        match event {
            Ok(event) => fold.push(event),
            Err(failed) => error = Some(failed),
        }
    }
    Outcome { answer: fold.partial(), error }
}

/// The processes that were started with something below this folder in their command line.
pub(crate) fn processes(below: &Path) -> Vec<u32> {
    let below = below.to_string_lossy().into_owned();
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok())
        .filter(|process| {
            let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&below)
        })
        .collect()
}

/// Waits until none of them is left.
pub(crate) async fn none_left(below: &Path, limit: Duration) {
    let begun = std::time::Instant::now();
    while !processes(below).is_empty() {
        assert!(begun.elapsed() < limit, "left: {:?}", processes(below));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn reason(state: &State) -> String {
    match state {
        State::NeedsSetup { missing } => format!("needs {missing}"),
        State::Broken { reason } | State::Missing { reason } => reason.clone(),
        other => other.word().to_owned(),
    }
}
