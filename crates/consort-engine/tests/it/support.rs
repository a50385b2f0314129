//! A model that plays a script, and an engine on a store in memory.
use consort_core::{
    Context, Delta, Error, Event, EventStream, FinishReason, Model, ModelCard, Part, PartKey, PartKind,
    Request, Usage,
};
use consort_engine::{Ask, Engine, Envelope, Outcome, Place, Run, What};
use consort_store::{ConversationId, MemoryStore, NewConversation, Store, Turn};
use futures_util::{StreamExt, stream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One step of an answer.
#[derive(Clone)]
pub(crate) enum Step {
    Say(&'static str),
    Think(&'static str),
    Call(&'static str, &'static str, &'static str),
    Wait(Duration),
    Fail(Error),
    Used(u64, u64),
    /// Nothing more comes, and the stream stays open.
    Hang,
    /// The stream ends without an end.
    Vanish,
}

/// Plays one script for each time that it is asked, the last one again and again.
pub(crate) struct Scripted {
    pub(crate) card: ModelCard,
    scripts: Mutex<Vec<Vec<Step>>>,
    pub(crate) asked: Mutex<Vec<Arc<Request>>>,
}

impl Scripted {
    pub(crate) fn new(scripts: Vec<Vec<Step>>) -> Arc<Self> {
        Self::with(ModelCard::new("test", "model"), scripts)
    }

    pub(crate) fn with(card: ModelCard, mut scripts: Vec<Vec<Step>>) -> Arc<Self> {
        scripts.reverse();
        Arc::new(Self { card, scripts: Mutex::new(scripts), asked: Mutex::default() })
    }

    pub(crate) fn requests(&self) -> Vec<Arc<Request>> {
        self.asked.lock().unwrap().clone()
    }
}

impl Model for Scripted {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, _: Context) -> EventStream {
        self.asked.lock().unwrap().push(request);
        let mut scripts = self.scripts.lock().unwrap();
        let script = if scripts.len() > 1 { scripts.pop().unwrap() } else { scripts[0].clone() };
        stream::iter(play(script)).then(timed).boxed()
    }
}

enum Played {
    Event(Event),
    Error(Error),
    Wait(Duration),
    Hang,
}

async fn timed(played: Played) -> Result<Event, Error> {
    match played {
        Played::Event(event) => Ok(event),
        Played::Error(error) => Err(error),
        Played::Wait(time) => {
            tokio::time::sleep(time).await;
            Ok(Event::Native { value: serde_json::Value::Null })
        }
        Played::Hang => std::future::pending().await,
    }
}

fn play(script: Vec<Step>) -> Vec<Played> {
    let mut played = vec![Played::Event(Event::Started { model: Some("model-1".into()), response_id: None })];
    let mut calls = false;
    for (at, step) in script.into_iter().enumerate() {
        let part = PartKey(at as u32);
        let mut whole = |kind: PartKind, delta: Delta| {
            played.push(Played::Event(Event::PartStart { part, choice: 0, kind }));
            played.push(Played::Event(Event::PartDelta { part, delta }));
            played.push(Played::Event(Event::PartEnd { part }));
        };
        match step {
            Step::Say(text) => whole(PartKind::Text, Delta::Text(text.into())),
            Step::Think(text) => whole(PartKind::Reasoning { redacted: false }, Delta::Text(text.into())),
            Step::Call(id, name, arguments) => {
                calls = true;
                let kind = PartKind::ToolCall { id: id.into(), name: name.into() };
                whole(kind, Delta::Arguments(arguments.into()));
            }
            Step::Used(input, output) => played.push(Played::Event(Event::Usage(Usage {
                input: Some(input),
                output: Some(output),
                ..Usage::default()
            }))),
            Step::Wait(time) => played.push(Played::Wait(time)),
            Step::Fail(error) => {
                played.push(Played::Error(error));
                return played;
            }
            Step::Hang => {
                played.push(Played::Hang);
                return played;
            }
            Step::Vanish => return played,
        }
    }
    let reason = if calls { FinishReason::ToolCalls } else { FinishReason::Stop };
    played.push(Played::Event(Event::Finished(reason.into())));
    played
}

/// An engine with one conversation.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) conversation: ConversationId,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::default())).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        let conversation = store.create(NewConversation::default()).await.unwrap().id;
        Self { engine: Engine::new(store.clone()), store, conversation }
    }

    pub(crate) fn ask(&self, model: &Arc<Scripted>, text: &str) -> Ask {
        Ask::new(self.conversation, model.clone(), vec![Part::text(text)])
    }

    pub(crate) fn again(&self, model: &Arc<Scripted>) -> Ask {
        Ask::again(self.conversation, model.clone(), Place::Tip)
    }

    pub(crate) async fn run(&self, ask: Ask) -> (Outcome, Vec<Arc<Envelope>>) {
        let run = self.engine.start(ask).await.unwrap();
        let outcome = run.done().await;
        (outcome, all(&run).await)
    }

    /// The branch that is shown.
    pub(crate) async fn branch(&self) -> Vec<Turn> {
        let tip = self.store.conversation(self.conversation).await.unwrap().unwrap().tip;
        self.store.path(tip.unwrap()).await.unwrap()
    }
}

/// All that happened in a run that is over.
pub(crate) async fn all(run: &Run) -> Vec<Arc<Envelope>> {
    let mut events = run.events(0);
    let mut found = Vec::new();
    while let Some(envelope) = events.next().await {
        found.push(envelope);
    }
    found
}

/// The kinds of what happened, in order, pieces of answers left out.
pub(crate) fn kinds(envelopes: &[Arc<Envelope>]) -> Vec<String> {
    let told = envelopes.iter().filter(|envelope| envelope.what.event().is_none());
    told.map(|envelope| serde_json::to_value(envelope.as_ref()).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn notices(envelopes: &[Arc<Envelope>]) -> Vec<String> {
    let notice = |envelope: &Arc<Envelope>| match &envelope.what {
        What::Notice { warning } => Some(warning.message.clone()),
        _ => None,
    };
    envelopes.iter().filter_map(notice).collect()
}
