//! Kept answers.
use crate::support::*;
use consort_core::{Context, Error, ErrorKind, Event, FinishReason, Money, Request, Unasked};
use consort_routes::{Keep, Route};
use futures_util::future::join_all;
use std::time::Duration;

fn cold(text: &str) -> Request {
    let mut request = Request::ask(text);
    request.sampling.temperature = Some(0.0);
    request
}

#[tokio::test(start_paused = true)]
async fn the_same_question_is_asked_once() {
    let a = Scripted::new("a", [answers_after("a", ms(500))]);
    let route = Route::of([a.clone()]).keep(Keep::default());
    let first = ask_with(&route, cold("Who?"), context()).await;
    let again = ask_with(&route, cold("Who?"), context()).await;
    assert_eq!((first.text(), a.calls(), again.took), (again.text(), 1, Duration::ZERO));
    let attempt = again.attempts()[0];
    assert_eq!((attempt.unasked, attempt.cost), (Some(Unasked::Cached), Some(Money(0))));
    assert_eq!(attempt.target, "a/m");
    // Another question, another temperature, another one who asks, another key: all are other questions.
    ask_with(&route, cold("When?"), context()).await;
    ask_with(&route, Request::ask("Who?"), context()).await;
    ask_with(&route, cold("Who?"), Context { participant: Some("ada".into()), ..context() }).await;
    ask_with(&route, cold("Who?"), Context { key: Some("ada".into()), ..context() }).await;
    assert_eq!(a.calls(), 5);
    tokio::time::sleep(Duration::from_hours(1)).await;
    ask_with(&route, cold("Who?"), context()).await;
    assert_eq!(a.calls(), 6, "it is kept for an hour");
}

#[tokio::test(start_paused = true)]
async fn warm_answers_are_kept_only_where_that_is_asked_for() {
    let a = Scripted::new("a", [answers("a")]);
    let route = Route::of([a.clone()]).keep(Keep { warm: true, ..Keep::default() });
    ask(&route).await;
    ask(&route).await;
    assert_eq!(a.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_are_one() {
    let a = Scripted::new("a", [answers_after("a", ms(500))]);
    let route = Route::of([a.clone()]).keep(Keep::default());
    let all = join_all((0..50).map(|_| ask_with(&route, cold("Who?"), context()))).await;
    assert_eq!(a.calls(), 1);
    assert!(all.iter().all(|seen| seen.text() == "a says so" && seen.took == ms(500)));
    let asked = all.iter().filter(|seen| seen.attempts()[0].unasked.is_none()).count();
    assert_eq!(asked, 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_one_fails_the_others_ask_for_themselves_at_once() {
    let down = vec![Step(ms(500), Err(Error::new(ErrorKind::Server, "down").status(500)))];
    let a = Scripted::new("a", [down]);
    let route = Route::of([a.clone()]).keep(Keep::default());
    let all = join_all((0..20).map(|_| ask_with(&route, cold("Who?"), context()))).await;
    assert!(all.iter().all(|seen| seen.outcome() == "server" && seen.took <= ms(1000)));
    // One who leaves counts as failed.
    let b = Scripted::new("b", [answers_after("b", NEVER), answers("b")]);
    let route = Route::of([b.clone()]).keep(Keep::default());
    let one = tokio::spawn({
        let route = route.clone();
        async move { ask_with(&route, cold("Who?"), context()).await }
    });
    tokio::time::sleep(ms(10)).await;
    let two = tokio::spawn(async move { ask_with(&route, cold("Who?"), context()).await });
    tokio::time::sleep(ms(10)).await;
    one.abort();
    assert_eq!(two.await.unwrap().text(), "b says so");
}

#[tokio::test(start_paused = true)]
async fn only_whole_answers_are_kept() {
    let mut cut = answers("a");
    *cut.last_mut().unwrap() = now(Event::Finished(FinishReason::Length.into()));
    let mut broken = answers("a");
    broken.truncate(4);
    for script in [cut, broken] {
        let a = Scripted::new("a", [script]);
        let route = Route::of([a.clone()]).keep(Keep::default());
        ask_with(&route, cold("Who?"), context()).await;
        ask_with(&route, cold("Who?"), context()).await;
        assert_eq!(a.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_used_least_makes_room() {
    let a = Scripted::new("a", [answers("a")]);
    // Room for eight answers of that length, or a few more.
    let route = Route::of([a.clone()]).keep(Keep { bytes: 8 * 3000, ..Keep::default() });
    for question in 0..100 {
        ask_with(&route, cold("first"), context()).await;
        ask_with(&route, cold(&question.to_string()), context()).await;
    }
    assert_eq!(a.calls(), 101, "what is asked all the time stays");
    ask_with(&route, cold("0"), context()).await;
    assert_eq!(a.calls(), 102, "what was asked long ago went");
}

#[tokio::test(start_paused = true)]
async fn kept_answers_need_no_turn_and_no_budget() {
    use consort_routes::Limits;
    let a = Scripted::new("a", [answers("a")]);
    let one = Limits { burst: Some(1), ..Limits::requests_per_minute(1) };
    let route = Route::of([a]).keep(Keep::default()).limit(one);
    for _ in 0..5 {
        assert_eq!(ask_with(&route, cold("Who?"), context()).await.outcome(), "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_reads_slowly_does_not_hold_up_the_others() {
    use consort_core::Model;
    use consort_routes::Timeouts;
    use futures_util::StreamExt;
    let a = Scripted::new("a", [answers("a")]);
    let first_event = Some(Duration::from_secs(4));
    let route = Route::of([a.clone()])
        .keep(Keep::default())
        .timeouts(Timeouts { first_event, ..Timeouts::default() });
    let mut stalled = route.stream(cold("Who?").into(), context());
    stalled.next().await.unwrap().unwrap();
    let all = join_all((0..3).map(|_| ask_with(&route, cold("Who?"), context()))).await;
    for seen in &all {
        assert_eq!((seen.text().as_str(), seen.took), ("a says so", Duration::from_secs(4)));
    }
    assert_eq!(a.calls(), 4);
    // Also where the route sets no such time.
    let a = Scripted::new("a", [answers("a")]);
    let route = Route::of([a.clone()]).keep(Keep::default());
    let mut stalled = route.stream(cold("Who?").into(), context());
    stalled.next().await.unwrap().unwrap();
    let seen = ask_with(&route, cold("Who?"), context()).await;
    assert_eq!((seen.text().as_str(), seen.took), ("a says so", Duration::from_mins(1)));
}
