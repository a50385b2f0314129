//! One tab that talks: its microphone goes into the call, what the call plays and tells goes to it.
use super::lobby::Wish;
use super::opening;
use super::said::{self, Open, Said};
use super::talking::{Talking, clear};
use crate::live::{always, conversation_changed};
use crate::problem::Problem;
use crate::shape;
use crate::state::Shared;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use consort_core::{CloseReason, Error, ErrorKind, SessionEvent};
use consort_engine::Decision;
use consort_realtime::call::CallEvent;
use consort_store::ConversationId;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep_until, timeout};

/// The largest message: a picture in base64.
const LARGEST: usize = 5 << 20;
/// How long the first message may be in coming.
const FIRST: Duration = Duration::from_secs(10);
/// How much waits for a slow page: a little more than a second of sound.
const WAITING: usize = 64;
/// A page that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a sign of life is asked for, and how long one may be missing.
const PING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(25);
/// How long what was said last may take to go out.
const GOODBYE: Duration = Duration::from_secs(1);

pub(crate) async fn open(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(LARGEST).on_upgrade(move |socket| talk(shared, socket))
}

async fn talk(shared: Arc<Shared>, socket: WebSocket) {
    let _held = shared.holds.hold();
    let (sink, mut stream) = socket.split();
    let (to, from) = mpsc::channel(WAITING);
    let mut writer = tokio::spawn(write(sink, from));
    let line = Line { shared, to };
    if let Some(asked) = line.first(&mut stream).await {
        line.enter(asked, &mut stream).await;
    }
    drop(line);
    // What was said last still goes out; a page that takes nothing is not waited for.
    if timeout(GOODBYE, &mut writer).await.is_err() {
        writer.abort();
    }
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

/// Returns when the server is about to end, also where whoever could say so is gone.
async fn leaves(leaving: &mut watch::Receiver<bool>) {
    let _ = leaving.wait_for(|leaving| *leaving).await;
}

/// What the tab says next, and when it gave a sign of life.
async fn next(
    stream: &mut SplitStream<WebSocket>,
    heard: &mut Instant,
) -> Option<Result<Message, axum::Error>> {
    let message = stream.next().await;
    *heard = Instant::now();
    message
}

/// A tab that talks, and what may end that.
struct Tab<'a> {
    conversation: ConversationId,
    stream: &'a mut SplitStream<WebSocket>,
    /// Wishes of other tabs.
    wishes: &'a mut mpsc::Receiver<Wish>,
    leaving: watch::Receiver<bool>,
    /// When it last gave a sign of life.
    heard: Instant,
}

/// A place for what is told next.
type Place<'a> = mpsc::Permit<'a, Message>;

fn words(value: &Value) -> Message {
    Message::text(value.to_string())
}

struct Line {
    shared: Arc<Shared>,
    to: mpsc::Sender<Message>,
}

/// Why a tab has no session.
enum Unopened {
    /// Its tab was told why.
    Refused,
    /// Its tab went meanwhile.
    Left,
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
    Handed(Wish),
    /// The server ends.
    Leaving,
}

impl Line {
    /// False when the tab is gone.
    async fn send(&self, message: Message) -> bool {
        matches!(timeout(PATIENCE, self.to.send(message)).await, Ok(Ok(())))
    }

    async fn tell(&self, value: Value) -> bool {
        self.send(words(&value)).await
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
        let mut leaving = self.shared.leaving.subscribe();
        let text = tokio::select! {
            first = timeout(FIRST, first) => first.ok().flatten()?,
            () = leaves(&mut leaving) => {
                self.refuse(Problem::ending().error(), false).await;
                return None;
            }
        };
        match Open::read(&text) {
            Ok(asked) => Some(asked),
            Err(problem) => {
                self.refuse(problem.error(), false).await;
                None
            }
        }
    }

    async fn enter(&self, asked: Open, stream: &mut SplitStream<WebSocket>) {
        let entered =
            self.shared.lobby.enter(asked.conversation, asked.tab.as_deref(), asked.take_over).await;
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
                Ok(talking) => talking,
                Err(Unopened::Refused) => return,
                Err(Unopened::Left) => {
                    drop(held);
                    if asked.made {
                        clear(&self.shared, asked.conversation).await;
                    }
                    return;
                }
            },
        };
        if talking.push != asked.push {
            talking.push(asked.push);
        }
        // Of what another tab received, this one has nothing.
        let received = asked.received_ms.filter(|_| talking.tab == asked.tab).map(Duration::from_millis);
        talking.tab.clone_from(&asked.tab);
        let sent = talking.call.resume(received);
        let opened = json!({
            "type": "opened", "conversation": asked.conversation, "model": talking.model, "resumed": resumed,
            "input_rate": talking.input_rate, "output_rate": talking.output_rate, "sees": talking.sees,
            "push": talking.push, "sent_ms": sent.as_millis() as u64,
        });
        let end = if self.tell(opened).await {
            let leaving = self.shared.leaving.subscribe();
            let (conversation, wishes) = (asked.conversation, &mut held.wishes);
            let tab = Tab { conversation, stream, wishes, leaving, heard: Instant::now() };
            self.talks(tab, &mut talking).await
        } else {
            End::Lost
        };
        match end {
            End::Handed(wish) => {
                if let Err(talking) = wish.send(talking) {
                    // Who wished for it is gone.
                    talking.end();
                }
                self.tell(json!({"type": "taken"})).await;
            }
            End::Lost => held.leave(talking, self.shared.leaving.subscribe()),
            // Its place is free before what it leaves is looked at.
            End::Closed | End::Over => {
                drop(held);
                talking.end();
            }
            End::Leaving => {
                drop(held);
                talking.end();
                let reason = CloseReason::Ended { message: "the server ends".into() };
                self.tell(json!({"type": "event", "event": SessionEvent::Closed { reason }})).await;
            }
        }
        conversation_changed(&self.shared, asked.conversation).await;
    }

    /// Opens a session, unless the tab leaves meanwhile.
    async fn opened(
        &self,
        asked: &Open,
        stream: &mut SplitStream<WebSocket>,
    ) -> Result<Box<Talking>, Unopened> {
        let opening = opening::talking(&self.shared, asked);
        let gone = async {
            // What is said before it is open is said to nobody.
            while let Some(Ok(message)) = stream.next().await {
                if matches!(message, Message::Close(_)) {
                    return;
                }
            }
        };
        let mut leaving = self.shared.leaving.subscribe();
        let opened = tokio::select! {
            opened = opening => opened,
            () = gone => return Err(Unopened::Left),
            () = leaves(&mut leaving) => Err(Problem::ending()),
        };
        match opened {
            Ok(talking) => Ok(Box::new(talking)),
            Err(problem) => {
                self.refuse(problem.error(), false).await;
                Err(Unopened::Refused)
            }
        }
    }

    /// Goes on until something ends it.
    async fn talks(&self, mut tab: Tab<'_>, talking: &mut Talking) -> End {
        loop {
            // There is a place for what is told before anything is taken, so that nothing is with nobody when this ends. A tab
            // that takes nothing is not heard either.
            let place = tokio::select! {
                place = timeout(PATIENCE, self.to.reserve()) => place,
                Some(wish) = tab.wishes.recv() => return End::Handed(wish),
                () = leaves(&mut tab.leaving) => return End::Leaving,
            };
            let Ok(Ok(place)) = place else { return End::Lost };
            if let Some(end) = self.step(&mut tab, talking, place).await {
                return end;
            }
        }
    }

    /// One thing that happens; why it was the last, where it was.
    async fn step(&self, tab: &mut Tab<'_>, talking: &mut Talking, place: Place<'_>) -> Option<End> {
        let lost = sleep_until(tab.heard + SILENCE);
        tokio::select! {
            event = talking.call.next() => match event {
                Some(event) => happened(talking, event, place),
                None => Some(End::Over),
            },
            message = next(tab.stream, &mut tab.heard) => match message {
                Some(Ok(Message::Text(text))) => self.said(tab.conversation, talking, &text, place).await,
                Some(Ok(Message::Binary(bytes))) => {
                    match said::sound(&bytes, talking.input_rate) {
                        Ok(pcm) => talking.call.hear(pcm, None),
                        Err(error) => wrong(error, place),
                    }
                    None
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => Some(End::Lost),
                Some(Ok(_)) => None,
            },
            Some(wish) = tab.wishes.recv() => Some(End::Handed(wish)),
            () = leaves(&mut tab.leaving) => Some(End::Leaving),
            () = lost => Some(End::Lost),
        }
    }

    async fn said(
        &self,
        of: ConversationId,
        talking: &mut Talking,
        text: &str,
        place: Place<'_>,
    ) -> Option<End> {
        let said = match Said::read(text) {
            Ok(said) => said,
            Err(error) => {
                wrong(error, place);
                return None;
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

/// Tells what happened; whether it was the last thing.
fn happened(talking: &mut Talking, event: CallEvent, place: Place<'_>) -> Option<End> {
    let message = match event {
        CallEvent::Frame(frame) => Message::Binary(frame.pcm.to_le_bytes().into()),
        CallEvent::Cut => words(&json!({"type": "cut"})),
        CallEvent::Session(event) => {
            place.send(words(&json!({"type": "event", "event": event})));
            return matches!(event, SessionEvent::Closed { .. }).then_some(End::Over);
        }
        CallEvent::ToolWaits(call) => words(&json!({"type": "tool_waiting", "call": shape::call_of(&call)})),
        CallEvent::ToolEnded(result) => {
            let ended = json!({"call_id": result.call_id, "is_error": result.is_error});
            words(&json!({"type": "tool_finished", "tool": ended}))
        }
        CallEvent::Kept(turn) => {
            talking.kept.tell(turn);
            return None;
        }
    };
    place.send(message);
    None
}

/// Something of what the tab said cannot be: it is told, and goes on.
fn wrong(error: Error, place: Place<'_>) {
    place.send(words(&json!({"type": "event", "event": SessionEvent::Error { error }})));
}
