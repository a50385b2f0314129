//! Any script of faults: nothing is ever spliced, exactly one end, and a bounded number of tries.
use crate::support::*;
use consort_core::{Error, ErrorKind, Event, FinishReason, Phase, Request};
use consort_routes::{Breaker, Hedge, Keep, Limits, Order, Retry, Route, Target, Timeouts};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// What one step of a target may be; the number says who speaks, and what is said names it.
fn step(name: &'static str) -> impl Strategy<Value = Step> {
    let event = prop_oneof![
        2 => Just(Ok(started(name))),
        2 => Just(Ok(part())),
        4 => Just(Ok(text(&format!("{name};")))),
        1 => Just(Ok(used(3, 4))),
        1 => Just(Ok(Event::Finished(FinishReason::Stop.into()))),
        1 => Just(Ok(Event::Finished(FinishReason::ContentFilter.into()))),
        3 => (0..ErrorKind::ALL.len(), prop::option::of(0..30u64)).prop_map(|(kind, wait)| {
            Err(Error::new(ErrorKind::ALL[kind], "scripted").retry_in(wait.map(Duration::from_secs)))
        }),
        1 => Just(Err(Error::timeout(Phase::Connect, "scripted"))),
    ];
    let wait = prop_oneof![6 => Just(0u64), 2 => 1..2000u64, 1 => Just(100_000u64)];
    (wait, event).prop_map(|(wait, item)| Step(ms(wait), item))
}

fn scripts(name: &'static str) -> impl Strategy<Value = Vec<Script>> {
    prop::collection::vec(prop::collection::vec(step(name), 0..6), 1..4)
}

#[derive(Debug, Clone)]
struct Layers {
    retry: bool,
    breaker: bool,
    hedge: bool,
    keep: bool,
    limit: bool,
    timers: bool,
    order: u8,
}

fn layers() -> impl Strategy<Value = Layers> {
    (any::<[bool; 6]>(), 0..3u8).prop_map(|([retry, breaker, hedge, keep, limit, timers], order)| Layers {
        retry,
        breaker,
        hedge,
        keep,
        limit,
        timers,
        order,
    })
}

fn route(targets: Vec<Arc<Scripted>>, layers: &Layers) -> Route {
    let limits = Limits { parallel: Some(1), burst: Some(1), ..Limits::requests_per_minute(60) };
    let targets = targets.into_iter().map(|target| {
        let target = Target::new(target);
        if layers.limit { target.limit(limits.clone()) } else { target }
    });
    let order = [Order::Listed, Order::Weighted, Order::Latency][usize::from(layers.order)];
    let mut route = Route::of(targets).order(order);
    if layers.retry {
        route = route.retry(Retry::default());
    }
    if layers.breaker {
        route = route.breaker(Breaker::default());
    }
    if layers.hedge {
        route = route.hedge(Hedge { after: Some(ms(500)) });
    }
    if layers.keep {
        route = route.keep(Keep { warm: true, ..Keep::default() });
    }
    if layers.timers {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        route = route.timeouts(Timeouts { whole: seconds(200), first_event: seconds(5), idle: seconds(5) });
    }
    route
}

fn check(seen: &Seen, tries: usize) {
    // `ask_with` checked that there is exactly one terminal, and that it is last.
    let text = seen.text();
    let speakers: std::collections::BTreeSet<&str> =
        text.split(';').filter(|word| !word.is_empty()).collect();
    assert!(speakers.len() <= 1, "spliced: {text}");
    let started: Vec<_> = seen
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Started { model, .. } => model.as_deref(),
            _ => None,
        })
        .collect();
    assert!(started.windows(2).all(|pair| pair[0] == pair[1]), "two answers began: {started:?}");
    if let (Some(speaker), Some(model)) = (speakers.first(), started.first()) {
        assert_eq!(speaker, model);
    }
    let asked = seen.attempts().iter().filter(|attempt| attempt.unasked.is_none()).count();
    assert!(asked >= tries, "{asked} tries were told, {tries} were made");
    if let Some(content) = seen.events.iter().position(Event::is_content) {
        let after = seen.events[content..].iter().filter(|event| matches!(event, Event::Attempt(_)));
        assert!(after.count() <= 1, "after content only the try that it belongs to ends");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn nothing_is_spliced_and_everything_ends(
        a in scripts("a"), b in scripts("b"), c in scripts("c"), count in 1..=3usize, layers in layers(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let all = [Scripted::new("a", a), Scripted::new("b", b), Scripted::new("c", c)];
            let route = route(all[..count].to_vec(), &layers);
            let mut before = 0;
            for _ in 0..3 {
                let seen = ask_with(&route, Request::ask("Who?"), context()).await;
                let calls: usize = all.iter().map(|target| target.calls()).sum();
                // Three tries of each, and one more beside a slow one.
                prop_assert!(calls - before <= count * (3 + usize::from(layers.hedge)));
                check(&seen, calls - before);
                prop_assert!(seen.took <= Duration::from_secs(601));
                before = calls;
            }
            Ok(())
        })?;
    }
}
