//! Who is asked first.
use crate::support::*;
use consort_routes::{Order, Route, Target};

#[tokio::test(start_paused = true)]
async fn weights_are_kept() {
    let a = Scripted::new("a", [answers("a")]);
    let b = Scripted::new("b", [answers("b")]);
    let never = Scripted::new("never", [answers("never")]);
    let route = Route::of([
        Target::new(never.clone()).weight(0),
        Target::new(a.clone()).weight(3),
        Target::new(b.clone()).weight(1),
    ])
    .order(Order::Weighted);
    for _ in 0..2000 {
        ask(&route).await;
    }
    assert_eq!(never.calls(), 0);
    // Six standard deviations.
    assert!((1384..=1616).contains(&a.calls()), "{}", a.calls());
}

#[tokio::test(start_paused = true)]
async fn the_quickest_of_late_is_asked_first_and_everybody_gets_a_chance() {
    let slow = Scripted::new("slow", [answers_after("slow", ms(900))]);
    let turning: Vec<Script> =
        (0..20).map(|call| answers_after("turning", ms(if call < 5 { 100 } else { 5000 }))).collect();
    let turning = Scripted::new("turning", turning);
    let route = Route::of([slow.clone(), turning.clone()]).order(Order::Latency);
    for _ in 0..2 {
        ask(&route).await;
    }
    assert_eq!((slow.calls(), turning.calls()), (1, 1));
    for _ in 0..20 {
        ask(&route).await;
    }
    assert!(turning.calls() <= 7, "it got slow and is left: {}", turning.calls());
    assert!(slow.calls() >= 15);
}
