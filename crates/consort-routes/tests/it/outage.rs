//! A total outage: what targets have to bear then.
use crate::support::*;
use consort_core::{Error, ErrorKind};
use consort_routes::{Breaker, Route, retry};
use std::time::Duration;

fn down() -> Script {
    fails(Error::new(ErrorKind::Server, "down").status(500))
}

/// Requests at this pace for this long; how often each target was asked.
async fn storm(route: &Route, requests: usize, pace: Duration) {
    let mut tasks = Vec::new();
    for _ in 0..requests {
        let route = route.clone();
        tasks.push(tokio::spawn(async move { ask(&route).await }));
        tokio::time::sleep(pace).await;
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().outcome(), "server");
    }
}

/// The most tries and requests within any ten seconds stay within the budget.
fn within_budget(target: &Scripted, requests: usize, what: &str) {
    let most = requests as f64 * 1.2 + 10.0;
    assert!(target.calls() as f64 <= most, "{what}: {} tries for {requests} requests", target.calls());
}

#[tokio::test(start_paused = true)]
async fn attempts_stay_within_the_budget_at_any_pace() {
    for (requests, pace) in [(1, 0), (10, 0), (1000, 0), (1000, 1), (500, 100)] {
        for with_breaker in [false, true] {
            let what = format!("{requests} requests, every {pace} ms, breaker {with_breaker}");
            let targets = [Scripted::new("a", [down()]), Scripted::new("b", [down()])];
            let mut route = retry(Route::of(targets.clone()));
            if with_breaker {
                route = route.breaker(Breaker::default());
            }
            storm(&route, requests, ms(pace)).await;
            for target in &targets {
                if with_breaker || pace < 100 {
                    within_budget(target, requests, &what);
                } else {
                    // Fifty seconds are five windows of ten.
                    assert!(target.calls() as f64 <= requests as f64 * 1.2 + 6.0 * 10.0, "{what}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_costs_one_try_a_request() {
    let a = Scripted::new("a", [down()]);
    let route = retry(a.clone()).breaker(Breaker::default());
    storm(&route, 600, Duration::from_secs(1)).await;
    within_budget(&a, 600, "ten minutes");
}
