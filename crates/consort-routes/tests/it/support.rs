//! Models that follow a script, and a place to ask them in.
use consort_core::{
    Attempt, Clock, Context, Delta, Error, Event, EventStream, FinishReason, Model, ModelCard, PartKey,
    PartKind, Price, Request, Usage,
};
use consort_providers::TokioClock;
use consort_routes::Route;
use futures_util::StreamExt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// One step of a target: a wait, then what comes. A script that runs out ends the stream.
#[derive(Debug, Clone)]
pub(crate) struct Step(pub(crate) Duration, pub(crate) Result<Event, Error>);

pub(crate) type Script = Vec<Step>;

/// Waits for ever.
pub(crate) const NEVER: Duration = Duration::from_secs(1_000_000);

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn now(item: Event) -> Step {
    Step(Duration::ZERO, Ok(item))
}

pub(crate) fn fails(error: Error) -> Script {
    vec![Step(Duration::ZERO, Err(error))]
}

pub(crate) fn started(name: &str) -> Event {
    Event::Started { model: Some(name.into()), response_id: None }
}

pub(crate) fn text(text: &str) -> Event {
    Event::PartDelta { part: PartKey(0), delta: Delta::Text(text.into()) }
}

pub(crate) fn part() -> Event {
    Event::PartStart { part: PartKey(0), choice: 0, kind: PartKind::Text }
}

pub(crate) fn used(input: u64, output: u64) -> Event {
    Event::Usage(Usage { input: Some(input), output: Some(output), ..Usage::default() })
}

/// A whole answer: a word, then the end, 10 tokens in and 5 out.
pub(crate) fn answers(name: &str) -> Script {
    vec![
        now(started(name)),
        now(part()),
        now(text(&format!("{name} "))),
        now(text("says so")),
        now(Event::PartEnd { part: PartKey(0) }),
        now(used(10, 5)),
        now(Event::Finished(FinishReason::Stop.into())),
    ]
}

pub(crate) fn answers_after(name: &str, wait: Duration) -> Script {
    let mut script = answers(name);
    script[0].0 = wait;
    script
}

/// A target `NAME/m` that plays a script for each call, the last one for all that follow.
pub(crate) struct Scripted {
    card: ModelCard,
    scripts: Mutex<VecDeque<Script>>,
    calls: Mutex<Vec<Instant>>,
    pub(crate) asked: Mutex<Vec<Arc<Request>>>,
    /// Held by each answer that is under way.
    live: Arc<()>,
}

impl Scripted {
    pub(crate) fn new(name: &str, scripts: impl IntoIterator<Item = Script>) -> Arc<Self> {
        Self::with(name, scripts, |_| {})
    }

    pub(crate) fn with(
        name: &str,
        scripts: impl IntoIterator<Item = Script>,
        change: impl FnOnce(&mut ModelCard),
    ) -> Arc<Self> {
        let mut card = ModelCard::new(name, "m");
        // 10 in and 5 out cost 20 micro-dollars.
        card.price = Some(Price { input: 1_000_000, output: 2_000_000, ..Price::default() });
        change(&mut card);
        let scripts = Mutex::new(scripts.into_iter().collect());
        Arc::new(Self {
            card,
            scripts,
            calls: Mutex::default(),
            asked: Mutex::default(),
            live: Arc::default(),
        })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// How many answers are under way.
    pub(crate) fn live(&self) -> usize {
        Arc::strong_count(&self.live) - 1
    }

    /// When it was called, from `begun` on.
    pub(crate) fn called_at(&self, begun: Instant) -> Vec<Duration> {
        self.calls.lock().unwrap().iter().map(|at| *at - begun).collect()
    }
}

impl Model for Scripted {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        self.calls.lock().unwrap().push(context.clock.now());
        self.asked.lock().unwrap().push(request);
        let mut scripts = self.scripts.lock().unwrap();
        let script = if scripts.len() > 1 { scripts.pop_front() } else { scripts.front().cloned() };
        let (clock, live) = (context.clock, self.live.clone());
        Box::pin(futures_util::stream::iter(script.unwrap_or_default()).then(move |Step(wait, item)| {
            let (clock, live) = (clock.clone(), live.clone());
            async move {
                if !wait.is_zero() {
                    clock.sleep(wait).await;
                }
                drop(live);
                item
            }
        }))
    }
}

pub(crate) fn context() -> Context {
    Context { clock: Arc::new(TokioClock), ..Context::default() }
}

pub(crate) fn clock_now() -> Instant {
    TokioClock.now()
}

/// What a caller saw of one request.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<Error>,
    pub(crate) took: Duration,
}

impl Seen {
    pub(crate) fn text(&self) -> String {
        let text = |event: &Event| match event {
            Event::PartDelta { delta: Delta::Text(text), .. } => Some(text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(text).collect()
    }

    pub(crate) fn attempts(&self) -> Vec<&Attempt> {
        fn attempt(event: &Event) -> Option<&Attempt> {
            match event {
                Event::Attempt(attempt) => Some(attempt),
                _ => None,
            }
        }
        self.events.iter().filter_map(attempt).collect()
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        fn warning(event: &Event) -> Option<&str> {
            match event {
                Event::Warning(warning) => Some(warning.message.as_str()),
                _ => None,
            }
        }
        self.events.iter().filter_map(warning).collect()
    }

    pub(crate) fn finished(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Finished(_))).count()
    }

    /// `ok` or the kind of the error.
    pub(crate) fn outcome(&self) -> &'static str {
        self.error.as_ref().map_or("ok", |error| error.kind().as_str())
    }
}

pub(crate) async fn ask(route: &Route) -> Seen {
    ask_with(route, Request::ask("Who?"), context()).await
}

pub(crate) async fn ask_with(route: &Route, request: Request, context: Context) -> Seen {
    let begun = clock_now();
    let mut stream = route.stream(request.into(), context);
    let (mut events, mut error) = (Vec::new(), None);
    while let Some(item) = stream.next().await {
        assert!(error.is_none(), "an error is the last item");
        match item {
            Ok(event) => events.push(event),
            Err(failed) => error = Some(failed),
        }
    }
    let seen = Seen { events, error, took: clock_now() - begun };
    assert_eq!(seen.finished() + usize::from(seen.error.is_some()), 1, "exactly one terminal: {seen:?}");
    seen
}
