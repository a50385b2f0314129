//! The fault matrix: every row of the table of failures, in a single body, in a stream before its first content and
//! after it, with one, two and three targets. No cell is skipped.
use crate::support::*;
use consort_core::{Context, Error, ErrorKind, Model as _, Money, Phase, Request, Shrink};
use consort_routes::{Breaker, Route, Timeouts};
use std::sync::Arc;
use std::time::Duration;

/// What happens to the first target, each time it is asked.
#[derive(Clone)]
enum Fault {
    Error(Error),
    /// It says nothing, and the route's timer rings after 60 s.
    Silent,
    /// It succeeds with nothing.
    Empty,
    /// It ends without an end mark.
    Cut,
}

/// One row: a failure and what must follow from it.
struct Row {
    name: &'static str,
    fault: Fault,
    kind: ErrorKind,
    /// How often the target is asked when it is alone.
    alone: usize,
    /// How often it is asked when others are there.
    before_others: usize,
    /// Whether another may answer instead.
    falls: bool,
    /// Whether the user is warned when another answers instead.
    warned: bool,
    /// Whether a try that began nothing is certain to cost nothing.
    free: bool,
    /// Between two tries of the same target: at least and at most.
    waits: Vec<(u64, u64)>,
    /// For how long the target rests afterwards, when it is alone.
    rests: Option<u64>,
}

const BACKOFF: [(u64, u64); 2] = [(0, 500), (0, 1000)];

fn rows() -> Vec<Row> {
    use ErrorKind as Kind;
    let row = |name, error: Error, alone, before_others, falls| {
        let kind = error.kind();
        Row {
            name,
            fault: Fault::Error(error),
            kind,
            alone,
            before_others,
            falls,
            warned: false,
            free: true,
            waits: BACKOFF[..alone - 1].to_vec(),
            rests: None,
        }
    };
    let of = |kind| Error::new(kind, "scripted");
    let asks = |seconds| of(Kind::RateLimit).status(429).retry_in(Some(Duration::from_secs(seconds)));
    let dead = |name, kind| Row { warned: true, rests: Some(300), ..row(name, of(kind), 1, 1, true) };
    let unsure = |row: Row| Row { free: false, ..row };
    let timeout = |phase| Error::timeout(phase, "scripted");
    vec![
        row("connect", timeout(Phase::Connect), 3, 3, true),
        unsure(row("network", of(Kind::Network), 3, 3, true)),
        row("server", of(Kind::Server).status(500), 3, 3, true),
        row("overloaded", of(Kind::Overloaded).status(529), 3, 3, true),
        row("408", of(Kind::InvalidRequest).status(408), 3, 3, true),
        row("409", of(Kind::InvalidRequest).status(409), 3, 3, true),
        unsure(row("interrupted", of(Kind::Interrupted), 3, 3, true)),
        Row { fault: Fault::Cut, ..unsure(row("cut", of(Kind::Interrupted), 3, 3, true)) },
        Row { rests: Some(3), waits: vec![(3000, 3000); 2], ..row("rate limit", asks(3), 3, 1, true) },
        Row { rests: Some(21), ..row("rate limit, too long", asks(21), 1, 1, true) },
        Row {
            rests: Some(5),
            ..row("rate limit, no wait named", of(Kind::RateLimit).status(429), 3, 1, true)
        },
        unsure(row("first event", timeout(Phase::FirstEvent), 1, 1, true)),
        Row { fault: Fault::Silent, ..unsure(row("silent", timeout(Phase::FirstEvent), 1, 1, true)) },
        unsure(row("idle", timeout(Phase::Idle), 1, 1, true)),
        unsure(row("deadline", timeout(Phase::Deadline), 1, 1, false)),
        unsure(row("cancelled", Error::cancelled(), 1, 1, false)),
        dead("auth", Kind::Auth),
        dead("permission", Kind::Permission),
        dead("quota", Kind::Quota),
        dead("model not found", Kind::ModelNotFound),
        dead("setup", Kind::Setup),
        row("context length", of(Kind::ContextLength).status(400), 1, 1, false),
        unsure(row("content filter", of(Kind::ContentFilter), 1, 1, false)),
        row("bad request", of(Kind::InvalidRequest).status(400), 1, 1, false),
        row("unsupported", of(Kind::Unsupported), 1, 1, false),
        unsure(row("plugin crash", of(Kind::PluginCrash), 2, 2, true)),
        unsure(row("plugin bug", of(Kind::PluginBug), 1, 1, false)),
        unsure(row("protocol", of(Kind::Protocol), 1, 1, true)),
        Row { fault: Fault::Empty, ..unsure(row("empty", of(Kind::Protocol), 1, 1, true)) },
    ]
}

/// Where in an answer the failure comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    SingleBody,
    BeforeContent,
    AfterContent,
}

fn script(fault: &Fault, place: Place) -> Script {
    let mut script = match place {
        Place::SingleBody => Vec::new(),
        Place::BeforeContent => vec![now(started("first")), now(part())],
        Place::AfterContent => vec![now(started("first")), now(part()), now(text("half "))],
    };
    match fault {
        Fault::Error(error) => script.push(Step(Duration::ZERO, Err(error.clone()))),
        Fault::Silent => script.push(Step(NEVER, Ok(text("too late")))),
        Fault::Empty => {
            script.push(now(consort_core::Event::Finished(consort_core::FinishReason::Stop.into())));
        }
        Fault::Cut => {}
    }
    script
}

async fn check(row: &Row, place: Place, targets: usize) {
    let cell = format!("{} / {place:?} / {targets} targets", row.name);
    let first = Scripted::new("first", [script(&row.fault, place)]);
    let others = [Scripted::new("second", [answers("second")]), Scripted::new("third", [answers("third")])];
    let all: Vec<Arc<Scripted>> =
        std::iter::once(first.clone()).chain(others.iter().take(targets - 1).cloned()).collect();
    let route = Route::of(all).retry(consort_routes::Retry::default()).breaker(Breaker::default()).timeouts(
        Timeouts {
            first_event: Some(Duration::from_mins(1)),
            idle: Some(Duration::from_mins(1)),
            ..Timeouts::default()
        },
    );
    let mut request = Request::ask("Who?");
    request.stream = place != Place::SingleBody;
    let begun = clock_now();
    let seen = ask_with(&route, request, context()).await;
    let attempts = seen.attempts();

    if place == Place::AfterContent {
        // An answer that began with content and then ended well is no failure.
        let empty = matches!(row.fault, Fault::Empty);
        let idle = matches!(row.fault, Fault::Silent);
        let outcome = if empty { "ok" } else { row.kind.as_str() };
        assert_eq!(seen.outcome(), outcome, "{cell}");
        assert_eq!(seen.text(), "half ", "{cell}: what came is kept, and nothing is spliced to it");
        assert_eq!(first.calls(), 1, "{cell}: nothing is retried after content");
        assert!(others.iter().all(|other| other.calls() == 0), "{cell}: nobody else is asked");
        assert_eq!(attempts.len(), 1, "{cell}");
        assert_eq!(attempts[0].error.is_none(), empty, "{cell}");
        assert_eq!(attempts[0].cost, None, "{cell}: it may be billed");
        assert!(attempts[0].first.is_some(), "{cell}");
        if idle {
            assert_eq!(seen.error.as_ref().unwrap().phase(), Some(Phase::Idle), "{cell}");
            assert_eq!(seen.took, Duration::from_mins(1), "{cell}");
        } else {
            assert_eq!(seen.took, Duration::ZERO, "{cell}");
        }
        return;
    }

    // What was attempted, and when.
    let falls = row.falls && targets > 1;
    let tries = if falls { row.before_others } else { row.alone };
    assert_eq!(first.calls(), tries, "{cell}");
    assert_eq!(others[0].calls(), usize::from(falls), "{cell}");
    assert_eq!(others[1].calls(), 0, "{cell}: one that answers is enough");
    let at = first.called_at(begun);
    assert_eq!(at[0], Duration::ZERO, "{cell}: the first try waits for nothing");
    for (pair, (least, most)) in at.windows(2).zip(&row.waits) {
        let waited = pair[1].checked_sub(pair[0]).unwrap();
        let most = if row.name == "rate limit, no wait named" { 1000 } else { *most };
        // The timer of the test's clock counts whole milliseconds.
        assert!(waited >= ms(*least) && waited <= ms(most + 1), "{cell}: waited {waited:?}");
    }
    if falls {
        let silent = if matches!(row.fault, Fault::Silent) { Duration::from_mins(1) } else { Duration::ZERO };
        let after_last = others[0].called_at(begun)[0].checked_sub(*at.last().unwrap()).unwrap();
        assert_eq!(after_last, silent, "{cell}: the next is asked at once");
    }

    // What the user got.
    if falls {
        assert_eq!((seen.outcome(), seen.text().as_str()), ("ok", "second says so"), "{cell}");
        assert_eq!(
            seen.events.iter().filter(|event| matches!(event, consort_core::Event::Started { .. })).count(),
            1,
            "{cell}: the start of a failed try is held back"
        );
        assert_eq!(!seen.warnings().is_empty(), row.warned, "{cell}: {:?}", seen.warnings());
    } else {
        assert_eq!((seen.outcome(), seen.text().as_str()), (row.kind.as_str(), ""), "{cell}");
        let error = seen.error.as_ref().unwrap();
        if let Fault::Error(scripted) = &row.fault {
            assert_eq!(error.message(), scripted.message(), "{cell}: the user sees the target's error");
            assert_eq!(error.retry_after(), scripted.retry_after(), "{cell}");
        }
    }

    // What was recorded.
    assert_eq!(attempts.len(), tries + usize::from(falls), "{cell}");
    for (attempt, sent) in attempts.iter().zip(&at) {
        assert_eq!(attempt.target, "first/m", "{cell}");
        assert_eq!(attempt.error.as_ref().map(Error::kind), Some(row.kind), "{cell}");
        assert_eq!(attempt.first, None, "{cell}");
        let free = row.free && place == Place::SingleBody;
        assert_eq!(attempt.cost, free.then_some(Money(0)), "{cell}");
        let before = at.iter().filter(|other| *other < sent).max().copied().unwrap_or_default();
        assert_eq!(attempt.waited, (*sent).checked_sub(before).unwrap(), "{cell}");
    }
    if falls {
        let last = attempts.last().unwrap();
        assert_eq!((last.target.as_str(), &last.error), ("second/m", &None), "{cell}");
        assert_eq!(last.cost, Some(Money::from_micros(20)), "{cell}");
        let finished = seen.events.len() - 1;
        assert!(
            matches!(seen.events[finished - 1], consort_core::Event::Attempt(_)),
            "{cell}: the try that answered is told just before the end"
        );
    }

    // What is remembered: whether a second request asks the first target again.
    if falls {
        let again = ask(&route).await;
        let asked = first.calls() > tries;
        assert_eq!(asked, row.rests.is_none(), "{cell}: rests");
        assert_eq!(again.text(), "second says so", "{cell}");
        if let Some(seconds) = row.rests {
            assert_eq!(again.attempts()[0].unasked, Some(consort_core::Unasked::Resting), "{cell}");
            assert_eq!(!again.warnings().is_empty(), row.warned, "{cell}: a dead key is never silent");
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let calls = first.calls();
            ask(&route).await;
            assert!(first.calls() > calls, "{cell}: after its rest it is asked again");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_failure_at_every_place_with_one_two_and_three_targets() {
    let mut cells = 0;
    let rows = rows();
    for row in &rows {
        for place in [Place::SingleBody, Place::BeforeContent, Place::AfterContent] {
            for targets in 1..=3 {
                if matches!((&row.fault, place), (Fault::Silent, Place::BeforeContent)) {
                    // Something came: from then on the timer is that of silence, with the same limit.
                    check(&Row { kind: ErrorKind::Timeout, ..silent() }, place, targets).await;
                } else {
                    check(row, place, targets).await;
                }
                cells += 1;
            }
        }
    }
    // Every kind of error has its row.
    for kind in ErrorKind::ALL {
        assert!(rows.iter().any(|row| row.kind == kind), "{kind} has no row");
    }
    assert_eq!(cells, rows.len() * 9);
}

fn silent() -> Row {
    rows().into_iter().find(|row| row.name == "silent").unwrap()
}

struct Halves;

impl Shrink for Halves {
    fn shrink<'a>(
        &'a self,
        _: &'a Request,
        limit: Option<u64>,
    ) -> consort_core::BoxFuture<'a, Option<Arc<Request>>> {
        assert_eq!(limit, Some(100));
        Box::pin(std::future::ready(Some(Request::ask("W?").into())))
    }
}

/// Never comes back.
struct Stuck;

impl Shrink for Stuck {
    fn shrink<'a>(
        &'a self,
        _: &'a Request,
        _: Option<u64>,
    ) -> consort_core::BoxFuture<'a, Option<Arc<Request>>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn making_a_request_smaller_is_a_part_of_its_time() {
    let route = Route::of([Scripted::new("a", [too_long()])]);
    let context = Context { shrink: Some(Arc::new(Stuck)), ..context() }.within(Duration::from_secs(9));
    let seen = ask_with(&route, Request::ask("Who?"), context).await;
    assert_eq!((seen.outcome(), seen.took), ("timeout", Duration::from_secs(9)));
}

fn too_long() -> Script {
    fails(Error::new(ErrorKind::ContextLength, "too long").status(400))
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_long_is_made_smaller_once() {
    let small =
        |scripts: Vec<Script>| Scripted::with("small", scripts, |card| card.limits.context = Some(100));
    let shrinking = || Context { shrink: Some(Arc::new(Halves)), ..context() };

    let first = small(vec![too_long(), answers("small")]);
    let other = Scripted::new("other", [answers("other")]);
    let seen = ask_with(&Route::of([first.clone(), other.clone()]), Request::ask("Who?"), shrinking()).await;
    assert_eq!(seen.text(), "small says so");
    let asked: Vec<String> =
        first.asked.lock().unwrap().iter().map(|request| request.last_user_text()).collect();
    assert_eq!((asked, other.calls()), (vec!["Who?".to_owned(), "W?".to_owned()], 0));

    // Too long still: those for long requests are asked, for what was asked at first.
    let first = small(vec![too_long()]);
    let large = Scripted::new("large", [answers("large")]);
    let route = Route::of([first.clone(), other.clone()]).when_too_long([large.clone()]);
    let seen = ask_with(&route, Request::ask("Who?"), shrinking()).await;
    assert_eq!((seen.text().as_str(), first.calls(), other.calls()), ("large says so", 2, 0));
    assert_eq!(large.asked.lock().unwrap()[0].last_user_text(), "Who?");

    // Those too: it is an error, and nobody is asked twice.
    let large = Scripted::new("large", [too_long()]);
    let route = Route::of([small(vec![too_long()])]).when_too_long([large.clone()]);
    let seen = ask_with(&route, Request::ask("Who?"), shrinking()).await;
    assert_eq!((seen.outcome(), large.calls()), ("context_length", 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_card_says_will_not_fit_goes_to_those_for_long_requests_unsent() {
    let small = || Scripted::with("small", [answers("small")], |card| card.limits.context = Some(100));
    let large = |window| Scripted::with("large", [answers("large")], |card| card.limits.context = window);
    let (first, second) = (small(), large(Some(4000)));
    let route = Route::of([first.clone()]).when_too_long([second.clone()]).named("long");
    // Whoever makes the view must not cut it for the small one.
    assert_eq!(route.card().limits.context, Some(4000));
    let seen = ask_with(&route, Request::ask("word ".repeat(500)), context()).await;
    assert_eq!((seen.text().as_str(), first.calls(), second.calls()), ("large says so", 0, 1));
    let seen = ask_with(&route, Request::ask("Who?"), context()).await;
    assert_eq!((seen.text().as_str(), first.calls()), ("small says so", 1));
    assert_eq!(Route::of([small()]).when_too_long([large(None)]).card().limits.context, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_filter_withholds_goes_only_where_it_is_meant_to() {
    use consort_core::{Event, FinishReason};
    let by_error = fails(Error::new(ErrorKind::ContentFilter, "no"));
    let by_finish = vec![now(started("strict")), now(Event::Finished(FinishReason::ContentFilter.into()))];
    for script in [by_error, by_finish.clone()] {
        let strict = Scripted::new("strict", [script]);
        let other = Scripted::new("other", [answers("other")]);
        let free = Scripted::new("free", [answers("free")]);
        let route = Route::of([strict, other.clone()]).when_filtered([free]);
        let seen = ask(&route).await;
        assert_eq!((seen.text().as_str(), other.calls()), ("free says so", 0));
    }
    // By default it is shown as it is.
    let seen = ask(&Route::of([Scripted::new("strict", [by_finish])])).await;
    assert!(
        matches!(seen.events.last(), Some(Event::Finished(end)) if end.reason == FinishReason::ContentFilter)
    );
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_last_error_names_the_others() {
    let error = |kind| fails(Error::new(kind, "scripted"));
    let route = Route::of([
        Scripted::new("a", [error(ErrorKind::Auth)]),
        Scripted::new("b", [error(ErrorKind::Server)]),
        Scripted::new("c", [error(ErrorKind::Overloaded)]),
    ]);
    let seen = ask(&route).await;
    assert_eq!(seen.outcome(), "overloaded");
    assert_eq!(seen.error.unwrap().hints(), ["asked before c/m: a/m: auth, b/m: server"]);
}
