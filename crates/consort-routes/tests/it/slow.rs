//! Time: timers, deadlines, cancellation, and a second try beside a slow one.
use crate::support::*;
use consort_core::{Cancel, Context, Error, ErrorKind, Money, Phase, Request};
use consort_routes::{Breaker, Hedge, Registry, Retry, Route, Target, Timeouts, retry};
use futures_util::StreamExt;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_waits_and_tries_together() {
    let a = Scripted::new("a", [answers_after("a", NEVER)]);
    let seen = ask(&Route::of([a.clone()])).await;
    assert_eq!(seen.took, Duration::from_mins(10), "where nobody says anything");
    assert_eq!(seen.error.unwrap().phase(), Some(Phase::Deadline));
    let whole = Timeouts { whole: Some(Duration::from_secs(7)), ..Timeouts::default() };
    let seen = ask(&Route::of([a.clone()]).timeouts(whole.clone())).await;
    assert_eq!(seen.took, Duration::from_secs(7));
    let context = || context().within(Duration::from_secs(3));
    let seen = ask_with(&Route::of([a]).timeouts(whole), Request::ask("Who?"), context()).await;
    assert_eq!(seen.took, Duration::from_secs(3), "the caller's is earlier");
    // A wait that would end after it is not begun.
    let busy = Error::new(ErrorKind::RateLimit, "later").retry_in(Some(Duration::from_secs(4)));
    let seen = ask_with(&retry(Scripted::new("b", [fails(busy)])), Request::ask("Who?"), context()).await;
    assert_eq!((seen.outcome(), seen.took), ("rate_limit", Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_event_leaves_the_target_and_silence_ends_the_answer() {
    let timeouts = Timeouts { first_event: Some(ms(800)), idle: Some(ms(300)), ..Timeouts::default() };
    let slow = Scripted::new("slow", [answers_after("slow", ms(801))]);
    let quick = Scripted::new("quick", [answers_after("quick", ms(799))]);
    let seen = ask(&Route::of([slow, quick]).timeouts(timeouts.clone())).await;
    assert_eq!((seen.text().as_str(), seen.took), ("quick says so", ms(1599)));
    assert_eq!(seen.attempts()[0].cost, None, "it may be billed");
    // What comes in time, again and again, is no silence.
    let mut script = answers("a");
    for step in script.iter_mut().take(4) {
        step.0 = ms(290);
    }
    let seen = ask(&Route::of([Scripted::new("a", [script])]).timeouts(timeouts)).await;
    assert_eq!((seen.outcome(), seen.took), ("ok", ms(1160)));
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_every_kind_of_wait() {
    let busy = Error::new(ErrorKind::RateLimit, "later").retry_in(Some(Duration::from_secs(9)));
    let waiting =
        [retry(Scripted::new("a", [fails(busy)])), retry(Scripted::new("b", [answers_after("b", NEVER)]))];
    for route in waiting {
        let cancel = Cancel::default();
        let context = Context { cancel: cancel.clone(), ..context() };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            cancel.cancel();
        });
        let seen = ask_with(&route, Request::ask("Who?"), context).await;
        assert_eq!((seen.outcome(), seen.took), ("cancelled", Duration::from_secs(2)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_try_is_started_beside_a_slow_one_and_both_are_told() {
    let hedge = Hedge { after: Some(ms(400)) };
    let slow = Scripted::new("slow", [answers_after("slow", Duration::from_secs(5))]);
    let quick = Scripted::new("quick", [answers_after("quick", ms(100))]);
    let seen = ask(&Route::of([slow.clone(), quick.clone()]).hedge(hedge.clone())).await;
    assert_eq!((seen.text().as_str(), seen.took), ("quick says so", ms(500)));
    let told: Vec<_> =
        seen.attempts().iter().map(|attempt| (attempt.target.as_str(), attempt.cost)).collect();
    assert_eq!(told, [("slow/m", None), ("quick/m", Some(Money::from_micros(20)))]);
    assert_eq!(seen.attempts()[0].took, ms(500));
    // A quick first one is left alone, and so is one that has begun with content.
    let alone = Scripted::new("a", [answers_after("a", ms(399))]);
    let spare = Scripted::new("b", [answers("b")]);
    ask(&Route::of([alone, spare.clone()]).hedge(hedge.clone())).await;
    let mut pausing = answers("c");
    pausing[3].0 = Duration::from_secs(9);
    let seen = ask(&Route::of([Scripted::new("c", [pausing]), spare.clone()]).hedge(hedge.clone())).await;
    assert_eq!((seen.text().as_str(), spare.calls()), ("c says so", 0));
    // Alone, the same is asked once more, and one more is all.
    let alone = Scripted::new("d", [answers_after("d", Duration::from_secs(5)), answers_after("d", NEVER)]);
    let seen = ask(&Route::of([alone.clone()]).hedge(hedge)).await;
    assert_eq!((seen.text().as_str(), alone.calls()), ("d says so", 2));
}

#[tokio::test(start_paused = true)]
async fn what_two_tries_say_at_the_same_moment_is_all_told() {
    use consort_core::{Event, Warning};
    let warns = |name: &str, wait| {
        let mut script = vec![Step(wait, Ok(Event::Warning(Warning::new("dropped", name))))];
        script.extend(answers_after(name, ms(50)));
        script
    };
    let first = Scripted::new("a", [warns("a", ms(500))]);
    let second = Scripted::new("b", [warns("b", ms(100))]);
    let seen = ask(&Route::of([first, second]).hedge(Hedge { after: Some(ms(400)) })).await;
    assert_eq!(seen.warnings(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn both_tries_may_fail() {
    let down = |wait| vec![Step(wait, Err(Error::new(ErrorKind::Server, "down").status(500)))];
    let first = Scripted::new("a", [down(ms(900)), answers("a")]);
    let second = Scripted::new("b", [down(ms(100)), down(ms(0))]);
    let route =
        Route::of([first.clone(), second]).hedge(Hedge { after: Some(ms(400)) }).retry(Retry::default());
    let seen = ask(&route).await;
    assert_eq!(seen.outcome(), "ok");
    assert!(seen.attempts().len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn both_are_told_also_where_one_ends_the_request() {
    let bad = |wait| vec![Step(wait, Err(Error::new(ErrorKind::InvalidRequest, "bad").status(400)))];
    let first = Scripted::new("a", [bad(ms(500))]);
    let second = Scripted::new("b", [bad(ms(50)), bad(ms(0))]);
    let seen = ask(&Route::of([first, second]).hedge(Hedge { after: Some(ms(400)) })).await;
    assert_eq!((seen.outcome(), seen.attempts().len()), ("invalid_request", 2));
    // What one of them refuses for good, the other may have begun to answer.
    let first = Scripted::new("a", [bad(ms(450))]);
    let second = Scripted::new("b", [answers_after("b", ms(300))]);
    let seen = ask(&Route::of([first, second]).hedge(Hedge { after: Some(ms(400)) })).await;
    assert_eq!((seen.text().as_str(), seen.attempts().len()), ("b says so", 2));
}

#[tokio::test(start_paused = true)]
async fn without_a_time_that_is_set_the_second_try_waits_for_what_is_usual() {
    let mut scripts: Vec<Script> = (0..40).map(|_| answers_after("a", ms(200))).collect();
    scripts.push(answers_after("a", NEVER));
    let a = Scripted::new("a", scripts);
    let b = Scripted::new("b", [answers("b")]);
    let route = Route::of([a.clone(), b.clone()]).hedge(Hedge::default());
    for _ in 0..40 {
        ask(&route).await;
    }
    assert_eq!(b.calls(), 0);
    let seen = ask(&route).await;
    assert_eq!(seen.text(), "b says so");
    assert!((ms(200)..ms(260)).contains(&seen.took), "{:?}", seen.took);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_stops_the_target() {
    let a = Scripted::new("a", [answers_after("a", NEVER)]);
    let route = Route::of([a.clone()]);
    let mut stream = consort_core::Model::stream(&route, Request::ask("Who?").into(), context());
    let early = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
    assert!(early.is_err() && a.live() > 0);
    drop(stream);
    assert_eq!(a.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_try_does_not_ask_one_that_is_found_out_about_already() {
    let down = fails(Error::new(ErrorKind::Server, "down").status(500));
    let slow = answers_after("a", Duration::from_secs(2));
    let scripts = || std::iter::repeat_n(down.clone(), 5).chain([slow.clone()]);
    // The probe is slow: the same target is not asked beside it.
    let alone = Scripted::new("a", scripts());
    let route = Route::of([alone.clone()]).breaker(Breaker::default()).hedge(Hedge { after: Some(ms(400)) });
    for _ in 0..5 {
        ask(&route).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let seen = ask(&route).await;
    assert_eq!((seen.text().as_str(), alone.calls(), seen.attempts().len()), ("a says so", 6, 1), "{seen:?}");
    // A second try that comes to one whose rest is over is its probe: nobody else asks it meanwhile.
    let spare = Scripted::new("a", scripts());
    let registry = Registry::default();
    let spare_target = || Target::new(spare.clone()).remembered(&registry);
    for _ in 0..5 {
        ask(&Route::of([spare_target()]).breaker(Breaker::default())).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let slow = Scripted::new("slow", [answers_after("slow", Duration::from_secs(1))]);
    let route = Route::of([Target::new(slow), spare_target()])
        .breaker(Breaker::default())
        .hedge(Hedge { after: Some(ms(400)) });
    let all = futures_util::future::join_all((0..10).map(|_| ask(&route))).await;
    assert!(all.iter().all(|seen| seen.text() == "slow says so"));
    // Nine of them asked the slow one twice instead, as far as the budget of retries goes.
    assert_eq!(spare.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_try_is_waited_for_where_no_second_one_is_left_in_the_budget() {
    let slow = Scripted::new("slow", [answers_after("slow", ms(900))]);
    let route = Route::of([slow]).hedge(Hedge { after: Some(ms(400)) });
    for _ in 0..30 {
        assert_eq!(ask(&route).await.text(), "slow says so");
    }
}
