//! How a reply begins: in its turn, with what the assistant has, behind what was said.
use super::Inner;
use super::ready::Ready;
use super::reply::Reply;
use super::talk::Talk;
use consort_core::{Cancel, Context, Error, ErrorKind, Part, Processor, Request, Role};
use consort_engine::{Ask, History, Place, Recall, Run, Tools, memory_tools};
use consort_store::{NewConversation, Status, Turn};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// What a caller wishes.
pub(super) enum Wish {
    Say(Vec<Part>),
    Again,
    Native(Box<Request>),
}

impl Inner {
    /// Begins a reply. Whatever happens to the one who holds it, its run goes on.
    pub(super) fn reply(self: Arc<Self>, talk: Talk, wish: Wish) -> Reply {
        if tokio::runtime::Handle::try_current().is_err() {
            return Reply::failed(Error::new(ErrorKind::Setup, "a reply needs a tokio runtime to live in"));
        }
        let cancel = Cancel::default();
        let (tell, told) = oneshot::channel();
        let stop = cancel.clone();
        tokio::spawn(async move {
            let turn = self.turn(&talk.key());
            let alone = tokio::select! {
                alone = turn.lock() => alone,
                () = stop.cancelled() => {
                    let _ = tell.send(Err(Error::cancelled()));
                    return;
                }
            };
            match self.start(&talk, wish, stop).await {
                Ok(run) => self.follow(run, tell).await,
                Err(error) => drop(tell.send(Err(error))),
            }
            drop(alone);
        });
        Reply::starting(told, cancel)
    }

    async fn follow(&self, run: Run, tell: oneshot::Sender<Result<Run, Error>>) {
        self.running().insert(run.id(), run.clone());
        // Closed while it began: whoever closes has not seen it.
        if self.closed.load(Ordering::SeqCst) {
            run.stop();
        }
        let _ = tell.send(Ok(run.clone()));
        run.done().await;
        self.running().remove(&run.id());
    }

    async fn start(&self, talk: &Talk, wish: Wish, cancel: Cancel) -> Result<Run, Error> {
        let ready = self.open().await?;
        let mut ask = self.ask(talk, wish)?;
        ask.place = self.place(talk, &ask).await?;
        ask.request.instructions.splice(0..0, ready.instructions.iter().cloned());
        ask.tools = self.tools(talk, &ready)?;
        ask.processors = self.processors(talk);
        ask.notices = ready.notices();
        let native_events = ask.context.native_events || self.setup.context.native_events;
        let context = Context { cancel, native_events, ..self.setup.context.clone() };
        ask.context = match self.setup.limit {
            Some(limit) => context.within(limit),
            None => context,
        };
        self.engine.start(ask).await
    }

    /// What it answers with; an error once it is closed.
    pub(super) async fn open(&self) -> Result<Arc<Ready>, Error> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Setup, format!("the assistant `{}` is closed", self.name))
                .hint("initialise it again"));
        }
        self.ready().await
    }

    /// What is asked, but for what this assistant adds.
    fn ask(&self, talk: &Talk, wish: Wish) -> Result<Ask, Error> {
        let model = self.hooked.clone();
        let mut ask = match wish {
            Wish::Say(parts) if parts.is_empty() => {
                return Err(Error::new(ErrorKind::InvalidRequest, "nothing was said"));
            }
            Wish::Say(parts) => {
                Ask { request: self.setup.request.clone(), ..Ask::new(talk.id(), model, parts) }
            }
            Wish::Again => {
                Ask { request: self.setup.request.clone(), ..Ask::again(talk.id(), model, Place::Tip) }
            }
            // It says itself what it wants.
            Wish::Native(call) => Ask::native(talk.id(), model, *call)?,
        };
        if let Some(speaker) = talk.speaker() {
            ask.participant = Some(speaker.to_owned());
        }
        ask.window = self.setup.window;
        ask.summariser.clone_from(&self.setup.summariser);
        let memory = self.kept.history.clone();
        ask.history = memory.map(|memory| History { memory, conversation: talk.key() });
        Ok(ask)
    }

    /// Behind what it goes on. The conversation is made where it is not there.
    async fn place(&self, talk: &Talk, ask: &Ask) -> Result<Place, Error> {
        if ask.history.is_some() {
            return Ok(Place::Tip);
        }
        let store = self.engine.store();
        let Some(there) = store.conversation(talk.id()).await? else {
            let new = NewConversation { id: Some(talk.id()), ..NewConversation::default() };
            // Where even this is not kept, the run begins at its start and tells so.
            return Ok(if store.create(new).await.is_ok() { Place::Tip } else { Place::Start });
        };
        match there.tip {
            Some(tip) if ask.input.is_none() => Ok(unanswered(&store.path(tip).await?)),
            _ => Ok(Place::Tip),
        }
    }

    pub(super) fn tools(&self, talk: &Talk, ready: &Ready) -> Result<Tools, Error> {
        let mut tools = ready.tools.clone();
        if self.setup.memory_tools && self.kept.records.keeps().records() {
            tools.extend(memory_tools(&self.kept.records, &talk.scope()));
        }
        Ok(Tools::new(tools)?.approval(self.setup.approval).limits(self.setup.limits))
    }

    pub(super) fn processors(&self, talk: &Talk) -> Vec<Arc<dyn Processor>> {
        let mut processors = self.setup.processors.clone();
        if self.setup.recall > 0 && self.kept.records.keeps().records() {
            let recall = Recall::new(self.kept.records.clone(), talk.scope(), self.setup.recall);
            processors.push(Arc::new(recall));
        }
        processors
    }
}

/// Behind what waits for an answer. Answers behind it are left on a branch; one that called tools goes on with them.
fn unanswered(path: &[Turn]) -> Place {
    let goes_on = |turn: &&Turn| {
        let calls = turn.parts.iter().any(|part| part.as_tool_call().is_some());
        turn.role != Role::Assistant || (calls && turn.status == Status::Complete)
    };
    path.iter().rev().find(goes_on).map_or(Place::Tip, |turn| Place::After(turn.id))
}
