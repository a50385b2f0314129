//! One tab: what it asks for, what it watches, what it is sent.
use super::hub::News;
use super::writer::{Out, write};
use super::{decide, start};
use crate::list::List;
use crate::problem::{Answer, Problem};
use crate::shape;
use crate::state::Shared;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use consort_engine::{Run, RunId, What};
use consort_store::ConversationId;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How many messages wait for a slow tab. Runs wait for it beyond that; news do not.
const WAITING: usize = 256;

/// The largest message of a page: a long text, and attachments are not in it.
const LARGEST: usize = 16 << 20;

/// What a page sends.
#[derive(Debug, Deserialize)]
struct Call {
    id: u64,
    #[serde(flatten)]
    what: Asked,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Asked {
    Watch {
        conversation: ConversationId,
        #[serde(default)]
        runs: HashMap<String, u64>,
    },
    Unwatch {
        conversation: ConversationId,
    },
    Start(Box<start::Start>),
    Stop {
        run: RunId,
    },
    Decide {
        run: RunId,
        call_id: String,
        decision: decide::Said,
        reason: Option<String>,
    },
    Ping {},
}

pub(crate) async fn open(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(LARGEST).on_upgrade(move |socket| Tab::new(shared).live(socket))
}

struct Tab {
    shared: Arc<Shared>,
    to: mpsc::Sender<Out>,
    from: Option<mpsc::Receiver<Out>>,
    /// The list of models that it was sent last.
    list: Option<Arc<List>>,
    /// What follows the runs of each conversation that is watched, and which these are.
    watched: HashMap<ConversationId, (JoinSet<()>, HashSet<RunId>)>,
}

impl Tab {
    fn new(shared: Arc<Shared>) -> Self {
        let (to, from) = mpsc::channel(WAITING);
        Self { shared, to, from: Some(from), list: None, watched: HashMap::new() }
    }

    async fn live(mut self, socket: WebSocket) {
        let (sink, mut stream) = socket.split();
        let Some(from) = self.from.take() else { return };
        let writer = tokio::spawn(write(sink, from));
        let mut news = self.shared.hub.listen();
        let mut revision = self.shared.house.revision();
        let hello = json!({
            "type": "hello", "protocol": 1, "version": env!("CARGO_PKG_VERSION"), "boot": self.shared.boot,
        });
        let mut alive = self.send(hello).await;
        while alive && !writer.is_finished() {
            alive = tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&text).await,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                    Some(Ok(_)) => true,
                },
                news = news.recv() => match news {
                    Ok(news) => self.news(news).await,
                    Err(RecvError::Lagged(_)) => self.behind().await,
                    Err(RecvError::Closed) => false,
                },
                changed = revision.changed() => changed.is_ok() && self.news(News::Models).await,
            };
        }
        writer.abort();
    }

    async fn send(&self, value: Value) -> bool {
        self.to.send(Out::Message(value.to_string().into())).await.is_ok()
    }

    /// Does what the page asks for; false when the tab is gone.
    async fn hear(&mut self, text: &str) -> bool {
        let call: Call = match serde_json::from_str(text) {
            Ok(call) => call,
            Err(error) => {
                // Whoever sent it may wait for its number.
                let id = serde_json::from_str::<Value>(text).ok().and_then(|value| value["id"].as_u64());
                let problem = Problem::wrong(format!("the message cannot be read: {error}"));
                return self.send(json!({"type": "reply", "id": id, "error": problem.error()})).await;
            }
        };
        let id = call.id;
        match self.call(id, call.what).await {
            Some(answer) => self.send(reply(id, answer)).await,
            None => true,
        }
    }

    /// A model may be long in coming: nothing else that the tab asks for waits for it, and it comes when the tab is gone.
    fn start(&self, id: u64, asked: start::Start) {
        let (shared, to) = (self.shared.clone(), self.to.clone());
        tokio::spawn(async move {
            let reply = reply(id, start::start(&shared, asked).await).to_string();
            // Whoever is gone is told by watching.
            let _ = to.send(Out::Message(reply.into())).await;
        });
    }

    /// The answer, where there is one now.
    async fn call(&mut self, id: u64, asked: Asked) -> Option<Answer<Value>> {
        Some(match asked {
            Asked::Watch { conversation, runs } => self.watch(conversation, &runs).await,
            Asked::Unwatch { conversation } => {
                self.watched.remove(&conversation);
                Ok(json!({}))
            }
            Asked::Start(asked) => {
                self.start(id, *asked);
                return None;
            }
            Asked::Stop { run } => {
                if let Some(run) = self.shared.engine.run(run) {
                    run.stop();
                }
                Ok(json!({}))
            }
            Asked::Decide { run, call_id, decision, reason } => {
                decide::decide(&self.shared, run, &call_id, decision, reason.as_deref()).await
            }
            Asked::Ping {} => Ok(json!({})),
        })
    }

    async fn watch(&mut self, conversation: ConversationId, seen: &HashMap<String, u64>) -> Answer<Value> {
        let store = self.shared.engine.store().clone();
        let found = store.conversation(conversation).await?;
        let one =
            found.ok_or_else(|| Problem::missing(format!("there is no conversation {conversation}")))?;
        let alive: Vec<Run> =
            self.shared.engine.runs().into_iter().filter(|run| run.conversation() == conversation).collect();
        let known: Vec<String> = alive.iter().map(|run| run.id().to_string()).collect();
        let gone: Vec<&String> = seen.keys().filter(|id| !known.contains(id)).collect();
        self.watched.insert(conversation, (JoinSet::new(), HashSet::new()));
        let mut runs = Vec::new();
        for run in &alive {
            let after = seen.get(&run.id().to_string()).copied().unwrap_or(0);
            self.follow(run, after);
            runs.push(of_run(run));
        }
        Ok(json!({"runs": runs, "gone": gone, "revision": one.revision}))
    }

    /// Sends what happens in a run, from this number on. Nothing of it is missed, however slow the tab is.
    fn follow(&mut self, run: &Run, after: u64) {
        let Some((followers, runs)) = self.watched.get_mut(&run.conversation()) else { return };
        // One that began while it was asked for is told twice.
        if !runs.insert(run.id()) {
            return;
        }
        let (to, store, mut events) =
            (self.to.clone(), self.shared.engine.store().clone(), run.events(after));
        followers.spawn(async move {
            while let Some(envelope) = events.next().await {
                let event = shape::event(store.as_ref(), &envelope).await.to_string();
                if to.send(Out::Event(event)).await.is_err() {
                    return;
                }
            }
        });
    }

    async fn news(&mut self, news: News) -> bool {
        match news {
            News::All(value) => self.send(value).await,
            News::Of(conversation, value) => {
                !self.watched.contains_key(&conversation) || self.send(value).await
            }
            News::Run(run) => {
                self.follow(&run, 0);
                true
            }
            News::Models => {
                let list = self.shared.lists.now(&self.shared).await;
                // Several news may be of the same list.
                if self.list.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, &list)) {
                    return true;
                }
                let message = list.message.clone();
                self.list = Some(list);
                self.to.send(Out::Message(message)).await.is_ok()
            }
        }
    }

    /// The tab missed news: it reads again what it looks at.
    async fn behind(&mut self) -> bool {
        // Nothing that all tabs are told may be missing either.
        let watched = self.watched.keys().map(|id| json!(id)).chain([Value::Null]).collect::<Vec<_>>();
        for conversation in watched {
            if !self.send(json!({"type": "behind", "conversation": conversation})).await {
                return false;
            }
        }
        self.list = None;
        self.news(News::Models).await
    }
}

fn reply(id: u64, answer: Answer<Value>) -> Value {
    match answer {
        Ok(ok) => json!({"type": "reply", "id": id, "ok": ok}),
        Err(problem) => json!({"type": "reply", "id": id, "error": problem.error()}),
    }
}

/// RUN: a run that is not over.
pub(crate) fn of_run(run: &Run) -> Value {
    let (mut last, mut turn, mut waiting, mut started) = (0, None, Vec::new(), None);
    for envelope in run.so_far() {
        last = envelope.sequence_number;
        started = started.or(Some(shape::millis(envelope.at)));
        match &envelope.what {
            What::TurnStarted { .. } => turn = envelope.turn,
            What::ApprovalWanted { call } => waiting.push(call.clone()),
            What::ApprovalGiven { call_id, .. } => waiting.retain(|call| call.id != *call_id),
            _ => {}
        }
    }
    let waiting: Vec<Value> = waiting.iter().map(shape::call_of).collect();
    json!({
        "id": run.id(), "conversation": run.conversation(), "turn": turn, "model": run.model(),
        "started": started, "last": last, "waiting": waiting,
    })
}
