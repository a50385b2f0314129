//! The voice socket: sessions with the demo's live model, tabs that come and go, and what they may not do.
mod made;

use crate::support::Site;
use consort_server::{Guard, NoAssets};
use consort_store::MemoryStore;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A tab that talks.
struct Voice {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// All sound that came, in bytes, and what it was.
    sound: usize,
    pcm: Vec<u8>,
    seen: Vec<Value>,
}

impl Voice {
    async fn open(site: &Site, open: Value) -> Self {
        let (socket, _) = connect_async(site.base.replace("http:", "ws:") + "/api/voice").await.unwrap();
        let mut voice = Self { socket, sound: 0, pcm: Vec::new(), seen: Vec::new() };
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
        // Pings go on for ever.
        tokio::time::timeout(Duration::from_secs(20), self.words()).await.unwrap()
    }

    async fn words(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let value: Value = serde_json::from_str(&text).unwrap();
                    self.seen.push(value.clone());
                    return Some(value);
                }
                Some(Ok(Message::Binary(sound))) => self.hear(&sound),
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

    fn hear(&mut self, sound: &[u8]) {
        self.sound += sound.len();
        self.pcm.extend_from_slice(sound);
    }

    /// Plays to the end of what comes, and says so.
    async fn listen(&mut self, bytes: usize) {
        while self.sound < bytes {
            let message = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await;
            match message.unwrap().unwrap().unwrap() {
                Message::Binary(sound) => self.hear(&sound),
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
async fn who_looks_on_is_told_what_became_of_an_answer_that_was_left() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = site.tab().await;
    tab.ask(json!({"type": "watch", "conversation": id, "runs": {}})).await;
    let mut voice = Voice::talking(&site, &id).await;
    voice.send(json!({"type": "say", "text": "one two three four five six seven eight nine ten"})).await;
    voice.listen(200 * 48).await;
    voice.send(json!({"type": "close"})).await;
    let is_over = |news: &Value| {
        news["type"] == "turn"
            && news["turn"]["role"] == "assistant"
            && news["turn"]["status"] == "interrupted"
    };
    tokio::time::timeout(Duration::from_secs(10), tab.until(is_over)).await.unwrap();
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

/// Three words, said to the end, and what of their sound each of two tabs was given: the connection of the first dies after
/// `arrived` ms and nobody sees it, or is seen to end; the second says what it says.
async fn two_tabs(
    site: &Site,
    id: &str,
    is_seen: bool,
    open: impl Fn(usize) -> Value,
) -> (Voice, Voice, usize) {
    let mut first = Voice::open(site, named(id, "a")).await;
    first.until(|message| message["type"] == "opened").await;
    first.send(json!({"type": "say", "text": "one two three"})).await;
    first.event("turn_done").await;
    first.listen(160 * 48).await;
    // What arrives and is not played.
    while first.sound < 240 * 48 {
        let message = first.socket.next().await.unwrap().unwrap();
        let Message::Binary(sound) = message else { continue };
        first.hear(&sound);
    }
    let arrived = first.sound / 48;
    // From here on all of it goes nowhere.
    tokio::time::sleep(Duration::from_millis(300)).await;
    if is_seen {
        first.socket.close(None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut second = Voice::open(site, open(arrived)).await;
    let opened = second.next().await.unwrap();
    assert_eq!((&opened["type"], &opened["resumed"]), (&"opened".into(), &true.into()), "{opened}");
    let begins = opened["sent_ms"].as_u64().unwrap() as usize;
    second.sound = begins * 48;
    (first, second, begins)
}

/// All sound of that answer, as it comes to a tab that nothing happens to.
async fn undisturbed(site: &Site) -> Vec<u8> {
    let mut voice = Voice::talking(site, &site.conversation().await).await;
    voice.send(json!({"type": "say", "text": "one two three"})).await;
    voice.listen(5 * 160 * 48).await;
    voice.pcm
}

fn received(conversation: &str, ms: usize) -> Value {
    let mut open = named(conversation, "a");
    open["received_ms"] = ms.into();
    open
}

#[tokio::test]
async fn a_tab_that_lost_its_connection_hears_what_did_not_arrive() {
    let site = Site::new().await;
    let whole = undisturbed(&site).await;
    for is_seen in [true, false] {
        let id = site.conversation().await;
        let (first, mut again, begins) = two_tabs(&site, &id, is_seen, |ms| received(&id, ms)).await;
        assert_eq!(begins * 48, first.sound, "what comes begins where the sound ended");
        again.listen(whole.len()).await;
        assert!([first.pcm, again.pcm.clone()].concat() == whole, "all of it, and once");
        let all = said(&site, &id, 2).await;
        assert_eq!(all[1], "assistant complete: You said: one two three");
    }
}

#[tokio::test]
async fn another_tab_hears_what_the_one_before_did_not_play() {
    let site = Site::new().await;
    let whole = undisturbed(&site).await;
    let id = site.conversation().await;
    let other = |_| {
        let mut open = named(&id, "b");
        // It has other sound, of another session.
        (open["take_over"], open["received_ms"]) = (true.into(), 5_000.into());
        open
    };
    let (first, mut second, begins) = two_tabs(&site, &id, false, other).await;
    assert_eq!(begins, 160, "the last that was played");
    second.listen(whole.len()).await;
    assert!([&first.pcm[..160 * 48], &second.pcm].concat() == whole);
    assert_eq!(said(&site, &id, 2).await[1], "assistant complete: You said: one two three");
}

#[tokio::test]
async fn what_went_into_a_dead_connection_is_not_kept_as_heard() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let (_first, mut again, begins) = two_tabs(&site, &id, false, |ms| received(&id, ms)).await;
    // By its own count it has played all that arrived.
    again.send(json!({"type": "played", "ms": begins})).await;
    again.send(json!({"type": "interrupt"})).await;
    again.until(|message| message["type"] == "cut").await;
    // Words of 160 ms: of the second one half arrived.
    assert_eq!(said(&site, &id, 2).await[1], "assistant interrupted: You said:");
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
    for (bytes, why) in [(1, "odd number of bytes"), (31 * 32_000, "longer than 30 s")] {
        voice.socket.send(Message::binary(vec![1u8; bytes])).await.unwrap();
        let error = voice.event("error").await;
        assert!(error["error"]["message"].as_str().unwrap().contains(why), "{error}");
    }
    voice.send(json!({"type": "something new"})).await;
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

/// A conversation with a tool that asks first, and a tab in which it waits.
async fn waiting(site: &Site) -> (String, Voice, Value) {
    let id = site.conversation().await;
    let path = format!("/api/conversations/{id}");
    let revision = site.get(&path).await["conversation"]["revision"].clone();
    let settings = json!({"settings": {"tools": ["add"]}, "revision": revision});
    let (status, changed) = site.call("PATCH", &path, Some(settings)).await;
    assert_eq!(status, 200, "{changed}");
    let mut voice = Voice::open(site, named(&id, "a")).await;
    voice.until(|message| message["type"] == "opened").await;
    voice.send(json!({"type": "say", "text": "add 2 and 3"})).await;
    let waiting = voice.until(|message| message["type"] == "tool_waiting").await;
    (id, voice, waiting)
}

#[tokio::test]
async fn a_tool_that_waits_is_told_to_whoever_has_the_session_next() {
    for is_other in [true, false] {
        let site = Site::new().await;
        let (id, first, waiting) = waiting(&site).await;
        let mut open = named(&id, if is_other { "b" } else { "a" });
        open["take_over"] = is_other.into();
        // Another tab takes it over; or the connection is lost, and the tab comes back.
        let kept = is_other.then_some(first);
        let mut second = Voice::open(&site, open).await;
        assert_eq!(second.next().await.unwrap()["resumed"], true);
        let told = second.until(|message| message["type"] == "tool_waiting").await;
        assert_eq!(told, waiting);
        let decide = json!({"type": "decide", "call_id": told["call"]["call_id"], "decision": "once"});
        second.send(decide).await;
        second.event("turn_done").await;
        drop(kept);
        // What is answered waits for nobody.
        let mut third = Voice::open(&site, named(&id, if is_other { "b" } else { "a" })).await;
        assert_eq!(third.next().await.unwrap()["resumed"], true);
        third.send(json!({"type": "say", "text": "hi"})).await;
        third.event("turn_done").await;
        let waits = |message: &Value| message["type"] == "tool_waiting";
        assert!(!third.seen.iter().any(waits), "{:?}", third.seen);
        assert_eq!(second.seen.iter().filter(|message| waits(message)).count(), 1);
    }
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

/// The first message of a tab that has a name.
fn named(conversation: &str, tab: &str) -> Value {
    let mut open = with(conversation);
    open["tab"] = tab.into();
    open
}

#[tokio::test]
async fn a_tab_that_lost_its_connection_unseen_is_no_other_tab() {
    let site = Site::new().await;
    let id = site.conversation().await;
    // The server holds this connection for good: nobody reads it, and nothing closes it.
    let mut lost = Voice::open(&site, named(&id, "a")).await;
    lost.until(|message| message["type"] == "opened").await;
    lost.send(json!({"type": "say", "text": "one two three"})).await;
    lost.event("turn_done").await;
    let mut other = Voice::open(&site, named(&id, "b")).await;
    assert_eq!(other.next().await.unwrap()["taken"], true, "another tab is told");
    let mut nameless = Voice::open(&site, with(&id)).await;
    assert_eq!(nameless.next().await.unwrap()["taken"], true);
    let mut again = Voice::open(&site, named(&id, "a")).await;
    let opened = again.next().await.unwrap();
    assert_eq!((&opened["type"], &opened["resumed"]), (&"opened".into(), &true.into()), "{opened}");
    again.send(json!({"type": "say", "text": "again"})).await;
    again.event("turn_done").await;
    lost.until(|message| message["type"] == "taken").await;
}

#[tokio::test]
async fn a_tab_that_takes_nothing_any_more_hands_its_session_over() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut lost = Voice::open(&site, named(&id, "a")).await;
    lost.until(|message| message["type"] == "opened").await;
    // Far more than a connection holds back, so that the server waits for it to be taken.
    let words = "word ".repeat(2_000);
    for _ in 0..400 {
        lost.send(json!({"type": "say", "text": words})).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = std::time::Instant::now();
    let mut again = Voice::open(&site, named(&id, "a")).await;
    let opened = again.next().await.unwrap();
    assert_eq!((&opened["type"], &opened["resumed"]), (&"opened".into(), &true.into()), "{opened}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // What it was not told is told here, and nothing between is lost.
    again.event("turn_done").await;
    while lost.next().await.is_some() {}
    let mut words = std::collections::HashMap::<String, String>::new();
    for message in lost.seen.iter().chain(&again.seen) {
        let event = &message["event"];
        let (item, text) = (event["item"].as_str(), event["text"].as_str());
        let (Some(item), Some(text), true) = (item, text, event["by"] == "assistant") else { continue };
        let told = words.entry(item.to_owned()).or_default();
        match event["mode"].as_str() {
            Some("final") => {
                assert!(told.trim_end() == text, "{item}: {} of {} bytes", told.len(), text.len());
            }
            _ => told.push_str(text),
        }
    }
    assert!(!words.is_empty());
}

#[tokio::test]
async fn a_server_that_ends_tells_the_page_and_keeps_what_was_heard() {
    let (store, folder) = (Arc::new(MemoryStore::default()), Arc::new(TempDir::new().unwrap()));
    let begin = || Site::on(store.clone(), folder.clone(), Guard::default(), Arc::new(NoAssets));
    let mut site = begin().await;
    let id = site.conversation().await;
    let mut voice = Voice::talking(&site, &id).await;
    voice.send(json!({"type": "say", "text": "one two three four five six seven eight nine ten"})).await;
    voice.listen(480 * 48).await;
    // What it says of what was played is heard before the server ends.
    voice.send(json!({"type": "played", "ms": "x"})).await;
    voice.event("error").await;
    // A microphone that is open: something happens all the time.
    voice.speak(20, 0).await;
    let served = site.served.take().unwrap();
    site.stop();
    let closed = voice.event("closed").await;
    assert_eq!(closed["reason"], json!({"why": "ended", "message": "the server ends"}));
    while voice.next().await.is_some() {}
    tokio::time::timeout(Duration::from_secs(9), served).await.unwrap().unwrap().unwrap();
    let kept = said(&begin().await, &id, 2).await;
    assert!(kept[1].starts_with("assistant interrupted: You said: one"), "{kept:?}");
}
