//! Layers as values: they combine in any order, and do not undo or multiply each other.
use crate::support::*;
use consort_core::{Error, ErrorKind, Model};
use consort_routes::{Breaker, Limits, Route, fallback, limit, retry};
use std::sync::Arc;
use std::time::Duration;

fn down() -> Script {
    fails(Error::new(ErrorKind::Server, "down").status(500))
}

#[tokio::test(start_paused = true)]
async fn layers_stack_in_any_order() {
    let limits = || Limits { burst: Some(10), ..Limits::requests_per_minute(60) };
    for shape in 0..4 {
        let a = Scripted::new("a", [down()]);
        let b = Scripted::new("b", [down(), answers("b")]);
        let route = match shape {
            0 => retry(fallback([a.clone(), b.clone()])),
            1 => fallback([retry(a.clone()), retry(b.clone())]),
            2 => retry(limit(fallback([a.clone(), b.clone()]), limits())),
            _ => retry(fallback([limit(a.clone(), limits()), limit(b.clone(), limits())])),
        };
        let seen = ask(&route).await;
        assert_eq!(seen.text(), "b says so", "shape {shape}");
        assert_eq!((a.calls(), b.calls()), (3, 2), "shape {shape}");
        let targets: Vec<&str> = seen.attempts().iter().map(|attempt| attempt.target.as_str()).collect();
        assert_eq!(targets, ["a/m", "a/m", "a/m", "b/m", "b/m"], "shape {shape}: each try is told once");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_inside_retries_do_not_multiply() {
    let a = Scripted::new("a", [down()]);
    let typed = retry(Route::of([retry(a.clone()).named("inner")]));
    assert_eq!(ask(&typed).await.outcome(), "server");
    assert_eq!(a.calls(), 3);
    // Also where the type is gone: whoever tells tries of its own retries itself.
    let b = Scripted::new("b", [down()]);
    let erased: Arc<dyn Model> = Arc::new(retry(b.clone()));
    assert_eq!(ask(&retry(erased)).await.attempts().len(), 3);
    assert_eq!(b.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_retries_itself_is_asked_once() {
    let a = Scripted::new("a", [down()]);
    let target = consort_routes::Target::new(a.clone()).self_retrying(true);
    assert_eq!(ask(&retry(target)).await.outcome(), "server");
    assert_eq!(a.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_model_of_a_refused_key_is_not_asked() {
    let refused = || fails(Error::new(ErrorKind::Auth, "no such key").status(401));
    let a = Scripted::new("a", [refused()]);
    let same = Scripted::with("a", [answers("a")], |card| card.id = "a/other".into());
    let b = Scripted::new("b", [answers("b")]);
    let seen = ask(&fallback([a, same.clone(), b])).await;
    assert_eq!((seen.text().as_str(), same.calls()), ("b says so", 0));
    assert_eq!(seen.warnings(), ["a/m: no such key; b/m is asked instead"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_is_not_asked_where_another_can() {
    use consort_core::{FunctionSpec, Request, Support, ToolSpec};
    let text = Scripted::with("text", [answers("text")], |card| card.capabilities.tools = Support::No);
    let able = Scripted::new("able", [answers("able")]);
    let mut request = Request::ask("Who?");
    let look = FunctionSpec::new("look", "", serde_json::json!({"type": "object"}));
    request.tools.push(ToolSpec::Function(look));
    let seen = ask_with(&fallback([text.clone(), able]), request, context()).await;
    assert_eq!((seen.text().as_str(), text.calls()), ("able says so", 0));
    assert_eq!(seen.warnings(), ["text/m cannot do what is asked for, and others are asked"]);
}

#[tokio::test(start_paused = true)]
async fn warnings_come_through_and_all_else_of_a_failed_try_does_not() {
    use consort_core::{Event, Warning};
    let mut script = vec![
        now(Event::Warning(Warning::new("dropped", "seeds are not carried"))),
        now(started("a")),
        now(used(10, 0)),
    ];
    script.extend(fails(Error::new(ErrorKind::Overloaded, "busy").status(529)));
    let seen = ask(&fallback([Scripted::new("a", [script]), Scripted::new("b", [answers("b")])])).await;
    assert_eq!(seen.warnings(), ["seeds are not carried"]);
    let usages = seen.events.iter().filter(|event| matches!(event, Event::Usage(_))).count();
    assert_eq!(usages, 1, "the usage of the failed try is told in its attempt");
    assert_eq!(seen.attempts()[0].usage.as_ref().unwrap().input, Some(10));
    assert_eq!(seen.attempts()[0].cost, Some(consort_core::Money::from_micros(10)));
}

#[tokio::test(start_paused = true)]
async fn one_request_finds_out_whether_a_target_works_again() {
    let a = Scripted::new(
        "a",
        vec![down(); 5].into_iter().chain([answers_after("a", ms(500))]).collect::<Vec<_>>(),
    );
    let b = Scripted::new("b", [answers("b")]);
    let route = fallback([a.clone(), b.clone()]).breaker(Breaker::default());
    for _ in 0..8 {
        assert_eq!(ask(&route).await.text(), "b says so");
    }
    assert_eq!(a.calls(), 5, "after five failures it rests");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (one, two) = tokio::join!(ask(&route), ask(&route));
    assert_eq!((one.text().as_str(), two.text().as_str()), ("a says so", "b says so"), "one probe");
    assert_eq!(ask(&route).await.text(), "a says so");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_left_lets_another_try() {
    let a = Scripted::new(
        "a",
        vec![down(); 5].into_iter().chain([answers_after("a", NEVER), answers("a")]).collect::<Vec<_>>(),
    );
    let b = Scripted::new("b", [answers("b")]);
    let route = fallback([a.clone(), b]).breaker(Breaker::default());
    for _ in 0..5 {
        ask(&route).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let left = tokio::time::timeout(Duration::from_secs(1), ask(&route)).await;
    assert!(left.is_err());
    assert_eq!(ask(&route).await.text(), "a says so");
}

#[tokio::test(start_paused = true)]
async fn rests_grow_and_the_last_that_is_left_is_asked_once() {
    let a = Scripted::new("a", [down()]);
    let route = retry(a.clone()).breaker(Breaker::default());
    ask(&route).await;
    ask(&route).await;
    let calls = a.calls();
    // It rests now; nobody else is there, so each request is one try.
    for _ in 0..4 {
        let seen = ask(&route).await;
        assert_eq!((seen.outcome(), seen.attempts().len()), ("server", 1));
    }
    assert_eq!(a.calls(), calls + 4);
}
