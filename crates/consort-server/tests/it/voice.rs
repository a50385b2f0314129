//! The voice socket: sessions with the demo's live model, tabs that come and go, and what they may not do.
use crate::support::Site;
use consort_server::{Guard, NoAssets};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A tab that talks.
struct Voice {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// All sound that came, in bytes.
    sound: usize,
    seen: Vec<Value>,
}

impl Voice {
    async fn open(site: &Site, open: Value) -> Self {
        let (socket, _) = connect_async(site.base.replace("http:", "ws:") + "/api/voice").await.unwrap();
        let mut voice = Self { socket, sound: 0, seen: Vec::new() };
        // A browser answers the first ping before it says anything.
        voice.socket.send(Message::Pong(tokio_tungstenite::tungstenite::Bytes::new())).await.unwrap();
        voice.send(open).await;
        voice
    }

    async fn talking(site: &Site, conversation: &str) -> Self {
        let mut voice = Self::open(site, with(conversation)).await;
        let opened = voice.until(|message| message["type"] != "event").await;
        assert_eq!(opened["type"], "opened", "{opened}");
        voice
    }

    async fn send(&mut self, value: Value) {
        self.socket.send(Message::text(value.to_string())).await.unwrap();
    }

    /// A voice of so long, in the rate that was said.
    async fn speak(&mut self, ms: usize, loud: i16) {
        let bytes: Vec<u8> = std::iter::repeat_n(loud.to_le_bytes(), ms * 16).flatten().collect();
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next message in words; none when the socket is closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await.unwrap();
            match message {
                Some(Ok(Message::Text(text))) => {
                    let value: Value = serde_json::from_str(&text).unwrap();
                    self.seen.push(value.clone());
                    return Some(value);
                }
                Some(Ok(Message::Binary(sound))) => self.sound += sound.len(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await;
            let message = message.unwrap_or_else(|| panic!("closed after {:?}", self.seen));
            if is_it(&message) {
                return message;
            }
        }
    }

    async fn event(&mut self, kind: &str) -> Value {
        self.until(|message| message["event"]["type"] == kind).await["event"].take()
    }

    /// Plays to the end of what comes, and says so.
    async fn listen(&mut self, bytes: usize) {
        while self.sound < bytes {
            let message = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await;
            match message.unwrap().unwrap().unwrap() {
                Message::Binary(sound) => self.sound += sound.len(),
                Message::Text(text) => self.seen.push(serde_json::from_str(&text).unwrap()),
                _ => {}
            }
        }
        self.send(json!({"type": "played", "ms": self.sound / 48})).await;
    }
}

fn with(conversation: &str) -> Value {
    json!({"type": "open", "conversation": conversation, "model": "demo/live", "input_rate": 16_000})
}

/// Who said what in a conversation, once it has so many turns and none of them runs.
async fn said(site: &Site, conversation: &str, turns: usize) -> Vec<String> {
    for _ in 0..200 {
        let opened = site.get(&format!("/api/conversations/{conversation}")).await;
        let all = opened["turns"].as_array().unwrap();
        if all.len() == turns && all.iter().all(|turn| turn["status"] != "running") {
            let line = |turn: &Value| {
                let text = turn["parts"][0]["text"].as_str().unwrap_or_default();
                format!("{} {}: {text}", turn["role"].as_str().unwrap(), turn["status"].as_str().unwrap())
            };
            return all.iter().map(line).collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{}", site.get(&format!("/api/conversations/{conversation}")).await);
}

#[tokio::test]
async fn words_and_speech_are_answered_in_sound_and_kept() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut voice = Voice::talking(&site, &id).await;
    voice.send(json!({"type": "say", "text": "hi there"})).await;
    voice.event("turn_done").await;
    // Four words of 160 ms each, in 24 kHz.
    voice.listen(4 * 160 * 48).await;
    voice.speak(300, 9000).await;
    voice.speak(700, 0).await;
    let heard = voice.event("transcript").await;
    assert_eq!((&heard["by"], &heard["text"]), (&"user".into(), &"(0.3 s of sound)".into()));
    voice.event("turn_done").await;
    voice.listen(10 * 160 * 48).await;
    let all = said(&site, &id, 4).await;
    assert_eq!(
        all,
        [
            "user complete: hi there",
            "assistant complete: You said: hi there",
            "user complete: (0.3 s of sound)",
            "assistant complete: I heard 0.3 s of sound."
        ]
    );
    let conversation = site.get(&format!("/api/conversations/{id}")).await;
    assert_eq!(conversation["conversation"]["title"], "hi there");
    voice.send(json!({"type": "close"})).await;
    while voice.next().await.is_some() {}
}

#[tokio::test]
async fn sound_comes_in_its_time_and_stops_when_somebody_interrupts() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut voice = Voice::talking(&site, &id).await;
    let begun = std::time::Instant::now();
    voice.send(json!({"type": "say", "text": "one two three four five six seven eight nine ten"})).await;
    voice.event("turn_done").await;
    voice.listen(480 * 48).await;
    assert!(begun.elapsed() >= Duration::from_millis(450), "{:?}", begun.elapsed());
    voice.send(json!({"type": "interrupt"})).await;
    voice.until(|message| message["type"] == "cut").await;
    let sound = voice.sound;
    let all = said(&site, &id, 2).await;
    // "You said: one" was heard, and perhaps the next word was begun.
    assert!(all[1].starts_with("assistant interrupted: You said: one"), "{all:?}");
    assert!(all[1].len() < "assistant interrupted: You said: one two three".len(), "{all:?}");
    voice.send(json!({"type": "say", "text": "x"})).await;
    voice.event("turn_done").await;
    assert!(voice.sound < sound + 3 * 960, "what was cut does not come");
}

#[tokio::test]
async fn a_second_tab_is_told_and_can_take_over() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut first = Voice::talking(&site, &id).await;
    first.send(json!({"type": "say", "text": "hello"})).await;
    first.event("turn_done").await;
    let mut second = Voice::open(&site, with(&id)).await;
    let refused = second.next().await.unwrap();
    assert_eq!((&refused["type"], &refused["taken"]), (&"refused".into(), &true.into()), "{refused}");
    assert!(second.next().await.is_none(), "and closed");
    let mut open = with(&id);
    open["take_over"] = true.into();
    let mut third = Voice::open(&site, open).await;
    let opened = third.until(|message| message["type"] == "opened").await;
    assert_eq!(opened["resumed"], true);
    first.until(|message| message["type"] == "taken").await;
    // It is the same session: it goes on.
    third.send(json!({"type": "say", "text": "again"})).await;
    let done = third.event("turn_done").await;
    assert_eq!(done["reason"], "stop");
    assert!(said_by_user(&site, &id).await.ends_with(&["hello".to_owned(), "again".to_owned()]));
}

async fn said_by_user(site: &Site, id: &str) -> Vec<String> {
    let opened = site.get(&format!("/api/conversations/{id}")).await;
    let users = opened["turns"].as_array().unwrap().iter().filter(|turn| turn["role"] == "user");
    users.map(|turn| turn["parts"][0]["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_tab_that_lost_its_connection_comes_back_to_its_session() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut voice = Voice::talking(&site, &id).await;
    voice.send(json!({"type": "say", "text": "one two three"})).await;
    voice.event("turn_done").await;
    voice.listen(160 * 48).await;
    drop(voice);
    let (mut again, sent_ms) = back(&site, &id).await;
    assert!(sent_ms >= 160, "{sent_ms}");
    again.sound = sent_ms * 48;
    // What was not heard yet comes now.
    again.listen(5 * 160 * 48).await;
    let all = said(&site, &id, 2).await;
    assert_eq!(all[1], "assistant complete: You said: one two three");
}

/// The same session on another connection, and how much of its sound was sent. The server sees a moment later that the
/// first one is lost.
async fn back(site: &Site, id: &str) -> (Voice, usize) {
    loop {
        let mut again = Voice::open(site, with(id)).await;
        let opened = again.next().await.unwrap();
        if opened["type"] == "opened" {
            assert_eq!(opened["resumed"], true);
            return (again, opened["sent_ms"].as_u64().unwrap() as usize);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn ten_minutes_in_one_message_cost_the_connection_and_not_the_session() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut voice = Voice::talking(&site, &id).await;
    let minutes = Message::binary(vec![0u8; 600 * 32_000]);
    // The server may close before it has all of it.
    let _ = voice.socket.send(minutes).await;
    while voice.next().await.is_some() {}
    let (mut again, _) = back(&site, &id).await;
    again.send(json!({"type": "say", "text": "hi"})).await;
    again.event("turn_done").await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let change = |name: &str, value: Value| {
        let mut open = with(&id);
        open[name] = value;
        open
    };
    for (open, why) in [
        (json!({"type": "say", "text": "x"}), "the first message is `open`"),
        (json!("open"), "the first message is `open`"),
        (change("input_rate", 12.into()), "`input_rate` is 12"),
        (change("model", "demo/lives".into()), "demo/lives"),
        (change("model", "demo".into()), "holds no live sessions"),
        (change("conversation", "no".into()), "cannot be read"),
        (change("conversation", uuid::Uuid::now_v7().to_string().into()), "not there any more"),
    ] {
        let mut voice = Voice::open(&site, open).await;
        let refused = voice.next().await.unwrap();
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(refused["type"] == "refused" && message.contains(why), "{why}: {refused}");
        assert!(voice.next().await.is_none());
    }
    // In a session what is wrong is told, and it goes on.
    let mut voice = Voice::talking(&site, &id).await;
    let file = json!({"source": {"path": "/etc/passwd"}, "mime": "image/png"});
    for (wrong, why) in [
        (json!({"type": "show", "media": file}), "by its bytes"),
        (
            json!({"type": "show", "media": {"source": {"bytes": "AA=="}, "mime": "text/html"}}),
            "only pictures",
        ),
        (json!({"type": "played", "ms": "x"}), "cannot be read"),
    ] {
        voice.send(wrong).await;
        let error = voice.event("error").await;
        assert!(error["error"]["message"].as_str().unwrap().contains(why), "{error}");
    }
    voice.send(json!({"type": "something new"})).await;
    voice.socket.send(Message::binary(vec![1u8])).await.unwrap();
    voice.send(json!({"type": "show", "media": {"source": {"bytes": "AA=="}, "mime": "image/png"}})).await;
    voice.send(json!({"type": "frame", "media": {"source": {"bytes": "AA=="}, "mime": "image/jpeg"}})).await;
    voice.send(json!({"type": "say", "text": "hi"})).await;
    voice.event("turn_done").await;
    let transcript = voice.seen.iter().rev().find(|message| message["event"]["mode"] == "final").unwrap();
    assert_eq!(transcript["event"]["text"], "You said: hi You showed me 2 picture(s).");
}

#[tokio::test]
async fn tools_ask_first_and_always_is_kept() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let path = format!("/api/conversations/{id}");
    let revision = site.get(&path).await["conversation"]["revision"].clone();
    let settings = json!({"settings": {"tools": ["add"]}, "revision": revision});
    let (status, changed) = site.call("PATCH", &path, Some(settings)).await;
    assert_eq!(status, 200, "{changed}");
    let mut voice = Voice::talking(&site, &id).await;
    voice.send(json!({"type": "say", "text": "add 2 and 3"})).await;
    let waiting = voice.until(|message| message["type"] == "tool_waiting").await;
    assert_eq!(waiting["call"]["name"], "add");
    let call = &waiting["call"]["call_id"];
    voice.send(json!({"type": "decide", "call_id": call, "decision": "always"})).await;
    voice.event("turn_done").await;
    voice.send(json!({"type": "say", "text": "add 4 and 5"})).await;
    voice.event("turn_done").await;
    let waited = voice.seen.iter().filter(|message| message["type"] == "tool_waiting").count();
    assert_eq!(waited, 1, "{:?}", voice.seen);
    assert_eq!(site.get(&path).await["conversation"]["settings"]["allowed"], json!(["add"]));
}

#[tokio::test]
async fn who_never_reads_holds_up_nobody_else() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut deaf = Voice::talking(&site, &id).await;
    for _ in 0..50 {
        deaf.send(json!({"type": "say", "text": "one two three four five six seven eight nine ten"})).await;
        deaf.speak(1000, 0).await;
    }
    let other = site.conversation().await;
    let mut voice = Voice::talking(&site, &other).await;
    voice.send(json!({"type": "say", "text": "hi"})).await;
    voice.event("turn_done").await;
    voice.listen(3 * 160 * 48).await;
}

#[tokio::test]
async fn a_page_of_another_site_and_who_lacks_the_token_are_refused() {
    let guard = Guard { token: Some(consort_core::Secret::new("sesame")), ..Guard::default() };
    let site = Site::with(guard, Arc::new(NoAssets)).await;
    let refused = connect_async(site.base.replace("http:", "ws:") + "/api/voice").await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
}
