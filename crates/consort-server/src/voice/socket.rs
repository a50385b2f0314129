//! One tab that talks: its microphone goes into the call, what the call plays and tells goes to it.
use super::lobby::Held;
use super::opening;
use super::said::{Open, Said};
use super::talking::Talking;
use crate::live::{always, conversation_changed, tell_turn};
use crate::shape;
use crate::state::Shared;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use consort_core::{Error, ErrorKind, Pcm, SessionEvent};
use consort_engine::Decision;
use consort_realtime::call::CallEvent;
use consort_store::{ConversationId, TurnId};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

/// The largest message: a picture in base64.
const LARGEST: usize = 5 << 20;
/// How long the first message may be in coming.
const FIRST: Duration = Duration::from_secs(10);
/// How much waits for a slow page: a little more than a second of sound.
const WAITING: usize = 64;
/// A page that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the connection is felt for, and the server's end looked for.
const PING: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn open(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(LARGEST).on_upgrade(move |socket| talk(shared, socket))
}

async fn talk(shared: Arc<Shared>, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let (to, from) = mpsc::channel(WAITING);
    let writer = tokio::spawn(write(sink, from));
    let (kept, turns) = mpsc::unbounded_channel();
    tokio::spawn(tell_kept(shared.clone(), turns));
    let line = Line { shared, to, kept };
    if let Some(asked) = line.first(&mut stream).await {
        line.enter(asked, &mut stream).await;
    }
    drop(line);
    // What was said last still goes out; a page that takes nothing is not waited for.
    let _ = timeout(LOOK, writer).await;
}

/// Writes until nobody sends any more or the connection is gone.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut from: mpsc::Receiver<Message>) {
    let mut ping = interval(PING);
    loop {
        let message = tokio::select! {
            message = from.recv() => message,
            _ = ping.tick() => Some(Message::Ping(bytes::Bytes::new())),
        };
        let Some(message) = message else { break };
        if sink.send(message).await.is_err() {
            return;
        }
    }
    // Who is gone needs no farewell.
    let _ = sink.close().await;
}

/// Tells those that look on of turns that began and ended, one after the other. No sound waits for it.
async fn tell_kept(shared: Arc<Shared>, mut turns: mpsc::UnboundedReceiver<(ConversationId, TurnId)>) {
    while let Some((conversation, turn)) = turns.recv().await {
        tell_turn(&shared, turn).await;
        conversation_changed(&shared, conversation).await;
    }
}

struct Line {
    shared: Arc<Shared>,
    to: mpsc::Sender<Message>,
    kept: mpsc::UnboundedSender<(ConversationId, TurnId)>,
}

/// Why a tab no longer holds its session.
enum End {
    /// Its connection is lost.
    Lost,
    /// The session is over.
    Over,
    /// The user has enough.
    Closed,
    /// Another tab has it now.
    Handed(super::lobby::Wish),
}

impl Line {
    /// False when the tab is gone.
    async fn send(&self, message: Message) -> bool {
        matches!(timeout(PATIENCE, self.to.send(message)).await, Ok(Ok(())))
    }

    async fn tell(&self, value: Value) -> bool {
        self.send(Message::text(value.to_string())).await
    }

    async fn refuse(&self, error: &Error, taken: bool) {
        self.tell(json!({"type": "refused", "error": error, "taken": taken})).await;
    }

    /// What the tab wants.
    async fn first(&self, stream: &mut SplitStream<WebSocket>) -> Option<Open> {
        let first = async {
            loop {
                match stream.next().await {
                    Some(Ok(Message::Text(text))) => return Some(text),
                    // A page answers a ping before it says anything.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => return None,
                }
            }
        };
        let text = timeout(FIRST, first).await.ok().flatten()?;
        match Open::read(&text) {
            Ok(asked) => Some(asked),
            Err(problem) => {
                self.refuse(problem.error(), false).await;
                None
            }
        }
    }

    async fn enter(&self, asked: Open, stream: &mut SplitStream<WebSocket>) {
        let entered = self.shared.lobby.enter(asked.conversation, asked.take_over).await;
        let Ok((mut held, there)) = entered else {
            let words = "this conversation is being talked in another tab or window";
            let error = Error::new(ErrorKind::InvalidRequest, words).hint("take it over, or talk there");
            return self.refuse(&error, true).await;
        };
        let there = there.and_then(|talking| {
            // Only the same session goes on.
            let same = talking.model == asked.model
                && (talking.input_rate, talking.output_rate) == (asked.input_rate, asked.output_rate);
            if same {
                return Some(talking);
            }
            talking.end();
            None
        });
        let resumed = there.is_some();
        let mut talking = match there {
            Some(talking) => talking,
            None => match self.opened(&asked, stream).await {
                Some(talking) => talking,
                None => return,
            },
        };
        if talking.push != asked.push {
            talking.push(asked.push);
        }
        let opened = json!({
            "type": "opened", "conversation": asked.conversation, "model": talking.model, "resumed": resumed,
            "input_rate": talking.input_rate, "output_rate": talking.output_rate, "sees": talking.sees,
            "push": talking.push, "sent_ms": talking.sent.as_millis() as u64,
        });
        let mut end = if self.tell(opened).await { None } else { Some(End::Lost) };
        while end.is_none() {
            end = self.step(&asked, &mut talking, &mut held, stream).await;
        }
        match end {
            Some(End::Handed(wish)) => {
                if let Err(talking) = wish.send(talking) {
                    // Who wished for it is gone.
                    talking.end();
                }
                self.tell(json!({"type": "taken"})).await;
            }
            Some(End::Lost) => held.leave(talking),
            Some(End::Closed) => talking.end(),
            Some(End::Over) | None => {}
        }
        conversation_changed(&self.shared, asked.conversation).await;
    }

    /// Opens a session, unless the tab leaves meanwhile.
    async fn opened(&self, asked: &Open, stream: &mut SplitStream<WebSocket>) -> Option<Box<Talking>> {
        let opening = opening::talking(&self.shared, asked);
        let leaves = async {
            // What is said before it is open is said to nobody.
            while let Some(Ok(message)) = stream.next().await {
                if matches!(message, Message::Close(_)) {
                    return;
                }
            }
        };
        let opened = tokio::select! {
            opened = opening => opened,
            () = leaves => return None,
        };
        match opened {
            Ok(talking) => Some(Box::new(talking)),
            Err(problem) => {
                self.refuse(problem.error(), false).await;
                None
            }
        }
    }

    /// One thing that happens; why it was the last, where it was.
    async fn step(
        &self,
        asked: &Open,
        talking: &mut Talking,
        held: &mut Held,
        stream: &mut SplitStream<WebSocket>,
    ) -> Option<End> {
        tokio::select! {
            event = talking.call.next() => match event {
                Some(event) => self.happened(asked.conversation, talking, event).await,
                None => Some(End::Over),
            },
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => self.said(asked.conversation, talking, &text).await,
                Some(Ok(Message::Binary(sound))) => {
                    talking.call.hear(Pcm::from_le_bytes(&sound, talking.input_rate, 1), None);
                    None
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => Some(End::Lost),
                Some(Ok(_)) => None,
            },
            wish = held.wishes.recv() => wish.map(End::Handed),
            () = tokio::time::sleep(LOOK) => {
                self.shared.ending.load(Ordering::SeqCst).then_some(End::Closed)
            }
        }
    }

    async fn happened(&self, of: ConversationId, talking: &mut Talking, event: CallEvent) -> Option<End> {
        let sent = match event {
            CallEvent::Frame(frame) => {
                talking.sent += frame.pcm.duration();
                self.send(Message::Binary(frame.pcm.to_le_bytes().into())).await
            }
            CallEvent::Cut => self.tell(json!({"type": "cut"})).await,
            CallEvent::Session(event) => {
                let is_over = matches!(event, SessionEvent::Closed { .. });
                let sent = self.tell(json!({"type": "event", "event": event})).await;
                if is_over {
                    return Some(End::Over);
                }
                sent
            }
            CallEvent::ToolWaits(call) => {
                self.tell(json!({"type": "tool_waiting", "call": shape::call_of(&call)})).await
            }
            CallEvent::ToolEnded(result) => {
                let ended = json!({"call_id": result.call_id, "is_error": result.is_error});
                self.tell(json!({"type": "tool_finished", "tool": ended})).await
            }
            CallEvent::Kept(turn) => {
                // It is told as long as the server lives.
                let _ = self.kept.send((of, turn));
                true
            }
        };
        (!sent).then_some(End::Lost)
    }

    async fn said(&self, of: ConversationId, talking: &mut Talking, text: &str) -> Option<End> {
        let said = match Said::read(text) {
            Ok(said) => said,
            Err(error) => {
                let told = self.tell(json!({"type": "event", "event": SessionEvent::Error { error }})).await;
                return (!told).then_some(End::Lost);
            }
        };
        let call = &mut talking.call;
        match said {
            Said::Say { text } if text.trim().is_empty() => {}
            Said::Say { text } => call.say(&text),
            Said::Show { media } => call.show(media),
            Said::Frame { media } => call.frame(media),
            Said::Commit {} => call.commit(),
            Said::Interrupt {} => call.interrupt(),
            Said::Played { ms } => call.played(Duration::from_millis(ms)),
            Said::Push { on } => talking.push(on),
            Said::Decide { call_id, decision, reason } => {
                let reason = reason.unwrap_or_default();
                match decision {
                    crate::live::Said::Once => drop(call.decide(&call_id, Decision::Yes, "")),
                    crate::live::Said::Deny => drop(call.decide(&call_id, Decision::No, &reason)),
                    crate::live::Said::Always => {
                        let tool = call.tool_of(&call_id).map(str::to_owned);
                        call.decide(&call_id, Decision::Always, "");
                        if let Some(tool) = tool {
                            // It runs now; that it asks again later is told by its asking.
                            let _ = always(&self.shared, of, &tool).await;
                        }
                    }
                }
            }
            Said::Close {} => return Some(End::Closed),
            Said::Unknown => {}
        }
        None
    }
}
