//! Budgets: a warning, an end, and what counts.
use crate::support::*;
use consort_core::{Context, Error, ErrorKind, Model, Money, Request};
use consort_routes::{
    Budget, Hedge, Ledger, MemoryLedger, Per, Period, Retry, Route, Spender, Target, retry,
};
use futures_util::StreamExt;
use std::sync::Arc;

fn budget(per: Per, soft: u64, hard: u64) -> Budget {
    let money = |micros: u64| (micros > 0).then_some(Money::from_micros(micros));
    Budget { per, period: Period::Day, soft: money(soft), hard: money(hard) }
}

async fn as_key(route: &Route, key: &str) -> Seen {
    ask_with(route, Request::ask("Who?"), Context { key: Some(key.into()), ..context() }).await
}

#[tokio::test(start_paused = true)]
async fn soft_warns_and_hard_ends() {
    let a = Scripted::new("a", [answers("a")]);
    // An answer costs 20 micro-dollars.
    let route =
        Route::of([a.clone()]).budgets(vec![budget(Per::All, 30, 60)], Arc::new(MemoryLedger::default()));
    let warned: Vec<bool> = [
        ask(&route).await.warnings().is_empty(),
        ask(&route).await.warnings().is_empty(),
        ask(&route).await.warnings().is_empty(),
    ]
    .into();
    assert_eq!(warned, [true, true, false]);
    let seen = ask(&route).await;
    assert_eq!((seen.outcome(), a.calls()), ("quota", 3));
    let error = seen.error.unwrap();
    assert_eq!(error.vendor_type(), Some("budget_exceeded"));
    assert!(error.message().contains("of all"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own() {
    let a = Scripted::new("a", [answers("a")]);
    let route = Route::of([a]).budgets(vec![budget(Per::Key, 0, 20)], Arc::new(MemoryLedger::default()));
    assert_eq!(as_key(&route, "ada").await.outcome(), "ok");
    assert_eq!(as_key(&route, "ada").await.outcome(), "quota");
    assert_eq!(as_key(&route, "bob").await.outcome(), "ok");
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_budget_is_spent_leaves_its_place_to_another_with_a_warning() {
    let a = Scripted::new("a", [answers("a")]);
    let b = Scripted::new("b", [answers("b")]);
    let route = Route::of([a, b]).budgets(vec![budget(Per::Model, 0, 20)], Arc::new(MemoryLedger::default()));
    assert_eq!(ask(&route).await.text(), "a says so");
    let seen = ask(&route).await;
    assert_eq!(seen.text(), "b says so");
    assert_eq!(seen.warnings().len(), 1, "{:?}", seen.warnings());
    assert_eq!(seen.attempts()[0].cost, Some(Money(0)));
}

#[tokio::test(start_paused = true)]
async fn failed_and_abandoned_tries_with_usage_count_and_unknown_prices_are_said() {
    let ledger = Arc::new(MemoryLedger::default());
    let mut cut = answers("a");
    cut.truncate(6);
    cut.extend(fails(Error::new(ErrorKind::Network, "gone")));
    let a = Scripted::new("a", [cut.clone()]);
    let route = Route::of([a]).budgets(vec![budget(Per::All, 0, 1000)], ledger.clone());
    assert_eq!(ask(&route).await.outcome(), "network");
    let spent = || async { ledger.spent(Spender::All, Period::Month).await.unwrap() };
    assert_eq!(spent().await, Money::from_micros(20));
    // One who leaves after the usage came.
    cut[6].0 = NEVER;
    let route =
        Route::of([Scripted::new("a", [cut])]).budgets(vec![budget(Per::All, 0, 1000)], ledger.clone());
    let mut stream = route.stream(Request::ask("Who?").into(), context());
    for _ in 0..6 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    assert_eq!(spent().await, Money::from_micros(40));
    let unknown = Scripted::with("u", [answers("u")], |card| card.price = None);
    let seen = ask(&Route::of([unknown]).budgets(vec![budget(Per::All, 0, 1000)], ledger.clone())).await;
    assert_eq!(seen.warnings(), ["the price of u/m is unknown: it counts towards no budget"]);
    assert_eq!(seen.attempts()[0].cost, None);
}

#[tokio::test(start_paused = true)]
async fn what_another_route_spends_counts_and_counts_once() {
    let outer_ledger = Arc::new(MemoryLedger::default());
    let inner_ledger = Arc::new(MemoryLedger::default());
    let spent = |ledger: Arc<MemoryLedger>| async move {
        ledger.spent(Spender::Model("a/m"), Period::Month).await.unwrap()
    };
    let inner = |ledger: &Arc<MemoryLedger>| {
        let down = fails(Error::new(ErrorKind::Server, "down").status(500));
        let model = Scripted::new("a", [down, answers("a")]);
        Route::of([model]).named("inner").retry(Retry::default()).budgets(Vec::new(), ledger.clone())
    };
    // A ledger of its own, none, and the same.
    let none = retry(Scripted::new("a", [answers("a")])).named("inner");
    let own = inner(&inner_ledger);
    let same = inner(&outer_ledger);
    let erased: Arc<dyn Model> = Arc::new(retry(Scripted::new("a", [answers("a")])));
    let mut so_far = 0;
    for (what, target) in [
        ("none", Target::from(none)),
        ("own", Target::from(own)),
        ("same", Target::from(same)),
        ("erased", Target::new(erased)),
    ] {
        let route = Route::of([target]).budgets(vec![budget(Per::All, 0, 1000)], outer_ledger.clone());
        assert_eq!(ask(&route).await.outcome(), "ok", "{what}");
        so_far += 20;
        assert_eq!(spent(outer_ledger.clone()).await, Money::from_micros(so_far), "{what}");
    }
    assert_eq!(spent(inner_ledger).await, Money::from_micros(20));
    // Through one between them that keeps other books, and where the caller leaves.
    let mut cut = answers("a");
    cut[6].0 = NEVER;
    let ledger = Arc::new(MemoryLedger::default());
    let between = Arc::new(MemoryLedger::default());
    let innermost = retry(Scripted::new("a", [cut])).named("inner").budgets(Vec::new(), ledger.clone());
    let middle = Route::of([Target::from(innermost)]).budgets(Vec::new(), between.clone());
    let route = Route::of([Target::from(middle)]).budgets(Vec::new(), ledger.clone());
    let mut stream = route.stream(Request::ask("Who?").into(), context());
    for _ in 0..6 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    assert_eq!(spent(ledger).await, Money::from_micros(20));
    assert_eq!(spent(between).await, Money::from_micros(20));
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_of_a_model_leaves_the_others_of_its_provider_alone() {
    let a = Scripted::new("a", [answers("a")]);
    let other = Scripted::with("a", [answers("other")], |card| card.id = "a/other".into());
    let route = Route::of([a.clone(), other.clone()])
        .retry(Retry::default())
        .breaker(consort_routes::Breaker::default())
        .budgets(vec![budget(Per::Model, 0, 20)], Arc::new(MemoryLedger::default()));
    assert_eq!(ask(&route).await.text(), "a says so");
    let seen = ask(&route).await;
    assert_eq!((seen.text().as_str(), a.calls()), ("other says so", 1));
    assert!(seen.warnings()[0].contains("budget") && seen.warnings()[0].contains("a/other is asked instead"));
    // Both are spent: that is what the user hears.
    let seen = ask(&route).await;
    assert_eq!((seen.outcome(), a.calls(), other.calls()), ("quota", 1, 1));
    assert_eq!(seen.error.unwrap().vendor_type(), Some("budget_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn a_second_try_keeps_to_the_budget_of_its_model() {
    let ledger = Arc::new(MemoryLedger::default());
    let spare = Scripted::new("b", [answers("b")]);
    let budgets = || vec![budget(Per::Model, 0, 20)];
    ask(&Route::of([spare.clone()]).budgets(budgets(), ledger.clone())).await;
    let slow = Scripted::new("a", [answers_after("a", ms(2000))]);
    let route = Route::of([slow, spare.clone()])
        .hedge(Hedge { after: Some(ms(400)) })
        .budgets(budgets(), ledger.clone());
    let seen = ask(&route).await;
    assert_eq!((seen.text().as_str(), spare.calls()), ("a says so", 1));
    assert_eq!(seen.took, ms(2000));
}
