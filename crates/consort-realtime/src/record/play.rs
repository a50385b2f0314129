//! One connection of a played server: what was recorded is said again, each thing when the client came as far as then.
use super::frames::What;
use super::replay::{Replay, Told};
use crate::record::Fault;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// How long the client may take to say what was recorded of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer pauses were nothing but waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long after a farewell the connection lasts.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) struct Play<'a> {
    replay: &'a Replay,
    socket: WebSocketStream<TcpStream>,
    /// What the client said and nobody waited for yet: how often each thing.
    said: HashMap<String, usize>,
    /// When the connection is closed, once that was announced.
    leaving: Option<Instant>,
}

/// The client went, or was left.
struct Gone;

impl<'a> Play<'a> {
    pub(super) fn new(replay: &'a Replay, socket: WebSocketStream<TcpStream>) -> Self {
        Self { replay, socket, said: HashMap::new(), leaving: None }
    }

    /// Plays from this frame on; returns where the next connection begins.
    pub(super) async fn run(&mut self, from: usize) -> usize {
        let frames = &self.replay.recording.frames;
        let (mut count, mut last) = (0, None);
        for (at, frame) in frames.iter().enumerate().skip(from) {
            let went = match &frame.what {
                What::Open if count == 0 => Ok(()),
                // The recorded client left here.
                What::Open => {
                    let _ = timeout(PATIENCE, async { while self.hear().await.is_ok() {} }).await;
                    return at;
                }
                What::Client(message) => self.wait_for(message).await,
                What::Server(message) => {
                    count += 1;
                    self.say(message.to_string(), pause(last, frame.at), count).await
                }
                What::Garbage(text) => {
                    count += 1;
                    self.say(text.clone(), Duration::ZERO, count).await
                }
                What::Close { code, reason } => {
                    self.close(*code, reason).await;
                    return at + 1;
                }
            };
            last = frame.at;
            if went.is_err() {
                return 0;
            }
        }
        self.replay.over();
        while self.hear().await.is_ok() {}
        0
    }

    async fn close(&mut self, code: Option<u16>, reason: &str) {
        // What has no code was cut: no frame may say so.
        if let Some(code) = code.filter(|code| !matches!(code, 1005 | 1006 | 1015)) {
            let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
            // A client that is gone needs no goodbye.
            let _ = self.socket.send(Message::Close(Some(frame))).await;
            let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = self.socket.next().await {} }).await;
        }
    }

    /// Says one frame, late as it was, and what goes wrong behind it.
    async fn say(&mut self, text: String, pause: Duration, count: usize) -> Result<(), Gone> {
        self.listen_for(pause + self.replay.delay()).await?;
        if self.leaving.is_some_and(|at| at <= Instant::now()) {
            self.close(Some(1001), "").await;
            return Err(Gone);
        }
        self.socket.send(Message::text(text)).await.map_err(|_| Gone)?;
        for fault in self.replay.faults_behind(count) {
            (self.replay.tell)(Told::Fault(fault));
            match fault {
                Fault::Cut(_) => return Err(Gone),
                // Nobody reads meanwhile either.
                Fault::Stall(_, time) => tokio::time::sleep(time).await,
                Fault::Garbage(_) => {
                    let text = Message::text("{\"type\": \"response.output_audio.del");
                    self.socket.send(text).await.map_err(|_| Gone)?;
                    let bytes = Message::Binary(vec![0xff, 0x00, 0x9f].into());
                    self.socket.send(bytes).await.map_err(|_| Gone)?;
                }
                Fault::GoAway(_) => {
                    let farewell = Message::text(self.replay.recording.farewell().to_string());
                    self.socket.send(farewell).await.map_err(|_| Gone)?;
                    self.leaving = Some(Instant::now() + FAREWELL);
                }
                Fault::Reorder | Fault::Delay(_) => {}
            }
        }
        Ok(())
    }

    /// Waits until the client said the like of this, where it did not do so yet.
    async fn wait_for(&mut self, message: &Value) -> Result<(), Gone> {
        let wanted = kind(message);
        if is_sound(&wanted) && self.said.contains_key(&wanted) {
            // Nobody cuts sound into the same pieces.
            return Ok(());
        }
        let waiting = async {
            while !self.said.contains_key(&wanted) {
                self.hear().await?;
            }
            Ok(())
        };
        match timeout(PATIENCE, waiting).await {
            Ok(went) => went?,
            Err(_) => (self.replay.tell)(Told::Missing(wanted.clone())),
        }
        if let Some(times) = self.said.get_mut(&wanted).filter(|_| !is_sound(&wanted)) {
            *times -= 1;
            if *times == 0 {
                self.said.remove(&wanted);
            }
        }
        // Sound of the next turn is other sound.
        if !is_sound(&wanted) {
            self.said.retain(|kind, _| !is_sound(kind));
        }
        Ok(())
    }

    /// Listens for so long.
    async fn listen_for(&mut self, time: Duration) -> Result<(), Gone> {
        if time.is_zero() {
            return Ok(());
        }
        let listening = async {
            loop {
                self.hear().await?;
            }
        };
        timeout(time, listening).await.unwrap_or(Ok(()))
    }

    async fn hear(&mut self) -> Result<(), Gone> {
        let heard = match self.leaving {
            None => Ok(self.socket.next().await),
            Some(at) => timeout_at(at, self.socket.next()).await,
        };
        let Ok(heard) = heard else {
            self.close(Some(1001), "").await;
            return Err(Gone);
        };
        match heard {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                let heard: Value = serde_json::from_slice(&message.into_data()).unwrap_or_default();
                *self.said.entry(kind(&heard)).or_default() += 1;
                Ok(())
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Gone),
            Some(Ok(_)) => Ok(()),
        }
    }
}

/// How long there was nothing between two frames.
fn pause(last: Option<Duration>, now: Option<Duration>) -> Duration {
    let (Some(last), Some(now)) = (last, now) else { return Duration::ZERO };
    now.saturating_sub(last).min(LONGEST_PAUSE)
}

/// What a client's message does, in either format and either spelling of it.
fn kind(message: &Value) -> String {
    if let Some(kind) = message["type"].as_str() {
        return match message["item"]["type"].as_str() {
            Some(item) => format!("{kind} {item}"),
            None => kind.to_owned(),
        };
    }
    let Some((name, value)) = message.as_object().and_then(|object| object.iter().next()) else {
        return String::new();
    };
    let inside = value.as_object().and_then(|object| object.keys().next()).map(|key| camel(key));
    match (camel(name).as_str(), inside.as_deref()) {
        // Words are words, in whichever way a model wants them.
        ("realtimeInput", Some("text")) => "clientContent".into(),
        ("realtimeInput", _) => format!("realtimeInput {}", inside.unwrap_or_default()),
        (name, _) => name.to_owned(),
    }
}

fn is_sound(kind: &str) -> bool {
    kind == "input_audio_buffer.append" || kind == "realtimeInput audio"
}

/// `client_content` as `clientContent`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_is_known_in_either_spelling() {
        let check = |message: Value, wanted: &str| assert_eq!(kind(&message), wanted);
        check(json!({"client_content": {"turns": []}}), "clientContent");
        check(json!({"realtime_input": {"audio": {}}}), "realtimeInput audio");
        check(json!({"realtimeInput": {"text": "Hi"}}), "clientContent");
        check(json!({"realtimeInput": {"audio_stream_end": true}}), "realtimeInput audioStreamEnd");
        check(json!({"type": "response.create"}), "response.create");
        let item = json!({"type": "conversation.item.create", "item": {"type": "message"}});
        check(item, "conversation.item.create message");
        check(json!(null), "");
    }
}
