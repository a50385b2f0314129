//! Served connections: what carries frames is made of channels here, and time stands still where it is not needed.
use consort_core::{
    BoxFuture, CloseReason, Context, Error, ErrorKind, ModelCard, Object, Pcm, RealtimeModel,
    RealtimeSession, SessionConfig, SessionEvent, SessionInput, Speaker, TranscriptMode,
};
use consort_providers::{DemoProvider, TokioClock};
use consort_realtime::serve::{Find, Found, Frame, LONGEST_MESSAGE, serve};
use consort_realtime::wire::served::Reply;
use consort_realtime::wire::{GeminiServed, OpenAiServed, ServedWire};
use futures_util::{Sink, Stream};
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{self, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The server's end of a connection.
struct Pipe {
    from: mpsc::UnboundedReceiver<Frame>,
    to: mpsc::UnboundedSender<Frame>,
    /// Whether the client reads.
    reads: Arc<AtomicBool>,
}

impl Stream for Pipe {
    type Item = Result<Frame, ()>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.from.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

impl Sink<Frame> for Pipe {
    type Error = ();

    fn poll_ready(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), ()>> {
        if self.reads.load(Ordering::SeqCst) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn start_send(self: Pin<&mut Self>, frame: Frame) -> Result<(), ()> {
        self.to.send(frame).map_err(drop)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), ()>> {
        self.poll_flush(cx)
    }
}

/// The client's end.
pub(super) struct Client {
    to: mpsc::UnboundedSender<Frame>,
    pub(super) from: mpsc::UnboundedReceiver<Frame>,
    reads: Arc<AtomicBool>,
    leaving: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Client {
    pub(super) fn new(wire: Box<dyn ServedWire>, find: Find) -> Self {
        let (to, theirs) = mpsc::unbounded_channel();
        let (ours, from) = mpsc::unbounded_channel();
        let reads = Arc::new(AtomicBool::new(true));
        let leaving = watch::Sender::new(false);
        let pipe = Pipe { from: theirs, to: ours, reads: reads.clone() };
        let served = tokio::spawn(serve(wire, pipe, find, leaving.subscribe()));
        Self { to, from, reads, leaving, served }
    }

    fn openai(find: Find) -> Self {
        Self::new(Box::new(OpenAiServed::new("demo/live", "t")), find)
    }

    pub(super) fn say(&self, message: &Value) {
        self.to.send(Frame::Text(message.to_string())).unwrap();
    }

    async fn frame(&mut self) -> Option<Frame> {
        timeout(Duration::from_mins(2), self.from.recv()).await.expect("in time")
    }

    /// The next message, and the last frame's reason instead of one.
    async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match self.frame().await {
                Some(Frame::Text(text)) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Frame::Close(Some(close))) => return Err(close),
                Some(_) => {}
                None => return Err((1006, String::new())),
            }
        }
    }

    /// All messages up to one of this type.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let message = self.next().await.unwrap_or_else(|end| panic!("{end:?} behind {all:?}"));
            let last = message["type"] == kind;
            all.push(message);
            if last {
                return all;
            }
        }
    }

    async fn ended(&mut self) -> (u16, String) {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }
}

fn demo() -> Find {
    let model = consort_core::Provider::realtime_model(&DemoProvider::new(), "live").unwrap();
    found(model)
}

pub(super) fn found(model: Arc<dyn RealtimeModel>) -> Find {
    Arc::new(move |_| {
        let context = Context { clock: Arc::new(TokioClock), ..Context::default() };
        let model = model.clone();
        Box::pin(async move { Ok(Found { model, context, options: Object::new() }) })
    })
}

fn nobody() -> Find {
    Arc::new(|name| {
        Box::pin(
            async move { Err(Error::new(ErrorKind::ModelNotFound, format!("no model is named `{name}`"))) },
        )
    })
}

fn ask(client: &Client, text: &str) {
    client.say(&json!({"type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}}));
    client.say(&json!({"type": "response.create"}));
}

#[tokio::test(start_paused = true)]
async fn a_whole_turn_with_the_demo() {
    let mut client = Client::openai(demo());
    assert_eq!(client.next().await.unwrap()["type"], "session.created");
    ask(&client, "hello");
    let all = client.until("response.done").await;
    let words: String = all
        .iter()
        .filter(|m| m["type"] == "response.output_audio_transcript.done")
        .map(|m| m["transcript"].as_str().unwrap())
        .collect();
    assert_eq!(words, "You said: hello");
    assert!(all.last().unwrap()["response"]["usage"]["output_tokens"].is_u64());
    drop(client.to);
    timeout(Duration::from_secs(5), client.served).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_not_there_is_told_before_anything_else() {
    let mut client = Client::openai(nobody());
    let error = client.next().await.unwrap();
    assert_eq!(
        (&error["type"], &error["error"]["message"]),
        (&"error".into(), &"no model is named `demo/live`".into())
    );
    assert_eq!(client.ended().await.0, 1008);
    let mut other = Client::new(Box::new(GeminiServed::new("t")), nobody());
    other.say(&json!({"setup": {"model": "models/zoo/none"}}));
    assert_eq!(other.ended().await, (1008, "no model is named `zoo/none`".into()));
}

/// Tells what it is built to tell, and counts.
struct Flood {
    card: ModelCard,
    told: Arc<AtomicUsize>,
}

impl RealtimeModel for Flood {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(&self, _: SessionConfig, _: Context) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        let told = self.told.clone();
        Box::pin(async move {
            Ok(RealtimeSession::driven(|mut inputs, say| async move {
                say.push(SessionEvent::connected());
                while let Some(input) = inputs.next().await {
                    if matches!(input, SessionInput::Text { .. }) {
                        // An hour of sound at once, with words between.
                        for piece in 0..7_200 {
                            let pcm = Pcm::mono(vec![1; 12_000], 24_000);
                            say.send(SessionEvent::audio("a", pcm)).await;
                            if piece % 100 == 0 {
                                let (by, mode) = (Speaker::Assistant, TranscriptMode::Delta);
                                say.send(SessionEvent::Transcript {
                                    item: "a".into(),
                                    by,
                                    mode,
                                    text: "x".into(),
                                })
                                .await;
                            }
                            told.fetch_add(1, Ordering::SeqCst);
                        }
                        say.push(SessionEvent::TurnDone {
                            finish: consort_core::FinishReason::Stop.into(),
                            usage: None,
                        });
                    }
                }
                CloseReason::Asked
            }))
        })
    }
}

fn flood() -> (Find, Arc<AtomicUsize>) {
    let told = Arc::new(AtomicUsize::new(0));
    (found(Arc::new(Flood { card: ModelCard::new("zoo", "flood"), told: told.clone() })), told)
}

#[tokio::test(start_paused = true)]
async fn who_never_reads_takes_no_memory_and_is_sent_away() {
    let (find, told) = flood();
    let mut client = Client::openai(find);
    client.next().await.unwrap();
    client.reads.store(false, Ordering::SeqCst);
    ask(&client, "flood me");
    timeout(Duration::from_mins(1), &mut client.served).await.expect("it is sent away").unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 7_200, "nobody was held up");
    let mut sent = 0;
    while let Some(Frame::Text(text)) = client.from.recv().await {
        sent += text.len();
    }
    assert!(sent < 256 << 10, "{sent} bytes waited");
}

#[tokio::test(start_paused = true)]
async fn who_reads_late_misses_sound_and_nothing_else() {
    let (find, _) = flood();
    let mut client = Client::openai(find);
    client.next().await.unwrap();
    ask(&client, "flood me");
    let all = client.until("response.done").await;
    let words =
        all.iter().filter(|message| message["type"] == "response.output_audio_transcript.delta").count();
    assert_eq!(words, 72);
}

#[tokio::test(start_paused = true)]
async fn who_asks_without_reading_is_not_listened_to() {
    let mut client = Client::openai(demo());
    client.next().await.unwrap();
    client.reads.store(false, Ordering::SeqCst);
    for _ in 0..20_000 {
        client.say(&json!({"type": "nonsense"}));
    }
    timeout(Duration::from_mins(1), &mut client.served).await.expect("it is sent away").unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_asked_for_signs_of_life_and_let_go() {
    let mut client = Client::openai(demo());
    client.next().await.unwrap();
    let mut pings = 0;
    while let Some(frame) = client.frame().await {
        if frame == Frame::Ping {
            pings += 1;
            if pings < 10 {
                let _ = client.to.send(Frame::Pong);
            }
        }
    }
    assert!((10..=15).contains(&pings), "{pings}: it is not given up before");
    let mut idle = Client::openai(demo());
    idle.next().await.unwrap();
    let end = loop {
        match idle.frame().await {
            Some(Frame::Ping) => drop(idle.to.send(Frame::Pong)),
            Some(Frame::Close(Some(close))) => break close,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((end.0, end.1.as_str()), (1000, "nothing was said for half an hour"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_says_so() {
    let mut client = Client::openai(demo());
    client.next().await.unwrap();
    client.leaving.send_replace(true);
    assert_eq!(client.ended().await, (1001, "the server ends".into()));
    let mut other = Client::new(Box::new(GeminiServed::new("t")), demo());
    other.say(&json!({"setup": {"model": "models/demo/live"}}));
    other.next().await.unwrap();
    other.leaving.send_replace(true);
    assert_eq!(other.next().await.unwrap(), json!({"goAway": {"timeLeft": "5s"}}));
    assert_eq!(other.ended().await.0, 1001);
}

#[tokio::test(start_paused = true)]
async fn long_sound_is_heard_and_what_is_too_long_is_refused() {
    let mut client = Client::openai(demo());
    client.next().await.unwrap();
    let minutes = Pcm::mono(vec![9000; 24_000 * 240], 24_000).to_le_bytes();
    let audio = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, minutes);
    assert!(audio.len() < LONGEST_MESSAGE);
    client.say(&json!({"type": "session.update", "session": {"type": "realtime",
        "audio": {"input": {"turn_detection": null, "transcription": {"model": "any"}}}}}));
    client.say(&json!({"type": "input_audio_buffer.append", "audio": audio}));
    client.say(&json!({"type": "input_audio_buffer.commit"}));
    client.say(&json!({"type": "response.create"}));
    let all = client.until("response.done").await;
    let heard =
        all.iter().find(|m| m["type"] == "conversation.item.input_audio_transcription.completed").unwrap();
    assert_eq!(heard["transcript"], "(240.0 s of sound)");
    client.to.send(Frame::Text("x".repeat(LONGEST_MESSAGE + 1))).unwrap();
    assert_eq!(client.ended().await, (1009, "a message of more than 16 MiB".into()));
}

#[tokio::test(start_paused = true)]
async fn two_connections_of_one_client_are_two_sessions() {
    let (mut one, mut other) = (Client::openai(demo()), Client::openai(demo()));
    for client in [&mut one, &mut other] {
        client.next().await.unwrap();
    }
    ask(&one, "one");
    ask(&other, "other");
    for (client, word) in [(&mut other, "other"), (&mut one, "one")] {
        let all = client.until("response.done").await;
        let words = &all.last().unwrap()["response"]["output"][0]["content"][0]["transcript"];
        assert_eq!(words, &json!(format!("You said: {word}")));
    }
}

/// A format of its own: what a message of one letter does is said here.
struct Letters {
    /// Where a long message waits until something else was done.
    done: std::sync::mpsc::Receiver<()>,
}

impl ServedWire for Letters {
    fn greet(&mut self) -> Reply {
        Reply { find: Some("any".into()), ..Reply::default() }
    }

    fn message(&mut self, message: &[u8], _: Duration) -> Reply {
        let sound = SessionInput::Audio(Pcm::mono(vec![7; 480], 24_000));
        let inputs = match message {
            b"spoken" => vec![sound.clone(), SessionInput::Commit, sound],
            b"words" => vec![SessionInput::text("of before")],
            b"minutes" => vec![sound; 500],
            b"cut" => vec![SessionInput::Interrupt { item: Some("of before".into()), heard: Duration::ZERO }],
            _ => Vec::new(),
        };
        let mut messages = Vec::new();
        if message.len() > 100_000 {
            let went_on = self.done.recv_timeout(Duration::from_secs(20)).is_ok();
            messages.push(format!("\"others went on: {went_on}\""));
        }
        let open = (message == b"open").then(SessionConfig::default);
        Reply { open, inputs, messages, ..Reply::default() }
    }

    fn event(&mut self, event: SessionEvent, _: Duration) -> Reply {
        Reply { messages: vec![serde_json::to_string(&event).unwrap()], ..Reply::default() }
    }

    fn due(&self) -> Option<Duration> {
        None
    }

    fn tick(&mut self, _: Duration) -> Reply {
        Reply::default()
    }

    fn leave(&mut self, _: Duration) -> Reply {
        Reply::default()
    }
}

#[tokio::test]
async fn a_long_message_holds_up_nobody_else() {
    let (done, waits) = std::sync::mpsc::channel();
    let mut client = Client::new(Box::new(Letters { done: waits }), demo());
    client.to.send(Frame::Text("x".repeat(1 << 20))).unwrap();
    // All is one thread here: were the message read on it, this would come too late.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _ = done.send(());
    assert_eq!(client.next().await.unwrap(), json!("others went on: true"));
}

/// Takes its time to open at first, and tells what it heard.
struct Slow {
    card: ModelCard,
    opened: Arc<AtomicUsize>,
}

impl RealtimeModel for Slow {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(&self, _: SessionConfig, _: Context) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        let is_first = self.opened.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if is_first {
                std::future::pending::<()>().await;
            }
            Ok(RealtimeSession::driven(|mut inputs, say| async move {
                say.push(SessionEvent::connected());
                while let Some(input) = inputs.next().await {
                    let heard = match input {
                        SessionInput::Audio(_) => "sound",
                        SessionInput::Commit => "its end",
                        SessionInput::Text { .. } => "words",
                        _ => "something else",
                    };
                    let by = Speaker::Assistant;
                    say.push(SessionEvent::Transcript {
                        item: "a".into(),
                        by,
                        mode: TranscriptMode::Delta,
                        text: heard.into(),
                    });
                }
                CloseReason::Asked
            }))
        })
    }
}

#[tokio::test]
async fn much_that_is_handed_on_holds_up_nobody_else() {
    let opened = Arc::new(AtomicUsize::new(1));
    let model = found(Arc::new(Slow { card: ModelCard::new("zoo", "slow"), opened }));
    let (_done, waits) = std::sync::mpsc::channel();
    let mut client = Client::new(Box::new(Letters { done: waits }), model);
    ["open", "minutes"].into_iter().for_each(|word| client.to.send(Frame::Text(word.into())).unwrap());
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = turns.clone();
    let others = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let mut heard = 0;
    while heard < 500 {
        heard += usize::from(client.next().await.unwrap()["text"] == "sound");
    }
    others.abort();
    let turns = turns.load(Ordering::SeqCst);
    assert!(turns >= 100, "others had their turn {turns} times");
}

/// Takes sound in the time that it lasts.
struct Patient {
    card: ModelCard,
}

impl RealtimeModel for Patient {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(&self, _: SessionConfig, _: Context) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        Box::pin(async {
            Ok(RealtimeSession::driven(|mut inputs, say| async move {
                say.push(SessionEvent::connected());
                while let Some(input) = inputs.next().await {
                    match input {
                        SessionInput::Audio(pcm) => tokio::time::sleep(pcm.duration()).await,
                        SessionInput::Commit => {
                            say.push(SessionEvent::Text { item: "a".into(), text: "end".into() });
                        }
                        _ => {}
                    }
                }
                CloseReason::Asked
            }))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn who_gives_signs_of_life_is_not_let_go_while_a_model_is_slow() {
    let begun = tokio::time::Instant::now();
    let mut client = Client::openai(found(Arc::new(Patient { card: ModelCard::new("zoo", "patient") })));
    client.say(&json!({"type": "session.update", "session": {"type": "realtime",
        "audio": {"input": {"turn_detection": null}}}}));
    let second = Pcm::mono(vec![9000; 24_000 * 20], 24_000).to_le_bytes();
    let audio = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, second);
    (0..15).for_each(|_| client.say(&json!({"type": "input_audio_buffer.append", "audio": audio})));
    client.say(&json!({"type": "input_audio_buffer.commit"}));
    client.say(&json!({"type": "response.create"}));
    let lives = client.to.clone();
    let alive = tokio::spawn(async move {
        while lives.send(Frame::Pong).is_ok() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    });
    let all = client.until("response.output_text.delta").await;
    assert_eq!(all.last().unwrap()["delta"], "end");
    assert!(begun.elapsed() > Duration::from_secs(250), "{:?}", begun.elapsed());
    // Who gives none any more is told why it is let go.
    alive.abort();
    let (code, reason) = client.ended().await;
    assert_eq!((code, reason.as_str()), (1008, "no sign of life came for 90 s"));
}

#[tokio::test(start_paused = true)]
async fn a_session_in_the_place_of_another_hears_what_was_said_aloud_and_nothing_else_of_before() {
    let opened = Arc::new(AtomicUsize::new(0));
    let slow = Slow { card: ModelCard::new("zoo", "slow"), opened: opened.clone() };
    let (_done, waits) = std::sync::mpsc::channel();
    let mut client = Client::new(Box::new(Letters { done: waits }), found(Arc::new(slow)));
    let say = |message: &str| client.to.send(Frame::Text(message.into())).unwrap();
    say("open");
    // Which of two openings comes first is for the connection to say.
    while opened.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    ["words", "cut", "spoken", "cut", "open", "words"].into_iter().for_each(say);
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "words") {
        let event = client.next().await.unwrap();
        heard.extend(event["text"].as_str().map(str::to_owned));
    }
    assert_eq!(heard, ["sound", "its end", "words"]);
}
