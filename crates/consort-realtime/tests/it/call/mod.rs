//! Calls: what is played, what the model is told, and what the log holds afterwards.
mod cascade;
mod kept;
mod knows;
mod quiet;
mod resumed;
mod schedules;

use consort_core::{
    BoxFuture, Context, Error, ModelCard, ModelKind, NoCredentials, Pcm, Price, RealtimeModel,
    RealtimeSession, SessionConfig, SessionEvent, SessionInput, SessionInputs, SessionTeller, Speaker,
    TranscriptMode, Usage,
};
use consort_providers::TokioClock;
use consort_realtime::call::{Call, CallEvent, CallSetup, Keep};
use consort_store::{MemoryStore, NewConversation, Store, Turn};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A model whose other end the test holds.
struct Scripted {
    card: ModelCard,
    opened: Mutex<Option<(SessionConfig, SessionInputs, SessionTeller)>>,
}

impl RealtimeModel for Scripted {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(&self, config: SessionConfig, _: Context) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        let (session, inputs, say) = RealtimeSession::pair();
        *self.opened.lock().unwrap() = Some((config, inputs, say));
        Box::pin(async { Ok(session) })
    }
}

/// A call, and the model's end of it.
struct Held {
    call: Call,
    config: SessionConfig,
    inputs: SessionInputs,
    say: SessionTeller,
    store: Arc<dyn Store>,
    keep: Keep,
    seen: Vec<CallEvent>,
}

impl Held {
    async fn open(change: impl FnOnce(&mut CallSetup)) -> Self {
        Self::open_in(Arc::new(MemoryStore::new()), None, change).await
    }

    /// The same with a model whose card says something else.
    async fn open_model(change: impl FnOnce(&mut ModelCard)) -> Self {
        Self::open_as(Arc::new(MemoryStore::new()), None, change, |_| {}).await
    }

    async fn open_in(store: Arc<dyn Store>, keep: Option<Keep>, change: impl FnOnce(&mut CallSetup)) -> Self {
        Self::open_as(store, keep, |_| {}, change).await
    }

    async fn open_as(
        store: Arc<dyn Store>,
        keep: Option<Keep>,
        says: impl FnOnce(&mut ModelCard),
        change: impl FnOnce(&mut CallSetup),
    ) -> Self {
        let mut card = ModelCard::new("zoo", "parrot");
        card.kind = ModelKind::Realtime;
        card.price = Some(Price { input: 0, output: 1_000_000, ..Price::default() });
        says(&mut card);
        let keep = if let Some(keep) = keep {
            keep
        } else {
            let conversation = store.create(NewConversation::default()).await.unwrap().id;
            Keep { store: store.clone(), conversation, tip: None }
        };
        let model = Scripted { card, opened: Mutex::new(None) };
        let context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials));
        let mut setup = CallSetup::new(SessionConfig::default(), context);
        setup.keep = Some(keep.clone());
        change(&mut setup);
        let call = Call::open(&model, setup).await.unwrap();
        let (config, inputs, say) = model.opened.lock().unwrap().take().unwrap();
        Self { call, config, inputs, say, store, keep, seen: Vec::new() }
    }

    /// Lets time pass.
    async fn pass(&mut self, ms: u64) {
        let end = tokio::time::Instant::now() + Duration::from_millis(ms);
        while let Ok(Some(event)) = tokio::time::timeout_at(end, self.call.next()).await {
            self.seen.push(event);
        }
    }

    /// What the model was told since it was last asked.
    async fn told(&mut self) -> Vec<SessionInput> {
        let mut told = Vec::new();
        while let Ok(Some(input)) = tokio::time::timeout(Duration::ZERO, self.inputs.next()).await {
            told.push(input);
        }
        told
    }

    /// Ends it, and gives the log.
    async fn end(mut self) -> Vec<Turn> {
        self.say.close(consort_core::CloseReason::Asked);
        while self.call.next().await.is_some() {}
        self.log().await
    }

    async fn log(&self) -> Vec<Turn> {
        let conversation = self.store.conversation(self.keep.conversation).await.unwrap().unwrap();
        match conversation.tip {
            Some(tip) => self.store.path(tip).await.unwrap(),
            None => Vec::new(),
        }
    }

    fn user(&self, item: &str, text: &str) {
        self.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
        self.say.push(SessionEvent::SpeechStopped { by: Speaker::User });
        self.words(item, Speaker::User, TranscriptMode::Final, text);
    }

    fn words(&self, item: &str, by: Speaker, mode: TranscriptMode, text: &str) {
        self.say.push(SessionEvent::Transcript { item: item.into(), by, mode, text: text.into() });
    }

    /// Sound that is no speech.
    fn quiet() -> Pcm {
        Pcm::mono(vec![0; 480], 24_000)
    }

    /// Words of the answer, each letter with 10 ms of sound.
    fn speak(&self, item: &str, epoch: u64, words: &str) {
        for word in words.split_inclusive(' ') {
            self.words(item, Speaker::Assistant, TranscriptMode::Delta, word);
            self.say.push(SessionEvent::Audio { item: item.into(), epoch, pcm: sound(word) });
        }
    }

    /// An answer that is heard to its end, by which it is known how fast the model speaks.
    async fn hello(&mut self) {
        self.speak("hello", 0, "Hello.");
        self.done("hello", "Hello.");
        self.pass(100).await;
    }

    fn done(&self, item: &str, whole: &str) {
        self.say.push(SessionEvent::AudioDone { item: item.into(), interrupted: false });
        self.words(item, Speaker::Assistant, TranscriptMode::Final, whole);
        let usage = Some(Usage { input: Some(1), output: Some(3), ..Usage::default() });
        let finish = consort_core::FinishReason::Stop.into();
        self.say.push(SessionEvent::TurnDone { finish, usage });
    }
}

fn sound(word: &str) -> Pcm {
    Pcm::mono(vec![9000; word.chars().count() * 240], 24_000)
}

/// Who said what, and how it ended.
fn lines(log: &[Turn]) -> Vec<String> {
    let line = |turn: &Turn| {
        let text: Vec<String> = turn
            .parts
            .iter()
            .map(|part| match &part.body {
                consort_core::Body::Text { text, .. } => text.clone(),
                consort_core::Body::ToolCall(call) => format!("<{}>", call.name),
                consort_core::Body::ToolResult(result) => format!("={}", result.text()),
                other => format!("{other:?}").chars().take(9).collect(),
            })
            .collect();
        format!("{:?} {:?}: {}", turn.role, turn.status, text.join(" | "))
    };
    log.iter().map(line).collect()
}
