//! A vendor whose connections play scripts in memory, so that time can stand still, and the words of each vendor for the
//! same things.
use super::rules::{Refusal, Rules};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{
    BoxFuture, Context, Error, ErrorKind, ModelCard, RealtimeModel, RealtimeSession, SessionConfig,
};
use consort_providers::TokioClock;
use consort_realtime::link::{Arrived, Channel, Connect, WireModel};
use consort_realtime::wire::{GeminiLive, GeminiQuirks, LiveWire, OpenAiLive, OpenAiQuirks};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The server's end of one connection.
pub(super) struct Server {
    said: UnboundedReceiver<String>,
    tell: UnboundedSender<Arrived>,
    state: Arc<State>,
    number: usize,
    /// How strict it is, once it is known who it is.
    rules: Mutex<Option<Rules>>,
}

/// What is known of all connections.
#[derive(Default)]
pub(super) struct State {
    pub(super) opened: AtomicUsize,
    open: AtomicUsize,
    pub(super) pings: AtomicUsize,
    /// How many milliseconds it takes to make a connection.
    pub(super) connecting: AtomicU64,
    /// What the client said, by connection.
    pub(super) heard: Mutex<Vec<Vec<String>>>,
    /// What it had to refuse.
    refused: Mutex<Vec<String>>,
    stalled: AtomicBool,
    wakers: Mutex<Vec<task::Waker>>,
}

pub(super) type Script = Box<dyn FnOnce(Server) -> BoxFuture<'static, ()> + Send>;

/// Plays one script for each connection; without one, no connection is made.
pub(super) struct Vendor {
    scripts: Mutex<VecDeque<Script>>,
    pub(super) state: Arc<State>,
    refusal: Error,
}

impl Vendor {
    pub(super) fn new(scripts: Vec<Script>) -> Arc<Self> {
        Self::refusing(scripts, Error::new(ErrorKind::Network, "nobody is there"))
    }

    pub(super) fn refusing(scripts: Vec<Script>, refusal: Error) -> Arc<Self> {
        Arc::new(Self { scripts: Mutex::new(scripts.into()), state: Arc::default(), refusal })
    }

    /// What the client said on this connection, read.
    pub(super) fn heard(&self, connection: usize) -> Vec<Value> {
        let heard = self.state.heard.lock().unwrap();
        heard[connection].iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// What was said that this vendor refuses; whoever looks expects it.
    pub(super) fn refused(&self) -> Vec<String> {
        std::mem::take(&mut self.state.refused.lock().unwrap())
    }

    pub(super) fn connections(&self) -> usize {
        self.state.opened.load(SeqCst)
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.refused(), [""; 0], "nothing is said that the vendor refuses");
        }
    }
}

pub(super) fn script<F, W>(play: F) -> Script
where
    F: FnOnce(Server) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    Box::new(|server| Box::pin(play(server)))
}

impl Connect for Vendor {
    fn connect(&self, _: Context) -> BoxFuture<'_, Result<Box<dyn Channel>, Error>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(self.state.connecting.load(SeqCst))).await;
            let Some(play) = self.scripts.lock().unwrap().pop_front() else {
                return Err(self.refusal.clone());
            };
            let (say, said) = unbounded_channel();
            let (tell, told) = unbounded_channel();
            let number = self.state.opened.fetch_add(1, SeqCst);
            assert_eq!(
                self.state.open.fetch_add(1, SeqCst),
                0,
                "the old connection is closed before a new one"
            );
            self.state.heard.lock().unwrap().push(Vec::new());
            let rules = Mutex::default();
            tokio::spawn(play(Server { said, tell, state: self.state.clone(), number, rules }));
            Ok(Box::new(InMemory { say: Some(say), told, state: self.state.clone() }) as Box<dyn Channel>)
        })
    }
}

/// The client's end.
struct InMemory {
    say: Option<UnboundedSender<String>>,
    told: UnboundedReceiver<Arrived>,
    state: Arc<State>,
}

impl Channel for InMemory {
    fn say(&mut self, message: String) {
        if let Some(say) = &self.say {
            let _ = say.send(message);
        }
    }

    fn ping(&mut self) {
        self.state.pings.fetch_add(1, SeqCst);
    }

    fn poll_sent(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        if self.state.stalled.load(SeqCst) {
            self.state.wakers.lock().unwrap().push(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Arrived> {
        let nothing = Arrived::Ended { code: None, reason: String::new() };
        self.told.poll_recv(cx).map(|arrived| arrived.unwrap_or(nothing))
    }

    fn poll_close(&mut self, _: &mut task::Context<'_>) -> Poll<()> {
        self.say = None;
        Poll::Ready(())
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        self.state.open.fetch_sub(1, SeqCst);
    }
}

impl Server {
    pub(super) fn tell(&self, messages: impl IntoIterator<Item = Value>) {
        for message in messages {
            if let Some(rules) = &mut *self.rules.lock().unwrap() {
                rules.told(&message);
            }
            self.bytes(message.to_string());
        }
    }

    /// Says that it refuses something, in its own way; false where it goes.
    fn refuse(&self, refusal: Refusal) -> bool {
        let (why, stays) = match refusal {
            Refusal::Close(code, why) => {
                self.end(Some(code), &why);
                (why, false)
            }
            Refusal::Error(error) => {
                self.bytes(error.to_string());
                (error.to_string(), true)
            }
        };
        self.state.refused.lock().unwrap().push(why);
        stays
    }

    pub(super) fn bytes(&self, bytes: impl Into<Vec<u8>>) {
        let _ = self.tell.send(Arrived::Message(bytes.into().into()));
    }

    pub(super) fn alive(&self) {
        let _ = self.tell.send(Arrived::Alive);
    }

    pub(super) fn end(&self, code: Option<u16>, reason: &str) {
        let _ = self.tell.send(Arrived::Ended { code, reason: reason.into() });
    }

    /// Lets the client hear what it was told.
    pub(super) async fn let_hear(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Neither takes nor tells anything.
    pub(super) fn stall(&self, on: bool) {
        self.state.stalled.store(on, SeqCst);
        self.state.wakers.lock().unwrap().drain(..).for_each(task::Waker::wake);
    }

    /// Waits until the client says something that holds this; false when it went.
    pub(super) async fn hear(&mut self, words: &str) -> bool {
        while let Some(message) = self.said.recv().await {
            let is_it = message.contains(words);
            let judged = self.rules.lock().unwrap().as_mut().map_or(Ok(()), |rules| rules.judge(&message));
            self.state.heard.lock().unwrap()[self.number].push(message);
            if judged.is_err_and(|refusal| !self.refuse(refusal)) {
                return false;
            }
            if is_it {
                return true;
            }
        }
        false
    }

    /// Whether the client says nothing more.
    pub(super) fn is_left(&self) -> bool {
        self.said.is_closed()
    }

    /// Listens until the client goes.
    pub(super) async fn rest(mut self) {
        while self.hear("\u{0}").await {}
    }
}

/// How one vendor says the same things as the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    OpenAi,
    VoiceLive,
    Xai,
    Qwen,
    Gemini,
    /// The models before Gemini 3.
    GeminiTwo,
}

pub(super) const TONGUES: [Tongue; 6] =
    [Tongue::OpenAi, Tongue::VoiceLive, Tongue::Xai, Tongue::Qwen, Tongue::Gemini, Tongue::GeminiTwo];

impl Tongue {
    fn wire(self, config: SessionConfig) -> Box<dyn LiveWire> {
        let quirks = match self {
            Self::Gemini => return Box::new(GeminiLive::new("m", config, GeminiQuirks::default())),
            Self::GeminiTwo => return Box::new(GeminiLive::new("m", config, GeminiQuirks::gemini_2())),
            Self::OpenAi => OpenAiQuirks::default(),
            Self::VoiceLive => OpenAiQuirks::azure_voice_live(),
            Self::Xai => OpenAiQuirks { own_tools: false, ..OpenAiQuirks::xai() },
            Self::Qwen => OpenAiQuirks::qwen(),
        };
        Box::new(OpenAiLive::new(config, quirks))
    }

    pub(super) fn model(self, vendor: &Arc<Vendor>) -> WireModel {
        let card = ModelCard::new("vendor", "m");
        WireModel::new(card, vendor.clone(), move |config| Ok(self.wire(config)))
    }

    pub(super) async fn session(self, vendor: &Arc<Vendor>) -> RealtimeSession {
        self.session_of(vendor, SessionConfig::default()).await
    }

    pub(super) async fn session_of(self, vendor: &Arc<Vendor>, config: SessionConfig) -> RealtimeSession {
        let context = Context { clock: Arc::new(TokioClock), ..Context::default() };
        self.model(vendor).connect(config, context).await.unwrap()
    }

    pub(super) fn is_gemini(self) -> bool {
        matches!(self, Self::Gemini | Self::GeminiTwo)
    }

    /// Whether it takes words in the place of speech.
    pub(super) fn reads(self) -> bool {
        self != Self::Qwen
    }

    /// Takes the session up.
    pub(super) async fn open(self, server: &mut Server) {
        *server.rules.lock().unwrap() = Some(Rules::new(self));
        if self.is_gemini() {
            server.hear("setup").await;
            server.tell([json!({"setupComplete": {}})]);
        } else {
            server.hear("session.update").await;
            let session = json!({"id": "s", "model": "m"});
            server.tell([
                json!({"type": "session.created", "session": session}),
                json!({"type": "session.updated", "session": session}),
            ]);
        }
    }

    fn name(self, released: &str) -> String {
        let is_beta = matches!(self, Self::VoiceLive | Self::Qwen);
        if is_beta { released.replace("output_audio", "audio") } else { released.to_owned() }
    }

    fn of(self, kind: &str, answer: &str, key: &str, value: &str) -> Value {
        json!({"type": self.name(kind), "response_id": answer, "item_id": format!("i{answer}"), "content_index": 0, key: value})
    }

    /// An answer begins, and says something.
    pub(super) fn begin(self, answer: &str, words: &str) -> Vec<Value> {
        if self.is_gemini() {
            let sound = json!({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAAAAAA"}});
            return vec![
                json!({"serverContent": {"modelTurn": {"parts": [sound]}}}),
                json!({"serverContent": {"outputTranscription": {"text": words}}}),
            ];
        }
        vec![
            json!({"type": "response.created", "response": {"id": answer}}),
            self.of("response.output_audio.delta", answer, "delta", "AAAAAAAA"),
            self.of("response.output_audio_transcript.delta", answer, "delta", words),
        ]
    }

    /// So much of its sound.
    pub(super) fn sound(self, answer: &str, ms: usize) -> Value {
        let data = STANDARD.encode(vec![1; ms * 48]);
        if self.is_gemini() {
            let part = json!({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}});
            return json!({"serverContent": {"modelTurn": {"parts": [part]}}});
        }
        self.of("response.output_audio.delta", answer, "delta", &data)
    }

    /// And is complete, these being all of its words.
    pub(super) fn done(self, answer: &str, words: &str) -> Vec<Value> {
        if self.is_gemini() {
            return vec![
                json!({"serverContent": {"generationComplete": true}}),
                json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"totalTokenCount": 7}}),
            ];
        }
        vec![
            self.of("response.output_audio.done", answer, "x", ""),
            self.of("response.output_audio_transcript.done", answer, "transcript", words),
            json!({"type": "response.done", "response": {"id": answer, "status": "completed", "usage": {"total_tokens": 7}}}),
        ]
    }

    /// The user begins to speak, where this vendor says so.
    pub(super) fn starts(self, item: &str) -> Vec<Value> {
        let event = json!({"type": "input_audio_buffer.speech_started", "item_id": item});
        Some(event).filter(|_| !self.is_gemini()).into_iter().collect()
    }

    /// And ends, and their sound becomes an item.
    pub(super) fn stops(self, item: &str) -> Vec<Value> {
        let of = |kind: &str| json!({"type": format!("input_audio_buffer.{kind}"), "item_id": item});
        if self.is_gemini() { Vec::new() } else { vec![of("speech_stopped"), of("committed")] }
    }

    /// What the user said aloud so far.
    pub(super) fn user_begins(self, item: &str, words: &str) -> Value {
        if self.is_gemini() {
            return json!({"serverContent": {"inputTranscription": {"text": words}}});
        }
        json!({"type": "conversation.item.input_audio_transcription.delta", "item_id": item, "delta": words})
    }

    /// What the user said aloud.
    pub(super) fn user(self, item: &str, words: &str) -> Value {
        if self.is_gemini() {
            return json!({"serverContent": {"inputTranscription": {"text": words, "finished": true}}});
        }
        json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": item, "transcript": words})
    }

    pub(super) fn call(self, answer: &str, id: &str) -> Vec<Value> {
        if self.is_gemini() {
            return vec![json!({"toolCall": {"functionCalls": [{"id": id, "name": "clock", "args": {}}]}})];
        }
        let item = json!({"type": "function_call", "call_id": id, "name": "clock", "arguments": "{}"});
        vec![
            json!({"type": "response.created", "response": {"id": answer}}),
            json!({"type": "response.output_item.done", "response_id": answer, "item": item}),
            json!({"type": "response.done", "response": {"id": answer, "status": "completed"}}),
        ]
    }

    /// The session's time is over.
    pub(super) fn expired(self) -> Value {
        if self.is_gemini() {
            return json!({"goAway": {"timeLeft": "5s"}});
        }
        json!({"type": "error", "error": {"code": "session_expired", "message": "the session is 60 minutes old"}})
    }

    /// The word of this vendor for who answers.
    pub(super) fn assistant(self) -> &'static str {
        match self {
            Self::Gemini => "model",
            Self::Qwen | Self::GeminiTwo => "you",
            _ => "assistant",
        }
    }
}

fn words_of(parts: &Value) -> String {
    parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect()
}

/// The turns that a new connection was told of, as `who: words`: as items, as turns, or below its instructions.
pub(super) fn past(heard: &[Value]) -> Vec<String> {
    let mut past = Vec::new();
    let is_seeded = heard.iter().any(|message| message["setup"]["historyConfig"].is_object());
    for message in heard {
        let turns = message["clientContent"]["turns"].as_array().filter(|_| is_seeded);
        for turn in turns.into_iter().flatten() {
            past.push(format!("{}: {}", turn["role"].as_str().unwrap(), words_of(&turn["parts"])));
        }
        let item = &message["item"];
        if item["type"] == "message" {
            past.push(format!("{}: {}", item["role"].as_str().unwrap(), words_of(&item["content"])));
        }
        let setup = message["setup"]["systemInstruction"]["parts"][0]["text"].as_str();
        let instructions = setup.or(message["session"]["instructions"].as_str()).unwrap_or_default();
        let (_, told) = instructions.split_once("said so far:").unwrap_or_default();
        for (who, words) in told.lines().filter_map(|line| line.split_once(": ")) {
            past.push(format!("{}: {words}", who.to_lowercase()));
        }
    }
    past
}
