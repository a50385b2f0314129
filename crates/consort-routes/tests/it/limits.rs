//! Limits: how fast, in which order, and when not at all.
use crate::support::*;
use consort_core::{Context, Error, ErrorKind, Event, Request};
use consort_routes::{Limits, Registry, Route, Target, limit};
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn ten_at_once_with_burst_one_take_nine_tenths_of_a_second() {
    let a = Scripted::new("a", [answers("a")]);
    let route = limit(a.clone(), Limits { burst: Some(1), ..Limits::requests_per_minute(600) });
    let begun = clock_now();
    let all = join_all((0..10).map(|_| ask(&route))).await;
    let took = clock_now() - begun;
    assert!(took >= ms(900) && took < ms(930), "{took:?}");
    assert!(all.iter().all(|seen| seen.outcome() == "ok"));
    let waited: Duration = all.iter().map(|seen| seen.attempts()[0].waited).sum();
    assert!(waited >= ms(4500), "waiting is told: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_a_tenth_of_a_minute_unless_set() {
    let a = Scripted::new("a", [answers("a")]);
    let route = limit(a.clone(), Limits::requests_per_minute(60));
    let begun = clock_now();
    join_all((0..8).map(|_| ask(&route))).await;
    let at: Vec<u128> = a.called_at(begun).iter().map(Duration::as_millis).collect();
    assert_eq!(at[..6], [0; 6]);
    assert!((1000..1003).contains(&at[6]) && (2000..2003).contains(&at[7]), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_can_never_fit_fails_at_once() {
    let a = Scripted::new("a", [answers("a")]);
    let limits = Limits { tokens_per_minute: Some(100), ..Limits::default() };
    let route = limit(a.clone(), limits);
    let seen = ask_with(&route, Request::ask("x".repeat(1000)), context()).await;
    assert_eq!((seen.outcome(), seen.took, a.calls()), ("invalid_request", Duration::ZERO, 0));
    let error = seen.error.unwrap();
    assert!(error.message().contains("254 tokens") && error.message().contains("100 a minute"), "{error}");
    assert_eq!(error.retry_after(), None);
    // One whose longest answer would not fit neither.
    let mut request = Request::ask("Who?");
    request.sampling.max_tokens = Some(200);
    assert_eq!(ask_with(&route, request, context()).await.outcome(), "invalid_request");
    // Where another has room, it is asked.
    let b = Scripted::new("b", [answers("b")]);
    let limits = Limits { tokens_per_minute: Some(100), ..Limits::default() };
    let both = Route::of([Target::new(a).limit(limits), Target::new(b)]);
    let seen = ask_with(&both, Request::ask("x".repeat(1000)), context()).await;
    assert_eq!(seen.text(), "b says so");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reserved_and_settled_with_what_was_used() {
    let mut script = answers("a");
    script[5] = now(used(300, 300));
    let a = Scripted::new("a", [script]);
    let limits = Limits { tokens_per_minute: Some(600), ..Limits::default() };
    let mut request = Request::ask("Who?");
    request.sampling.max_tokens = Some(94); // 100 with the prompt
    // The limit of a target, and that of a route.
    for route in [limit(a.clone(), limits.clone()), Route::of([a.clone()]).limit(limits)] {
        let begun = clock_now();
        ask_with(&route, request.clone(), context()).await;
        // 600 were used though 100 were reserved: the bucket is empty, and fills by 10 a second.
        let seen = ask_with(&route, request.clone(), context()).await;
        let at = clock_now() - begun;
        assert!(at > ms(9_500) && at < ms(10_100), "{at:?}");
        assert_eq!(seen.outcome(), "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_who_wait_are_served_in_order() {
    for limits in [
        Limits { burst: Some(1), wait: Some(Duration::from_mins(10)), ..Limits::requests_per_minute(6000) },
        Limits { parallel: Some(1), wait: Some(Duration::from_mins(10)), ..Limits::default() },
    ] {
        let a = Scripted::new("a", [answers_after("a", ms(1))]);
        let route = limit(a.clone(), limits);
        let served = Arc::new(Mutex::new(Vec::new()));
        let callers = (0..1000).map(|caller| {
            let (route, served) = (route.clone(), served.clone());
            let context = Context { participant: Some(caller.to_string()), ..context() };
            async move {
                let mut stream = consort_core::Model::stream(&route, Request::ask("Who?").into(), context);
                while let Some(item) = stream.next().await {
                    if item.unwrap().is_content() {
                        served.lock().unwrap().push(caller);
                        break;
                    }
                }
                while stream.next().await.is_some() {}
            }
        });
        let tasks: Vec<_> = callers.map(|caller| tokio::spawn(caller)).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let served = served.lock().unwrap();
        assert!(served.iter().copied().eq(0..1000), "{served:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_would_wait_too_long_is_told_at_once() {
    let a = Scripted::new("a", [answers("a")]);
    let route = limit(a.clone(), Limits { burst: Some(1), ..Limits::requests_per_minute(1) });
    ask(&route).await;
    let seen = ask(&route).await;
    assert_eq!((seen.outcome(), seen.took), ("rate_limit", Duration::ZERO));
    assert_eq!(seen.error.unwrap().retry_after(), Some(Duration::from_mins(1)));
    // Nor is it waited for where the caller has no time for it.
    let route = limit(a, Limits { burst: Some(1), ..Limits::requests_per_minute(6) });
    ask(&route).await;
    let seen = ask_with(&route, Request::ask("Who?"), context().within(Duration::from_secs(5))).await;
    assert_eq!((seen.outcome(), seen.took), ("rate_limit", Duration::ZERO));
    let seen = ask_with(&route, Request::ask("Who?"), context().within(Duration::from_secs(15))).await;
    assert_eq!(seen.outcome(), "ok");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_place_ends_after_thirty_seconds() {
    let a = Scripted::new("a", [answers_after("a", NEVER)]);
    let route = limit(a.clone(), Limits { parallel: Some(1), ..Limits::default() });
    let holder = tokio::spawn({
        let route = route.clone();
        async move { ask(&route).await }
    });
    tokio::time::sleep(ms(1)).await;
    let seen = ask(&route).await;
    assert_eq!((seen.outcome(), seen.took), ("rate_limit", Duration::from_secs(30)));
    // Whoever leaves frees the place, answered or not.
    holder.abort();
    let _ = holder.await;
    let seen = ask_with(&route, Request::ask("Who?"), context().within(Duration::from_secs(1))).await;
    assert_eq!((seen.outcome(), a.calls()), ("timeout", 2));
}

#[tokio::test(start_paused = true)]
async fn those_who_leave_the_queue_do_not_hold_up_those_behind() {
    let a = Scripted::new("a", [answers("a")]);
    let route = limit(a.clone(), Limits { burst: Some(1), ..Limits::requests_per_minute(60) });
    let begun = clock_now();
    ask(&route).await;
    let leaving: Vec<_> = (0..10)
        .map(|_| {
            let route = route.clone();
            tokio::spawn(async move { ask(&route).await })
        })
        .collect();
    tokio::time::sleep(ms(10)).await;
    let waiting = tokio::spawn({
        let route = route.clone();
        async move { ask(&route).await }
    });
    tokio::time::sleep(ms(10)).await;
    for task in leaving {
        task.abort();
    }
    waiting.await.unwrap();
    let at = a.called_at(begun)[1];
    assert!((ms(1000)..ms(1010)).contains(&at), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_has_one_limit_for_all_its_models_and_routes() {
    let registry = Registry::default();
    let one = || Limits { burst: Some(1), ..Limits::requests_per_minute(60) };
    let a = Scripted::new("a", [answers("a")]);
    let first = Route::of([Target::new(a.clone()).limit_shared("a", one(), &registry)]);
    let second = Route::of([Target::new(a.clone()).limit_shared("a", one(), &registry)]);
    let begun = clock_now();
    tokio::join!(ask(&first), ask(&second));
    assert!(clock_now() - begun >= ms(1000));
}

#[tokio::test(start_paused = true)]
async fn where_another_is_free_nobody_waits_for_a_turn() {
    let a = Scripted::new("a", [answers("a")]);
    let b = Scripted::new("b", [answers("b")]);
    let one = Limits { burst: Some(1), ..Limits::requests_per_minute(60) };
    let route = Route::of([Target::new(a.clone()).limit(one.clone()), Target::new(b.clone()).limit(one)]);
    assert_eq!(ask(&route).await.text(), "a says so");
    let seen = ask(&route).await;
    assert_eq!((seen.text().as_str(), seen.took), ("b says so", Duration::ZERO));
    assert_eq!(seen.attempts()[0].error.as_ref().unwrap().kind().as_str(), "rate_limit");
    assert_eq!(seen.attempts()[0].cost, Some(consort_core::Money(0)));
    // Both are full: the turn that comes first is waited for.
    let seen = ask(&route).await;
    assert_eq!(seen.outcome(), "ok");
    assert!((ms(900)..ms(1100)).contains(&seen.took), "{:?}", seen.took);
}

fn tokens(most: u64) -> Limits {
    Limits { tokens_per_minute: Some(most), ..Limits::default() }
}

/// 100 tokens with the prompt.
fn of_hundred() -> Request {
    let mut request = Request::ask("Who?");
    request.sampling.max_tokens = Some(94);
    request
}

#[tokio::test(start_paused = true)]
async fn a_try_that_cost_nothing_gives_its_turn_back() {
    let down = fails(Error::new(ErrorKind::Server, "down").status(500));
    let gone = fails(Error::new(ErrorKind::Network, "gone"));
    let one = Limits { burst: Some(1), tokens_per_minute: Some(100), ..Limits::requests_per_minute(1) };
    for whole in [false, true] {
        for (script, given_back) in [(down.clone(), true), (gone.clone(), false)] {
            let a = Scripted::new("a", [script, answers("a")]);
            let route = if whole { Route::of([a]).limit(one.clone()) } else { limit(a, one.clone()) };
            assert_ne!(ask_with(&route, of_hundred(), context()).await.outcome(), "ok");
            let seen = ask_with(&route, of_hundred(), context()).await;
            let expected = if given_back { "ok" } else { "rate_limit" };
            assert_eq!(seen.outcome(), expected, "the route's {whole}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_leaves_while_it_is_answered_has_had_a_turn() {
    let one = Limits { burst: Some(1), ..Limits::requests_per_minute(1) };
    for whole in [false, true] {
        let a = Scripted::new("a", [answers_after("a", NEVER), answers("a")]);
        let route = if whole { Route::of([a]).limit(one.clone()) } else { limit(a, one.clone()) };
        assert!(tokio::time::timeout(ms(10), ask(&route)).await.is_err());
        assert_eq!(ask(&route).await.outcome(), "rate_limit", "the route's {whole}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_used_is_known_when_the_caller_hears_of_the_end() {
    use consort_core::Model;
    for whole in [false, true] {
        // 15 of the 100 that are reserved.
        let a = Scripted::new("a", [answers("a")]);
        let route = if whole { Route::of([a]).limit(tokens(150)) } else { limit(a, tokens(150)) };
        let mut stream = route.stream(of_hundred().into(), context());
        while !matches!(stream.next().await.unwrap().unwrap(), Event::Finished(_)) {}
        let seen = ask_with(&route, of_hundred(), context()).await;
        assert_eq!((seen.outcome(), seen.took), ("ok", Duration::ZERO), "the route's {whole}");
        drop(stream);
    }
}

#[tokio::test(start_paused = true)]
async fn the_turn_of_a_key_is_given_back_where_that_of_the_model_is_full() {
    let registry = Registry::default();
    let key = Limits { burst: Some(2), wait: Some(ms(1)), ..Limits::requests_per_minute(2) };
    let own = Limits { burst: Some(1), wait: Some(ms(1)), ..Limits::requests_per_minute(1) };
    let of_key = |model| Target::new(model).limit_shared("a", key.clone(), &registry);
    let a = Scripted::new("a", [answers("a")]);
    let other = Scripted::new("a", [answers("other")]);
    let limited = Route::of([of_key(a).limit(own)]);
    assert_eq!(ask(&limited).await.outcome(), "ok");
    // The key has one turn left, the model none.
    for _ in 0..3 {
        assert_eq!(ask(&limited).await.outcome(), "rate_limit");
    }
    assert_eq!(ask(&Route::of([of_key(other)])).await.outcome(), "ok");
}
