//! What a run is asked to do.
use crate::memory::History;
use crate::tools::Tools;
use consort_core::{Context, Error, ErrorKind, Model, Part, Processor, Request, Role, Warning};
use consort_store::{ConversationId, TurnId};
use std::fmt;
use std::sync::Arc;

/// What a run is asked to do.
#[derive(Clone)]
pub struct Ask {
    pub conversation: ConversationId,
    pub place: Place,
    /// Who keeps the conversation instead of the engine's store. There is one place in it: its end.
    pub history: Option<History>,
    /// What the user says; nothing where the model goes on from what is there: an answer made anew, a run that was cut.
    pub input: Option<Vec<Part>>,
    pub participant: Option<String>,
    pub model: Arc<dyn Model>,
    /// What each request is made from: instructions, options, sampling, schema. Its messages come from the log.
    pub request: Request,
    pub tools: Tools,
    /// They add context to the newest question, for the model only.
    pub processors: Vec<Arc<dyn Processor>>,
    /// The model's window in tokens where its card knows none.
    pub window: Option<u64>,
    /// Who writes summaries when the conversation begins to fill the window; nobody where absent.
    pub summariser: Option<Arc<dyn Model>>,
    pub context: Context,
    /// Told to whoever watches before anything else: what the caller goes without.
    pub notices: Vec<Warning>,
    /// Names the answers that were asked for side by side.
    pub group: Option<String>,
    /// Whether the branch that it begins is the one that is shown. Otherwise it is only where the conversation's tip is
    /// what it goes on from.
    pub shown: bool,
    /// Whether one alone watches the run, from its beginning: what it has seen need not be held for others.
    pub watched_once: bool,
}

/// Where in the conversation it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    /// Behind the leaf that is shown.
    #[default]
    Tip,
    /// Behind this turn: a branch, where something follows it already.
    After(TurnId),
    /// At the very beginning: a branch of the whole conversation.
    Start,
}

impl Ask {
    /// Asks a model to answer this, behind what was said last.
    pub fn new(conversation: ConversationId, model: Arc<dyn Model>, input: Vec<Part>) -> Self {
        Self { input: Some(input), ..Self::again(conversation, model, Place::Tip) }
    }

    /// Makes a vendor's own call, as its wire reads it: what its one user message says is said, all else of it goes
    /// along with what the conversation holds, and the vendor's own events come beside the others.
    pub fn native(conversation: ConversationId, model: Arc<dyn Model>, call: Request) -> Result<Self, Error> {
        let mut request = call;
        let mut messages = std::mem::take(&mut request.messages).into_iter();
        let (Some(said), None) = (messages.next().filter(|said| said.role == Role::User), messages.next())
        else {
            let words = "a call in a conversation says one thing, as the user: what was said before is kept";
            return Err(Error::new(ErrorKind::InvalidRequest, words)
                .hint("leave only the newest user message in the call"));
        };
        let mut ask = Self { request, participant: said.name, ..Self::new(conversation, model, said.parts) };
        ask.request.stream = true;
        ask.context.native_events = true;
        Ok(ask)
    }

    /// Asks a model to go on from a turn without anything new.
    pub fn again(conversation: ConversationId, model: Arc<dyn Model>, place: Place) -> Self {
        Self {
            conversation,
            place,
            history: None,
            input: None,
            participant: None,
            model,
            request: Request::new(Vec::new()),
            tools: Tools::default(),
            processors: Vec::new(),
            window: None,
            summariser: None,
            context: Context::default(),
            notices: Vec::new(),
            group: None,
            shown: true,
            watched_once: false,
        }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("conversation", &self.conversation)
            .field("place", &self.place)
            .field("model", &self.model.card().id)
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}
