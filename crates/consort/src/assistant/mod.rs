//! An assistant: instructions, a model, memory and abilities; text in, a streamed reply out, state kept.
mod ability;
mod builder;
mod health;
mod hooks;
mod instructions;
#[cfg(feature = "voice")]
mod live;
mod ready;
mod reply;
mod start;
mod talk;

pub use ability::{Ability, Toolset};
pub use builder::AssistantBuilder;
pub use health::{Check, Health};
pub use reply::{Failed, Reply, Said};
pub use talk::{Input, Talk};

use builder::Setup;
use consort_core::{Error, Memory, Model, Part, Request};
use consort_engine::{Bus, Engine, Run, RunId};
use ready::Ready;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How long the model may take to show that it is there.
const MODEL: Duration = Duration::from_secs(30);

/// How long anything else may.
const OTHERS: Duration = Duration::from_secs(10);

/// An assistant. Clones are the same one. It must be used within a tokio runtime.
///
/// ```
/// # use consort::{Assistant, Context, Event, EventStream, Model, ModelCard, Request};
/// # use std::sync::Arc;
/// # struct Parrot(ModelCard);
/// # impl Model for Parrot {
/// #     fn card(&self) -> &ModelCard { &self.0 }
/// #     fn stream(&self, request: Arc<Request>, _: Context) -> EventStream {
/// #         consort::events_of(Event::text_answer(&request.last_user_text()))
/// #     }
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let parrot = Arc::new(Parrot(ModelCard::new("zoo", "parrot")));
/// let assistant = Assistant::builder("desk", parrot).instructions("Be brief.").build();
/// assert_eq!(assistant.say("Hello!").await?.text, "Hello!");
/// # Ok::<(), consort::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Assistant(Arc<Inner>);

/// Who keeps what.
struct Kept {
    /// The history, where it is not the engine's store.
    history: Option<Arc<dyn Memory>>,
    records: Arc<dyn Memory>,
}

struct Inner {
    name: String,
    /// Without hooks.
    model: Arc<dyn Model>,
    hooked: Arc<dyn Model>,
    engine: Engine,
    kept: Kept,
    setup: Setup,
    ready: tokio::sync::Mutex<Option<Arc<Ready>>>,
    /// One reply at a time in each conversation.
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    running: Mutex<HashMap<RunId, Run>>,
    closed: AtomicBool,
}

impl Assistant {
    pub fn builder(name: impl Into<String>, model: Arc<dyn Model>) -> AssistantBuilder {
        AssistantBuilder::new(name.into(), model)
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Reads the instructions and begins the abilities: also those that have begun, so that it takes in what changed.
    /// The first question does it too, where it was not done.
    pub async fn initialise(&self) -> Result<(), Error> {
        let mut ready = self.0.ready.lock().await;
        *ready = Some(Arc::new(Ready::make(&self.0.setup).await?));
        self.0.closed.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Says something in the assistant's own conversation.
    pub fn say(&self, input: impl Into<Input>) -> Reply {
        self.talk("own").say(input)
    }

    /// A conversation by its name, as a caller names it: a user, a channel, an id. The same name is the same conversation,
    /// over restarts too. The id of a conversation of the store is that one.
    pub fn talk(&self, name: impl Into<String>) -> Talk {
        Talk::new(self.clone(), name.into())
    }

    /// All that happens in its replies.
    pub fn bus(&self) -> &Bus {
        self.0.engine.bus()
    }

    /// Whether what it stands on works. The model is asked a question of three words, which may cost a little.
    pub async fn health(&self) -> Health {
        let inner = &self.0;
        let model = Check::within(&inner.model.card().id, MODEL, inner.reach());
        let memory = async {
            let history = inner.kept.history.iter();
            for memory in history.chain([&inner.kept.records]) {
                let check = Check::within(memory.name(), OTHERS, memory.check()).await;
                if !check.ok {
                    return check;
                }
            }
            let first = inner.kept.history.as_ref().unwrap_or(&inner.kept.records);
            Check::of(first.name(), Ok(()))
        };
        let (model, memory) = futures_util::join!(model, memory);
        Health { model, memory, abilities: inner.able().await }
    }

    /// Stops what is being said, keeps it, and ends the abilities. Afterwards it answers only when it is initialised again.
    pub async fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        let running: Vec<Run> = self.0.running().values().cloned().collect();
        for run in &running {
            run.stop();
        }
        for run in &running {
            run.done().await;
        }
        *self.0.ready.lock().await = None;
        for ability in &self.0.setup.abilities {
            // One that hangs keeps nobody from ending.
            let _ = tokio::time::timeout(OTHERS, ability.close()).await;
        }
    }
}

impl Inner {
    fn new(
        name: String,
        model: Arc<dyn Model>,
        hooked: Arc<dyn Model>,
        engine: Engine,
        kept: Kept,
        setup: Setup,
    ) -> Self {
        Self {
            name,
            model,
            hooked,
            engine,
            kept,
            setup,
            ready: tokio::sync::Mutex::default(),
            turns: Mutex::default(),
            running: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// What it answers with, made where it is not there.
    async fn ready(&self) -> Result<Arc<Ready>, Error> {
        let mut ready = self.ready.lock().await;
        if let Some(ready) = ready.as_ref() {
            return Ok(ready.clone());
        }
        let made = Arc::new(Ready::make(&self.setup).await?);
        *ready = Some(made.clone());
        Ok(made)
    }

    /// How each ability is, and the instructions where they cannot be read.
    async fn able(&self) -> Vec<Check> {
        // What was closed is not begun again by a look at it.
        let closed = self.closed.load(Ordering::SeqCst);
        let ready = if closed { Ok(None) } else { self.ready().await.map(Some) };
        let missing = ready.as_ref().ok().and_then(Option::as_ref).map(|ready| ready.missing.as_slice());
        let mut checks = Vec::new();
        for ability in &self.setup.abilities {
            let missed = missing.unwrap_or_default().iter().find(|(name, _)| name == ability.name());
            checks.push(match missed {
                Some((name, error)) => Check::of(name, Err(error.clone())),
                None => Check::within(ability.name(), OTHERS, ability.health()).await,
            });
        }
        checks.extend(ready.err().map(|error| Check::of("instructions and tools", Err(error))));
        checks
    }

    async fn reach(&self) -> Result<(), Error> {
        let mut request = Request::ask("Answer with OK.");
        request.sampling.max_tokens = Some(16);
        request.model.clone_from(&self.model.card().name);
        let context = self.setup.context.clone().within(MODEL);
        self.model.generate(Arc::new(request), context).await.map(drop)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<RunId, Run>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turnstile of one conversation.
    fn turn(&self, conversation: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(conversation).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(conversation.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

impl fmt::Debug for Assistant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assistant")
            .field("name", &self.0.name)
            .field("model", &self.0.model.card().id)
            .finish_non_exhaustive()
    }
}

/// The instructions as parts of a request.
fn part(text: &str) -> Option<Part> {
    let text = text.trim();
    (!text.is_empty()).then(|| Part::text(text))
}
