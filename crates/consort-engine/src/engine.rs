//! The engine: a store, a bus, and the runs that are alive.
use crate::bus::Bus;
use crate::context::{ANSWER, Budget, Counter, Counts, Windows, summary, view};
use crate::envelope::What;
use crate::run::{Ask, Branch, Journal, Place, Run, RunId, RunState, Who, drive};
use consort_core::{
    Cancel, Context, Error, ErrorKind, Model, ModelCard, Part, Request, Role, estimate_tokens,
};
use consort_store::{Conversation, ConversationId, NewTurn, Store, Turn, TurnId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps conversations in a store, and runs models on them. Clones share all of it.
///
/// It must be used within a tokio runtime: runs are tasks of it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) windows: Arc<Windows>,
    bus: Bus,
    pub(crate) counter: Counter,
    runs: Mutex<HashMap<RunId, Run>>,
    /// The conversations that a summary is being written of.
    summarised: Mutex<HashSet<ConversationId>>,
    #[cfg(unix)]
    feed: std::sync::OnceLock<crate::Feed>,
}

impl Engine {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::with_bus(store, Bus::default())
    }

    /// An engine on a bus of the caller's own.
    pub fn with_bus(store: Arc<dyn Store>, bus: Bus) -> Self {
        Self(Arc::new(Inner {
            store,
            windows: Arc::default(),
            bus,
            counter: Counter::default(),
            runs: Mutex::default(),
            summarised: Mutex::default(),
            #[cfg(unix)]
            feed: std::sync::OnceLock::new(),
        }))
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// All runs' events.
    pub fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// Lets other processes hear of its runs. The first feed stays.
    #[cfg(unix)]
    pub fn feed(&self, feed: crate::Feed) {
        let _ = self.0.feed.set(feed);
    }

    /// The runs that are alive.
    pub fn runs(&self) -> Vec<Run> {
        self.0.runs().values().cloned().collect()
    }

    pub fn run(&self, id: RunId) -> Option<Run> {
        self.0.runs().get(&id).cloned()
    }

    /// Starts a run. The user's words are kept when this returns, or the run tells that they are not.
    pub async fn start(&self, ask: Ask) -> Result<Run, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Setup, "a run needs a tokio runtime to live in"));
        }
        let log = self.log(&ask).await?;
        if ask.input.is_none() && log.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, "there is nothing to answer yet"));
        }
        #[cfg(unix)]
        if let Some(feed) = self.0.feed.get() {
            feed.look(&self.0.bus);
        }
        let card = ask.model.card();
        let who = Who {
            conversation: ask.conversation,
            model: card.id.as_str().into(),
            provider: card.provider.as_str().into(),
            participant: ask.participant.as_deref().map(Into::into),
        };
        let (cancel, bus) = (ask.context.cancel.clone(), self.0.bus.clone());
        let state = Arc::new(RunState::new(who, cancel, ask.watched_once, bus, ask.tools.allowed.clone()));
        let run = Run(state.clone());
        for warning in &ask.notices {
            state.emit(What::Notice { warning: warning.clone() });
        }
        let journal = Journal::new(&self.0.store, ask.history.as_ref());
        let mut branch = Branch { log, journal, run: state, follows: !ask.shown };
        if let Some(input) = &ask.input {
            branch.add(Role::User, input.clone()).await;
        }
        self.0.runs().insert(run.id(), run.clone());
        tokio::spawn(drive(self.0.clone(), ask, branch));
        Ok(run)
    }

    /// What a model would be sent of a log: a guess, that asks nobody. `words` are its instructions.
    pub fn preview(
        &self,
        log: &[Turn],
        card: Option<&ModelCard>,
        window: Option<u64>,
        words: &str,
    ) -> Preview {
        let window = card.map_or(window, |card| self.0.windows.of(card, window));
        let fixed = estimate_tokens(&Request::ask(words)).tokens;
        let answer = card.and_then(|card| card.limits.output).unwrap_or(ANSWER).min(ANSWER);
        let answer = window.map_or(answer, |window| answer.min(window / 2));
        let counts = Counts::guess(log);
        let budget = Budget { window, answer, fixed };
        let seen = view(log, &counts, &[], &budget).map(|view| view.report);
        let (tokens, begins) =
            seen.map_or((counts.total_of(log), None), |report| (report.tokens, report.begins));
        Preview { tokens: tokens + fixed, window, begins: begins.filter(|begins| log[0].id != *begins) }
    }

    /// Keeps what the user says, for one or several models to answer behind it.
    pub async fn say(
        &self,
        conversation: ConversationId,
        place: Place,
        parts: Vec<Part>,
        participant: Option<String>,
    ) -> Result<TurnId, Error> {
        let parent = match place {
            Place::Start => None,
            Place::After(turn) => Some(turn),
            Place::Tip => self.conversation(conversation).await?.tip,
        };
        let turn = NewTurn { participant, ..NewTurn::complete(conversation, parent, Role::User, parts) };
        let id = turn.id;
        self.0.store.begin(turn).await?;
        Ok(id)
    }

    /// The branch that a run goes on.
    async fn log(&self, ask: &Ask) -> Result<Vec<Turn>, Error> {
        if let Some(history) = &ask.history {
            if ask.place != Place::Tip {
                let words = "a conversation that a memory keeps has no branches: it goes on at its end";
                return Err(Error::new(ErrorKind::InvalidRequest, words));
            }
            return history.log(ask.conversation, ask.input.is_some()).await;
        }
        let tip = match ask.place {
            Place::Start => None,
            Place::After(turn) => Some(turn),
            Place::Tip => self.conversation(ask.conversation).await?.tip,
        };
        let Some(tip) = tip else { return Ok(Vec::new()) };
        let log = self.0.store.path(tip).await?;
        if log.last().is_none_or(|turn| turn.conversation != ask.conversation) {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!("this conversation has no turn {tip}"),
            ));
        }
        Ok(log)
    }

    async fn conversation(&self, id: ConversationId) -> Result<Conversation, Error> {
        let found = self.0.store.conversation(id).await?;
        found.ok_or_else(|| Error::new(ErrorKind::InvalidRequest, format!("there is no conversation {id}")))
    }
}

impl Inner {
    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn summarised(&self) -> MutexGuard<'_, HashSet<ConversationId>> {
        self.summarised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each turn takes: a guess where there is plenty of room, else the model's own count.
    pub(crate) async fn counts(
        &self,
        log: &[Turn],
        model: &dyn Model,
        context: &Context,
        budget: &Budget,
    ) -> Counts {
        let guess = Counts::guess(log);
        match budget.available() {
            Some(available) if guess.total_of(log) > available / 2 => {
                self.counter.count(log, model, context).await
            }
            _ => guess,
        }
    }

    pub(crate) fn forget(&self, run: RunId) {
        self.runs().remove(&run);
    }

    /// What is due once a run is over: a summary, where the conversation begins to fill the window.
    pub(crate) async fn after(&self, ask: &Ask, branch: Branch, budget: Option<Budget>) {
        let (Some(summariser), Some(budget)) = (&ask.summariser, budget) else { return };
        let (Some(available), Some(store)) = (budget.available(), branch.journal.whole_in()) else { return };
        let context = Context { cancel: Cancel::default(), tools: None, shrink: None, ..ask.context.clone() };
        let counts = self.counts(&branch.log, ask.model.as_ref(), &context, &budget).await;
        let sizes = counts.sizes(&branch.log);
        let full = summary::Full { log: &branch.log, sizes: &sizes, available };
        if !full.is_due(0) {
            return;
        }
        let Some(_alone) = Summarising::begin(self, ask.conversation) else { return };
        let model = summariser.as_ref();
        let window = self.windows.of(model.card(), ask.window);
        let written = summary::write(summary::Writer { store, model, window, context }, full).await;
        if let Err(error) = written {
            // The view drops what is old instead; the next turn tries again.
            tracing::warn!(conversation = %ask.conversation, "no summary: {error}");
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("runs", &self.0.runs().len()).finish_non_exhaustive()
    }
}

/// A summary that is being written: one at a time for each conversation.
struct Summarising<'a>(&'a Inner, ConversationId);

impl<'a> Summarising<'a> {
    fn begin(engine: &'a Inner, conversation: ConversationId) -> Option<Self> {
        engine.summarised().insert(conversation).then(|| Self(engine, conversation))
    }
}

impl Drop for Summarising<'_> {
    fn drop(&mut self) {
        self.0.summarised().remove(&self.1);
    }
}

/// What a model would be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preview {
    pub tokens: u64,
    /// The model's window, if known.
    pub window: Option<u64>,
    /// The first turn that is sent, where older ones are not.
    pub begins: Option<TurnId>,
}
