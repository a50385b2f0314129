//! A model that plays a script.
use consort_core::{
    Context, Delta, Error, Event, EventStream, FinishReason, Model, ModelCard, PartKey, PartKind, Request,
    Usage,
};
use futures_util::{StreamExt, stream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One step of an answer.
#[derive(Debug, Clone)]
pub enum Step {
    Say(&'static str),
    Think(&'static str),
    Call(&'static str, &'static str, &'static str),
    Wait(Duration),
    Fail(Error),
    Used(u64, u64),
    /// Nothing more comes, and the stream stays open.
    Hang,
    /// The stream ends without an end.
    Vanish,
}

/// Plays one script for each time that it is asked, the last one again and again.
#[derive(Debug)]
pub struct Scripted {
    card: ModelCard,
    scripts: Mutex<Vec<Vec<Step>>>,
    asked: Mutex<Vec<Arc<Request>>>,
}

impl Scripted {
    pub fn new(scripts: Vec<Vec<Step>>) -> Arc<Self> {
        Self::with(ModelCard::new("test", "model"), scripts)
    }

    pub fn with(card: ModelCard, mut scripts: Vec<Vec<Step>>) -> Arc<Self> {
        scripts.reverse();
        Arc::new(Self { card, scripts: Mutex::new(scripts), asked: Mutex::default() })
    }

    /// What it was asked.
    pub fn requests(&self) -> Vec<Arc<Request>> {
        lock(&self.asked).clone()
    }
}

impl Model for Scripted {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, _: Context) -> EventStream {
        lock(&self.asked).push(request);
        let mut scripts = lock(&self.scripts);
        let script = if scripts.len() > 1 { scripts.pop() } else { scripts.last().cloned() };
        let script = script.unwrap_or_default();
        stream::iter(play(script)).then(timed).boxed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Played {
    Event(Event),
    Error(Error),
    Wait(Duration),
    Hang,
}

async fn timed(played: Played) -> Result<Event, Error> {
    match played {
        Played::Event(event) => Ok(event),
        Played::Error(error) => Err(error),
        Played::Wait(time) => {
            tokio::time::sleep(time).await;
            Ok(Event::Native { value: serde_json::Value::Null })
        }
        Played::Hang => std::future::pending().await,
    }
}

fn play(script: Vec<Step>) -> Vec<Played> {
    let mut played = vec![Played::Event(Event::Started { model: Some("model-1".into()), response_id: None })];
    let mut calls = false;
    for (at, step) in script.into_iter().enumerate() {
        let part = PartKey(at as u32);
        let mut whole = |kind: PartKind, delta: Delta| {
            played.push(Played::Event(Event::PartStart { part, choice: 0, kind }));
            played.push(Played::Event(Event::PartDelta { part, delta }));
            played.push(Played::Event(Event::PartEnd { part }));
        };
        match step {
            Step::Say(text) => whole(PartKind::Text, Delta::Text(text.into())),
            Step::Think(text) => whole(PartKind::Reasoning { redacted: false }, Delta::Text(text.into())),
            Step::Call(id, name, arguments) => {
                calls = true;
                let kind = PartKind::ToolCall { id: id.into(), name: name.into() };
                whole(kind, Delta::Arguments(arguments.into()));
            }
            Step::Used(input, output) => played.push(Played::Event(Event::Usage(Usage {
                input: Some(input),
                output: Some(output),
                ..Usage::default()
            }))),
            Step::Wait(time) => played.push(Played::Wait(time)),
            Step::Fail(error) => {
                played.push(Played::Error(error));
                return played;
            }
            Step::Hang => {
                played.push(Played::Hang);
                return played;
            }
            Step::Vanish => return played,
        }
    }
    let reason = if calls { FinishReason::ToolCalls } else { FinishReason::Stop };
    played.push(Played::Event(Event::Finished(reason.into())));
    played
}
