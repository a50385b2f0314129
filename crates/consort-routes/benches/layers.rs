//! What a route with all its layers costs on top of the bare model, where nothing fails. `cargo bench -p consort-routes`.
//!
//! Each figure has its limit beside it, and the program fails where one is passed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a benchmark says what it found")]
use consort_core::{
    Context, Delta, Event, EventStream, FinishReason, Model, ModelCard, Money, PartKey, PartKind, Price,
    Request, Usage, events_of,
};
use consort_providers::TokioClock;
use consort_routes::{
    Breaker, Budget, Hedge, Keep, Limits, MemoryLedger, Per, Period, Retry, Route, Target, Timeouts,
};
use futures_util::{FutureExt, StreamExt, stream};
use std::sync::Arc;
use std::time::{Duration, Instant};

const REQUESTS: usize = 20_000;
const EVENTS: usize = 100_000;
const IDLE: usize = 10_000;

/// Answers at once with so many pieces; with none, it never answers.
struct Instantly(ModelCard, usize);

impl Instantly {
    fn new(name: &str, pieces: usize) -> Arc<Self> {
        let mut card = ModelCard::new(name, "m");
        card.price = Some(Price { input: 1, output: 1, ..Price::default() });
        Arc::new(Self(card, pieces))
    }
}

impl Model for Instantly {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn stream(&self, _: Arc<Request>, _: Context) -> EventStream {
        let part = PartKey(0);
        let head = [
            Event::Started { model: None, response_id: None },
            Event::PartStart { part, choice: 0, kind: PartKind::Text },
        ];
        let word = || Event::PartDelta { part, delta: Delta::Text("word ".into()) };
        let tail = [
            Event::PartEnd { part },
            Event::Usage(Usage { input: Some(1), output: Some(1), ..Usage::default() }),
            Event::Finished(FinishReason::Stop.into()),
        ];
        match self.1 {
            0 => Box::pin(stream::iter(head).map(Ok).chain(stream::pending())),
            pieces => events_of(head.into_iter().chain((0..pieces).map(|_| word())).chain(tail)),
        }
    }
}

/// A route of three targets with everything that there is.
fn all_layers(pieces: usize, keep: bool) -> Route {
    let most = u32::MAX;
    let limits = Limits {
        requests_per_minute: Some(1_000_000_000),
        burst: Some(most),
        tokens_per_minute: Some(u64::from(most)),
        parallel: Some(most),
        ..Limits::default()
    };
    let target = |name| Target::new(Instantly::new(name, pieces)).limit(limits.clone());
    let budget = |per| Budget { per, period: Period::Month, soft: None, hard: Some(Money(u64::MAX)) };
    let minute = Some(Duration::from_mins(1));
    let route = Route::of(["a", "b", "c"].map(target))
        .named("all")
        .retry(Retry::default())
        .breaker(Breaker::default())
        .limit(limits.clone())
        .hedge(Hedge { after: minute })
        .timeouts(Timeouts { whole: Some(Duration::from_mins(10)), first_event: minute, idle: minute })
        .budgets([Per::All, Per::Key, Per::Model].map(budget).into(), Arc::new(MemoryLedger::default()));
    if keep { route.keep(Keep { warm: true, ..Keep::default() }) } else { route }
}

fn context() -> Context {
    Context { clock: Arc::new(TokioClock), key: Some("ada".into()), ..Context::default() }
}

async fn drain(model: &dyn Model, request: Arc<Request>) {
    let mut events = model.stream(request, context());
    while let Some(event) = events.next().await {
        std::hint::black_box(event).unwrap();
    }
}

/// The median time of a request, each of which asks something else.
async fn median(model: &dyn Model) -> Duration {
    let mut times = Vec::with_capacity(REQUESTS);
    for number in 0..REQUESTS {
        let request = Arc::new(Request::ask(format!("What is {number} times seven, in one short sentence?")));
        let begun = Instant::now();
        drain(model, request).await;
        times.push(begun.elapsed());
    }
    times.sort();
    times[REQUESTS / 2]
}

/// The time of one event in a long answer: the best of some answers, so that what else runs here does not count.
async fn event(model: &dyn Model) -> Duration {
    let mut best = Duration::MAX;
    for number in 0..10 {
        let request = Arc::new(Request::ask(format!("Number {number}?")));
        let begun = Instant::now();
        drain(model, request).await;
        best = best.min(begun.elapsed());
    }
    best / EVENTS as u32
}

/// The memory of this process, in bytes.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_whitespace().nth(1)?.parse::<usize>().ok()? * 4096)
}

/// Opens many answers that do not come, and looks at what each takes.
fn idle(route: &Route) -> Option<usize> {
    let before = resident()?;
    let mut open: Vec<EventStream> = Vec::with_capacity(IDLE);
    for number in 0..IDLE {
        // Each another: of the same question all but one would wait for the one.
        let mut answer = route.stream(Request::ask(format!("Number {number}?")).into(), context());
        assert!(answer.next().now_or_never().is_none(), "it waits");
        open.push(answer);
    }
    let after = resident()?;
    drop(open);
    Some(after.saturating_sub(before) / IDLE)
}

fn tell(what: &str, found: f64, limit: f64, unit: &str) {
    println!("{what:<58} {found:>9.3} {unit} (limit {limit} {unit})");
    assert!(found <= limit, "{what}: over the limit");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // First, while the memory is untouched.
        if let Some(bytes) = idle(&all_layers(0, true)) {
            tell("one of 10,000 idle streams, all layers", bytes as f64 / 1024.0, 20.0, "KiB");
        }
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let bare = Instantly::new("a", 1);
        median(bare.as_ref()).await;
        let floor = median(bare.as_ref()).await;
        println!("{:<58} {:>9.3} us", "a request to the bare model, p50", micros(floor));
        for (what, keep) in [("all layers but kept answers", false), ("all layers", true)] {
            let route = all_layers(1, keep);
            let added = median(&route).await.saturating_sub(floor);
            tell(&format!("added to a request by {what}, p50"), micros(added), 20.0, "us");
        }
        let floor = event(Instantly::new("a", EVENTS).as_ref()).await;
        for (what, keep) in [("all layers but kept answers", false), ("all layers", true)] {
            let route = all_layers(EVENTS, keep);
            let added = event(&route).await.saturating_sub(floor);
            tell(&format!("added to a streamed event by {what}"), micros(added), 1.0, "us");
        }
    });
}
