//! Scripted parts: a model, ears and a voice that take their time, or fail.
use consort_core::{
    BoxStream, Context, Delta, Error, ErrorKind, Event, EventStream, FinishReason, Model, ModelCard, PartKey,
    PartKind, Pcm, Request, Usage,
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
    /// The stream ends without a word.
    Cut(u64),
}

/// A model that answers what is written for it, one answer after the other; then that it has no more.
#[derive(Debug)]
pub(crate) struct Script {
    card: ModelCard,
    answers: Mutex<VecDeque<Vec<Do>>>,
    pub(crate) asked: Mutex<Vec<Arc<Request>>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Vec<Do>>) -> Arc<Self> {
        let answers = Mutex::new(answers.into_iter().collect());
        Arc::new(Self { card: ModelCard::new("zoo", "script"), answers, asked: Mutex::default() })
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
        self.asked.lock().unwrap().push(request);
        let script = self.answers.lock().unwrap().pop_front();
        let script = script.unwrap_or_else(|| vec![Do::Say(0, "I have no more to say.")]);
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

/// The test voice as ears that understand a turn when it is over, so many milliseconds later. The first tries fail.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) wait: u64,
    pub(crate) failing: AtomicUsize,
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
        let fails =
            self.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
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
        let fails =
            self.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        let (cut, end, wait) = (self.cut_after, self.end, ms(self.wait));
        let mut words = TestVoice.hear(sound, hearing, context.clone());
        told(move |tell| async move {
            let mut count = 0;
            while let Some(heard) = poll_fn(|cx| words.as_mut().poll_next(cx)).await {
                count += 1;
                if fails && count > cut {
                    return;
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

/// The test voice, whose first sound takes so many milliseconds; it fails for texts with certain words.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    pub(crate) wait: u64,
    pub(crate) fails_at: Option<&'static str>,
    pub(crate) spoken: Arc<Mutex<Vec<String>>>,
}

impl Synthesiser for Slow {
    fn id(&self) -> &'static str {
        "slow"
    }

    fn speak(&self, speech: Speech, context: Context) -> BoxStream<'static, Result<Pcm, Error>> {
        self.spoken.lock().unwrap().push(speech.text.clone());
        let fails = self.fails_at.is_some_and(|word| speech.text.contains(word));
        let wait = ms(self.wait);
        let mut sound = TestVoice.speak(speech, context.clone());
        told(move |tell| async move {
            context.clock.sleep(wait).await;
            if fails {
                return tell.item(Err(Error::new(ErrorKind::Server, "scripted")));
            }
            while let Some(piece) = poll_fn(|cx| sound.as_mut().poll_next(cx)).await {
                tell.item(piece);
            }
        })
    }
}
