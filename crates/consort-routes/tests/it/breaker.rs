//! The breaker while many ask at once: what was under way when a rest began decides nothing about it.
use crate::support::*;
use consort_core::{Error, ErrorKind, Event};
use consort_routes::{Breaker, Registry, Route, Target};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

fn down_after(wait: Duration) -> Script {
    vec![Step(wait, Err(Error::new(ErrorKind::Server, "down").status(500)))]
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One target under a breaker, and what is remembered of it.
struct One {
    route: Route,
    registry: Registry,
}

impl One {
    fn new(target: &Arc<Scripted>) -> Self {
        let registry = Registry::default();
        let target = Target::new(target.clone()).remembered(&registry);
        Self { route: Route::of([target]).breaker(Breaker::default()), registry }
    }

    /// For how long it still rests.
    fn rests(&self) -> Duration {
        let standing = self.registry.standing("a/m", clock_now()).unwrap();
        standing.resting.map_or(Duration::ZERO, |(left, _)| left)
    }

    fn spawn(&self) -> tokio::task::JoinHandle<Seen> {
        let route = self.route.clone();
        tokio::spawn(async move { ask(&route).await })
    }
}

#[tokio::test(start_paused = true)]
async fn failures_that_were_under_way_do_not_lengthen_the_rest_and_rests_double_to_a_minute() {
    let a = Scripted::new("a", [down_after(ms(100))]);
    let one = One::new(&a);
    join_all((0..40).map(|_| ask(&one.route))).await;
    assert_eq!(one.rests(), seconds(5), "forty failed together, and that is one failure");
    let mut rests = Vec::new();
    for _ in 0..6 {
        tokio::time::sleep(one.rests()).await;
        // One of them finds out; the others ask all the same, since nobody else is there.
        join_all((0..10).map(|_| ask(&one.route))).await;
        rests.push(one.rests().as_secs());
    }
    assert_eq!(rests, [10, 20, 40, 60, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn failures_during_a_rest_do_not_lengthen_it() {
    let one = One::new(&Scripted::new("a", [down_after(ms(0))]));
    for _ in 0..5 {
        ask(&one.route).await;
    }
    tokio::time::sleep(seconds(3)).await;
    join_all((0..10).map(|_| ask(&one.route))).await;
    assert_eq!(one.rests(), seconds(2));
}

#[tokio::test(start_paused = true)]
async fn what_fails_late_does_not_lengthen_a_later_rest() {
    let scripts = std::iter::once(down_after(seconds(7))).chain(vec![down_after(ms(0)); 9]);
    let one = One::new(&Scripted::new("a", scripts));
    let late = one.spawn();
    tokio::time::sleep(ms(1)).await;
    for _ in 0..5 {
        ask(&one.route).await;
    }
    late.await.unwrap();
    // The rest is over, and nobody has found out anything since.
    assert_eq!(one.rests(), Duration::ZERO);
    ask(&one.route).await;
    assert_eq!(one.rests(), seconds(10));
}

/// An answer that takes three seconds, begun before whatever this script does to the next request.
async fn rest_under_a_long_answer(error: Error) -> (One, Arc<Scripted>) {
    let mut long = answers("a");
    long[3].0 = seconds(3);
    let a = Scripted::new("a", [long, fails(error), answers("a")]);
    let one = One::new(&a);
    let under_way = one.spawn();
    tokio::time::sleep(seconds(1)).await;
    ask(&one.route).await;
    assert_eq!(under_way.await.unwrap().text(), "a says so");
    (one, a)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_began_before_a_rest_does_not_end_it() {
    let busy = Error::new(ErrorKind::RateLimit, "later").status(429).retry_in(Some(seconds(30)));
    let (one, _) = rest_under_a_long_answer(busy).await;
    assert_eq!(one.rests(), seconds(28));
    let refused = Error::new(ErrorKind::Auth, "no such key").status(401);
    let (one, _) = rest_under_a_long_answer(refused).await;
    assert_eq!(one.rests(), seconds(298));
    // One that begins after it does.
    assert_eq!(ask(&one.route).await.outcome(), "ok");
    assert_eq!(one.rests(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_counts_as_of_its_beginning() {
    let mut long = answers("a");
    long.truncate(3);
    long.push(Step(seconds(6), Err(Error::new(ErrorKind::Network, "gone"))));
    assert!(matches!(long[2].1, Ok(Event::PartDelta { .. })));
    let scripts = std::iter::once(long).chain(vec![down_after(ms(0)); 9]);
    let one = One::new(&Scripted::new("a", scripts));
    let under_way = one.spawn();
    tokio::time::sleep(ms(1)).await;
    join_all((0..6).map(|_| ask(&one.route))).await;
    assert_eq!(under_way.await.unwrap().outcome(), "network");
    assert_eq!(one.rests(), Duration::ZERO, "it does not begin another rest");
    assert_eq!(ask(&one.route).await.outcome(), "server");
    assert_eq!(one.rests(), seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_try_says_when_it_is_made_again_and_a_target_what_it_failed_with_last() {
    let limited = Error::new(ErrorKind::RateLimit, "too many").status(429).retry_in(Some(seconds(2)));
    let target = Scripted::new("a", [fails(limited), answers("a")]);
    let registry = Registry::default();
    let remembered = Target::new(target.clone()).remembered(&registry);
    let route = consort_routes::retry(Route::of([remembered]));
    let last = || registry.standing("a/m", clock_now()).and_then(|standing| standing.last_error);
    let asked = tokio::spawn(async move { ask(&route).await });
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(last().unwrap().message(), "too many");
    let seen = asked.await.unwrap();
    let attempts = seen.attempts();
    assert_eq!(attempts.len(), 2);
    assert!(attempts[0].retry_in.unwrap() >= seconds(2), "{:?}", attempts[0]);
    assert_eq!((attempts[1].retry_in, last()), (None, None));
}
