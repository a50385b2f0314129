//! How an assistant is put together.
use super::ability::Ability;
use super::hooks::Hooks;
use super::{Assistant, Inner, Kept};
use consort_core::{
    BoxFuture, Context, Error, Memory, Model, NoCredentials, Processor, Request, Response, Tool,
};
use consort_engine::{Approval, Engine, StoreMemory, ToolLimits};
use consort_store::{MemoryStore, Store};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How many records are recalled for a question, where nobody says another number.
const RECALLED: usize = 5;

/// What an assistant is made of. Only its name and its model are needed.
pub struct AssistantBuilder {
    pub(super) name: String,
    pub(super) model: Arc<dyn Model>,
    pub(super) setup: Setup,
    hooks: Hooks,
    engine: Option<Engine>,
    memory: Option<Arc<dyn Memory>>,
}

/// What is used as it was given.
pub(super) struct Setup {
    pub(super) instructions: String,
    pub(super) files: Option<PathBuf>,
    pub(super) tools: Vec<Arc<dyn Tool>>,
    pub(super) abilities: Vec<Arc<dyn Ability>>,
    pub(super) processors: Vec<Arc<dyn Processor>>,
    pub(super) recall: usize,
    pub(super) memory_tools: bool,
    pub(super) approval: Approval,
    pub(super) limits: ToolLimits,
    pub(super) request: Request,
    pub(super) summariser: Option<Arc<dyn Model>>,
    pub(super) window: Option<u64>,
    pub(super) context: Context,
    pub(super) limit: Option<Duration>,
}

impl AssistantBuilder {
    pub(super) fn new(name: String, model: Arc<dyn Model>) -> Self {
        let setup = Setup {
            instructions: String::new(),
            files: None,
            tools: Vec::new(),
            abilities: Vec::new(),
            processors: Vec::new(),
            recall: RECALLED,
            memory_tools: false,
            approval: Approval::default(),
            limits: ToolLimits::default(),
            request: Request::new(Vec::new()),
            summariser: None,
            window: None,
            context: context(),
            limit: None,
        };
        Self { name, model, setup, hooks: Hooks::default(), engine: None, memory: None }
    }

    /// Who it is and what it does. A file that is named as `@file.md` takes the place of its name: see
    /// [`files`](Self::files).
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.setup.instructions = instructions.into();
        self
    }

    /// The folder of the files that the instructions name. Nothing outside of it is read.
    pub fn files(mut self, folder: impl Into<PathBuf>) -> Self {
        self.setup.files = Some(folder.into());
        self
    }

    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.setup.tools.push(Arc::new(tool));
        self
    }

    pub fn ability(mut self, ability: impl Ability + 'static) -> Self {
        self.setup.abilities.push(Arc::new(ability));
        self
    }

    /// Adds context to each question, for the model only.
    pub fn processor(mut self, processor: impl Processor + 'static) -> Self {
        self.setup.processors.push(Arc::new(processor));
        self
    }

    /// Called before each call of the model: it may change the request, or refuse it with an error.
    pub fn before<F, Done>(mut self, hook: F) -> Self
    where
        F: Fn(Request, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<Request, Error>> + Send + 'static,
    {
        let hook = move |request, context| Box::pin(hook(request, context)) as BoxFuture<'static, _>;
        self.hooks.before.push(Arc::new(hook));
        self
    }

    /// Called with each whole answer of the model, before its end is told: an error takes the place of the end.
    pub fn after<F, Done>(mut self, hook: F) -> Self
    where
        F: Fn(Arc<Response>, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let hook = move |response, context| Box::pin(hook(response, context)) as BoxFuture<'static, _>;
        self.hooks.after.push(Arc::new(hook));
        self
    }

    /// Keeps conversations and records in a store: while an answer comes, and over restarts where the store is on disk.
    pub fn store(self, store: Arc<dyn Store>) -> Self {
        self.engine(Engine::new(store))
    }

    /// Runs on an engine that others use too: with its store and its bus.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Keeps what it keeps: history, records or both, in the place of the store.
    pub fn memory(mut self, memory: Arc<dyn Memory>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// How many records are put beside a question; 0 for none.
    pub fn recall(mut self, records: usize) -> Self {
        self.setup.recall = records;
        self
    }

    /// Offers the model the tools `remember`, `recall` and `forget`.
    pub fn memory_tools(mut self) -> Self {
        self.setup.memory_tools = true;
        self
    }

    /// Whether tools ask before they run.
    pub fn approval(mut self, approval: Approval) -> Self {
        self.setup.approval = approval;
        self
    }

    /// What tools may take.
    pub fn limits(mut self, limits: ToolLimits) -> Self {
        self.setup.limits = limits;
        self
    }

    /// How long a reply may take, tools and waits included.
    pub fn within(mut self, limit: Duration) -> Self {
        self.setup.limit = Some(limit);
        self
    }

    /// What each request is made from: options, sampling, thinking, a schema.
    pub fn request(mut self, request: Request) -> Self {
        self.setup.request = request;
        self
    }

    /// Writes summaries when a conversation begins to fill the model's window. Without one, the oldest is left out.
    pub fn summariser(mut self, model: Arc<dyn Model>) -> Self {
        self.setup.summariser = Some(model);
        self
    }

    /// The model's window in tokens, where its card knows none.
    pub fn window(mut self, tokens: u64) -> Self {
        self.setup.window = Some(tokens);
        self
    }

    /// What surrounds each call: above all the credentials.
    pub fn context(mut self, context: Context) -> Self {
        self.setup.context = context;
        self
    }

    pub fn build(self) -> Assistant {
        let engine = self.engine.unwrap_or_else(|| Engine::new(Arc::new(MemoryStore::new())));
        let stored = || Arc::new(StoreMemory::new(engine.store().clone())) as Arc<dyn Memory>;
        let kept = match self.memory {
            None => Kept { history: None, records: stored() },
            Some(memory) => {
                let keeps = memory.keeps();
                // One that keeps nothing is asked for to keep nothing.
                let all = keeps == consort_core::Keeps::Nothing;
                Kept {
                    history: (keeps.history() || all).then(|| memory.clone()),
                    records: if keeps.records() || all { memory } else { stored() },
                }
            }
        };
        let hooked = self.hooks.around(self.model.clone());
        Assistant(Arc::new(Inner::new(self.name, self.model, hooked, engine, kept, self.setup)))
    }
}

impl fmt::Debug for AssistantBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssistantBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The clock of the runtime that replies live in, where it is at hand.
fn context() -> Context {
    #[cfg(feature = "providers")]
    let clock = consort_providers::TokioClock;
    #[cfg(not(feature = "providers"))]
    let clock = consort_core::SystemClock;
    Context::new(Arc::new(clock), Arc::new(NoCredentials))
}
