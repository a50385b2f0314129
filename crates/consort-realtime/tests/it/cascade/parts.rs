//! Scripted parts: a model, ears and a voice that take their time, or fail.
use consort_core::{
    BoxStream, Context, Delta, Error, ErrorKind, Event, EventStream, FinishReason, Modality, Model,
    ModelCard, PartKey, PartKind, Pcm, Request, Usage, Warning,
};
use consort_realtime::audio::VoiceSort;
use consort_realtime::voices::{Heard, Hearing, Recogniser, Speech, Synthesiser, TestVoice, told};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One thing that a model does, after so many milliseconds.
#[derive(Debug, Clone)]
pub(crate) enum Do {
    Say(u64, &'static str),
    Call(u64, &'static str),
    Fail(u64, ErrorKind),
    /// Warns, and says what it cost so far.
    Warn(u64),
    /// The stream ends without a word.
    Cut(u64),
}

/// What is said at last: no script answers it.
pub(crate) const LAST: &str = "at last";

/// A model that answers what is written for it, one answer after the other; then that it has no more.
#[derive(Debug)]
pub(crate) struct Script {
    card: ModelCard,
    answers: Mutex<VecDeque<Vec<Do>>>,
    pub(crate) asked: Mutex<Vec<Arc<Request>>>,
    /// When it was asked.
    pub(crate) times: Mutex<Vec<tokio::time::Instant>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Vec<Do>>) -> Arc<Self> {
        let answers = Mutex::new(answers.into_iter().collect());
        Arc::new(Self {
            card: ModelCard::new("zoo", "script"),
            answers,
            asked: Mutex::default(),
            times: Mutex::default(),
        })
    }

    /// The same of a model whose window is so many tokens, and which sees pictures.
    pub(crate) fn with_window(window: u64, answers: impl IntoIterator<Item = Vec<Do>>) -> Arc<Self> {
        let mut card = ModelCard::new("zoo", "script");
        card.limits.context = Some(window);
        card.capabilities.input = Some(vec![Modality::Text, Modality::Image]);
        let answers = Mutex::new(answers.into_iter().collect());
        Arc::new(Self { card, answers, asked: Mutex::default(), times: Mutex::default() })
    }

    pub(crate) fn say(text: &'static str) -> Arc<Self> {
        Self::new([vec![Do::Say(0, text)]])
    }

    /// What the model was told, request by request: role and text of each message.
    pub(crate) fn told(&self) -> Vec<Vec<String>> {
        let text = |request: &Arc<Request>| {
            let line = |message: &consort_core::Message| {
                let parts = message.parts.iter().map(|part| match &part.body {
                    consort_core::Body::Text { text, .. } => text.trim().to_owned(),
                    consort_core::Body::ToolCall(call) => format!("<{}>", call.id),
                    consort_core::Body::ToolResult(result) => {
                        format!("<{}: {}>", result.call_id, result.text())
                    }
                    _ => "<media>".to_owned(),
                });
                format!("{:?}: {}", message.role, parts.collect::<Vec<_>>().join(" "))
            };
            request.messages.iter().map(line).collect()
        };
        self.asked.lock().unwrap().iter().map(text).collect()
    }
}

impl Model for Script {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        self.times.lock().unwrap().push(tokio::time::Instant::now());
        let is_last = request.messages.last().is_some_and(|last| last.text().contains(LAST));
        self.asked.lock().unwrap().push(request);
        let script = self.answers.lock().unwrap().pop_front().filter(|_| !is_last);
        let script = script.unwrap_or_else(|| vec![Do::Say(50, "I have no more to say.")]);
        told(move |tell| async move {
            tell.item(Ok(Event::Started { model: None, response_id: None }));
            let mut reason = FinishReason::Stop;
            for (at, step) in script.into_iter().enumerate() {
                let part = PartKey(at as u32);
                match step {
                    Do::Say(wait, text) => {
                        context.clock.sleep(ms(wait)).await;
                        tell.item(Ok(Event::PartStart { part, choice: 0, kind: PartKind::Text }));
                        tell.item(Ok(Event::PartDelta { part, delta: Delta::Text(text.into()) }));
                    }
                    Do::Call(wait, id) => {
                        context.clock.sleep(ms(wait)).await;
                        let kind = PartKind::ToolCall { id: id.into(), name: "look".into() };
                        tell.item(Ok(Event::PartStart { part, choice: 0, kind }));
                        tell.item(Ok(Event::PartDelta { part, delta: Delta::Arguments("{}".into()) }));
                        reason = FinishReason::ToolCalls;
                    }
                    Do::Warn(wait) => {
                        context.clock.sleep(ms(wait)).await;
                        let warning = Warning { code: "scripted".into(), message: "take care".into() };
                        tell.item(Ok(Event::Warning(warning)));
                        tell.item(Ok(Event::Usage(Usage { input: Some(7), ..Usage::default() })));
                    }
                    Do::Fail(wait, kind) => {
                        context.clock.sleep(ms(wait)).await;
                        return tell.item(Err(Error::new(kind, "scripted")));
                    }
                    Do::Cut(wait) => return context.clock.sleep(ms(wait)).await,
                }
            }
            tell.item(Ok(Event::Usage(Usage { input: Some(3), output: Some(2), ..Usage::default() })));
            tell.item(Ok(Event::Finished(reason.into())));
        })
    }
}

/// Whether one is left, which is taken.
fn takes(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

/// The test voice as ears that understand a turn when it is over, so many milliseconds later. The first tries fail.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) wait: u64,
    pub(crate) failing: AtomicUsize,
    /// The first tries, before those that fail, never end.
    pub(crate) hanging: AtomicUsize,
    pub(crate) kind: Option<ErrorKind>,
    pub(crate) tries: Arc<AtomicUsize>,
}

impl Batch {
    pub(crate) fn after(wait: u64) -> Self {
        Self { wait, ..Self::default() }
    }
}

impl Recogniser for Batch {
    fn id(&self) -> &'static str {
        "batch"
    }

    fn hear(
        &self,
        sound: BoxStream<'static, Pcm>,
        hearing: Hearing,
        context: Context,
    ) -> BoxStream<'static, Result<Heard, Error>> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        if takes(&self.hanging) {
            return told(|_| std::future::pending());
        }
        let fails = takes(&self.failing);
        let (wait, kind) = (ms(self.wait), self.kind.unwrap_or(ErrorKind::Network));
        let mut words = TestVoice.hear(sound, hearing, context.clone());
        told(move |tell| async move {
            while let Some(heard) = poll_fn(|cx| words.as_mut().poll_next(cx)).await {
                if let Ok(Heard::Final(_)) = heard {
                    context.clock.sleep(wait).await;
                    tell.item(if fails { Err(Error::new(kind, "scripted")) } else { heard });
                }
            }
        })
    }

    fn sort(&self) -> VoiceSort {
        VoiceSort::Any
    }
}

/// The test voice as ears that hear words as they come, and are cut after so many of them, the first times.
#[derive(Debug, Default)]
pub(crate) struct Streaming {
    pub(crate) cut_after: usize,
    pub(crate) failing: AtomicUsize,
    pub(crate) hanging: AtomicUsize,
    /// The first tries, before those that fail, do not.
    pub(crate) spared: AtomicUsize,
    /// How it fails; the stream just ends where nothing is said.
    pub(crate) kind: Option<ErrorKind>,
    pub(crate) tries: Arc<AtomicUsize>,
    /// What is understood in the end, where it is not what was said.
    pub(crate) end: Option<&'static str>,
    pub(crate) wait: u64,
}

impl Recogniser for Streaming {
    fn id(&self) -> &'static str {
        "streaming"
    }

    fn hear(
        &self,
        sound: BoxStream<'static, Pcm>,
        hearing: Hearing,
        context: Context,
    ) -> BoxStream<'static, Result<Heard, Error>> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        if takes(&self.hanging) {
            return told(|_| std::future::pending());
        }
        let (fails, kind) = (!takes(&self.spared) && takes(&self.failing), self.kind);
        let (cut, end, wait) = (self.cut_after, self.end, ms(self.wait));
        let mut words = TestVoice.hear(sound, hearing, context.clone());
        told(move |tell| async move {
            let mut count = 0;
            while let Some(heard) = poll_fn(|cx| words.as_mut().poll_next(cx)).await {
                count += 1;
                if fails && count > cut {
                    return kind.map_or((), |kind| tell.item(Err(Error::new(kind, "scripted"))));
                }
                match heard {
                    Ok(Heard::Final(text)) => {
                        context.clock.sleep(wait).await;
                        tell.item(Ok(Heard::Final(end.map_or(text, str::to_owned))));
                    }
                    other => tell.item(other),
                }
            }
        })
    }

    fn streams(&self) -> bool {
        true
    }

    fn sort(&self) -> VoiceSort {
        VoiceSort::Any
    }
}

/// The test voice, whose first sound takes so many milliseconds, and each 100 ms of it so many more; it fails for texts with certain words.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    pub(crate) wait: u64,
    pub(crate) trickle: u64,
    pub(crate) fails_at: Option<&'static str>,
    pub(crate) kind: Option<ErrorKind>,
    /// The first tries never end.
    pub(crate) hanging: AtomicUsize,
    pub(crate) spoken: Arc<Mutex<Vec<String>>>,
}

impl Synthesiser for Slow {
    fn id(&self) -> &'static str {
        "slow"
    }

    fn speak(&self, speech: Speech, context: Context) -> BoxStream<'static, Result<Pcm, Error>> {
        self.spoken.lock().unwrap().push(speech.text.clone());
        let fails = self.fails_at.is_some_and(|word| speech.text.contains(word));
        if takes(&self.hanging) {
            return told(|_| std::future::pending());
        }
        let (wait, trickle) = (ms(self.wait), ms(self.trickle));
        let kind = self.kind.unwrap_or(ErrorKind::Server);
        let mut sound = TestVoice.speak(speech, context.clone());
        told(move |tell| async move {
            context.clock.sleep(wait).await;
            if fails {
                return tell.item(Err(Error::new(kind, "scripted")));
            }
            while let Some(piece) = poll_fn(|cx| sound.as_mut().poll_next(cx)).await {
                context.clock.sleep(trickle).await;
                tell.item(piece);
            }
        })
    }
}
