//! Promises on what was used and what it cost.
use super::kit::{attempt, ended, running, talk};
use super::promises;
use crate::{Answer, Ending, GroupBy, NewTurn, Spend, SpendQuery, Status, Store, TurnId};
use consort_core::{Attempt, Money, Unasked, Usage, UsageSource};
use std::time::{Duration, SystemTime};

promises!(
    each_try_is_booked_once,
    one_that_was_asked_directly_is_one_try,
    what_it_cost_outlives_its_conversation,
    spending_is_found_by_key_model_conversation_and_time,
    reports_sum_by_name,
    what_was_tried_beside_the_turns_is_booked,
    wild_counts_make_no_sum_wrong,
);

async fn spent(store: &dyn Store, answer: Answer, status: Status) -> crate::ConversationId {
    let made = talk(store, "spent").await;
    let new = running(made.id, None, &answer.model);
    let id = new.id;
    store.begin(new).await.unwrap();
    store.end(id, Ending { status, answer: Some(Box::new(answer)), ..ended("x") }).await.unwrap();
    made.id
}

fn by(model: &str, attempts: Vec<Attempt>, key: Option<&str>) -> Answer {
    Answer { model: model.into(), attempts, key: key.map(str::to_owned), ..Answer::default() }
}

async fn each_try_is_booked_once(store: &dyn Store) {
    let cached = Attempt { unasked: Some(Unasked::Cached), ..Attempt::new("zoo/parrot") };
    let attempts = vec![attempt("zoo/parrot", 10, None), attempt("zoo/crow", 100, Some(9)), cached];
    spent(store, by("route/fast", attempts, None), Status::Complete).await;
    let sum = store.spend(SpendQuery::default()).await.unwrap();
    let wanted = Spend { tries: 2, input: 110, output: 220, cost: Money(9), unpriced: 1, ..Spend::default() };
    assert_eq!(sum, wanted);
}

async fn one_that_was_asked_directly_is_one_try(store: &dyn Store) {
    let usage = Usage {
        input: Some(10),
        cached: Some(30),
        output: Some(5),
        reasoning: Some(7),
        audio_input: Some(1),
        audio_output: Some(2),
        source: UsageSource::Estimated,
        ..Usage::default()
    };
    let answer = Answer { usage: Some(usage), cost: Some(Money(40)), ..by("zoo/parrot", vec![], None) };
    spent(store, answer, Status::Interrupted).await;
    let sum = store.spend(SpendQuery::default()).await.unwrap();
    let wanted = Spend {
        tries: 1,
        input: 40,
        cached: 30,
        output: 12,
        reasoning: 7,
        audio_input: 1,
        audio_output: 2,
        cost: Money(40),
        unpriced: 0,
        estimated: 1,
    };
    assert_eq!(sum, wanted);
    spent(store, by("zoo/parrot", vec![], None), Status::Failed).await;
    assert_eq!(store.spend(SpendQuery::default()).await.unwrap().tries, 1, "nobody counted anything");
    spent(store, by("zoo/parrot", vec![], None), Status::Complete).await;
    assert_eq!(
        store.spend(SpendQuery::default()).await.unwrap().unpriced,
        1,
        "it answered, for an unknown sum"
    );
}

async fn what_it_cost_outlives_its_conversation(store: &dyn Store) {
    let gone =
        spent(store, by("zoo/parrot", vec![attempt("zoo/parrot", 1, Some(3))], None), Status::Complete).await;
    store.purge(gone).await.unwrap();
    let query = SpendQuery { conversation: Some(gone), ..SpendQuery::default() };
    assert_eq!(store.spend(query).await.unwrap().cost, Money(3));
}

async fn spending_is_found_by_key_model_conversation_and_time(store: &dyn Store) {
    let start = SystemTime::now() - Duration::from_millis(1);
    let one =
        spent(store, by("r", vec![attempt("zoo/parrot", 1, Some(1))], Some("team")), Status::Complete).await;
    spent(store, by("r", vec![attempt("zoo/crow", 1, Some(10))], None), Status::Complete).await;
    // A turn that is complete from the start is booked too.
    let made = talk(store, "imported").await;
    let answer = by("zoo/parrot", vec![attempt("zoo/parrot", 1, Some(100))], Some("team"));
    let new = NewTurn {
        id: TurnId::new(),
        status: Status::Complete,
        answer: Some(Box::new(answer)),
        ..running(made.id, None, "")
    };
    store.begin(new).await.unwrap();
    let end = SystemTime::now() + Duration::from_millis(1);
    let sum = |query: SpendQuery| async move { store.spend(query).await.unwrap().cost.0 };
    let query = SpendQuery::default;
    assert_eq!(sum(query()).await, 111);
    assert_eq!(sum(SpendQuery { key: Some("team".into()), ..query() }).await, 101);
    assert_eq!(sum(SpendQuery { model: Some("zoo/parrot".into()), ..query() }).await, 101);
    assert_eq!(sum(SpendQuery { conversation: Some(one), ..query() }).await, 1);
    assert_eq!(sum(SpendQuery { since: Some(start), until: Some(end), ..query() }).await, 111);
    assert_eq!(sum(SpendQuery { until: Some(start), ..query() }).await, 0);
    assert_eq!(sum(SpendQuery { since: Some(end), ..query() }).await, 0);
}

async fn reports_sum_by_name(store: &dyn Store) {
    let one =
        spent(store, by("r", vec![attempt("zoo/parrot", 1, Some(5))], Some("team")), Status::Complete).await;
    let two = spent(
        store,
        by("r", vec![attempt("zoo/crow", 2, Some(4)), attempt("zoo/crow", 2, None)], None),
        Status::Complete,
    )
    .await;
    let rows = |group| async move {
        let rows = store.costs(SpendQuery::default(), group).await.unwrap();
        rows.into_iter().map(|row| (row.name, row.spend.cost.0, row.spend.tries)).collect::<Vec<_>>()
    };
    let row = |name: &str, cost, tries| (name.to_owned(), cost, tries);
    assert_eq!(rows(GroupBy::Model).await, [row("zoo/parrot", 5, 1), row("zoo/crow", 4, 2)]);
    assert_eq!(rows(GroupBy::Key).await, [row("team", 5, 1), row("", 4, 2)]);
    assert_eq!(rows(GroupBy::Conversation).await, [row(&one.to_string(), 5, 1), row(&two.to_string(), 4, 2)]);
    let days = rows(GroupBy::Day).await;
    assert_eq!((days.iter().map(|row| row.1).sum::<u64>(), days[0].0.len()), (9, "2026-11-28".len()));
    assert_eq!(rows(GroupBy::Month).await[0].0, days[0].0[..7]);
    let some = SpendQuery { key: Some("team".into()), ..SpendQuery::default() };
    assert_eq!(store.costs(some, GroupBy::Model).await.unwrap().len(), 1);
}

async fn what_was_tried_beside_the_turns_is_booked(store: &dyn Store) {
    let made = talk(store, "summed up").await;
    let cached = Attempt { unasked: Some(Unasked::Cached), ..Attempt::new("zoo/parrot") };
    let attempts = vec![attempt("zoo/parrot", 1, Some(5)), attempt("zoo/crow", 1, None), cached];
    store.book(made.id, Some("team".into()), attempts).await.unwrap();
    let query = SpendQuery { conversation: Some(made.id), key: Some("team".into()), ..SpendQuery::default() };
    let sum = store.spend(query).await.unwrap();
    assert_eq!((sum.tries, sum.cost, sum.unpriced), (2, Money(5), 1));
}

async fn wild_counts_make_no_sum_wrong(store: &dyn Store) {
    let wild = vec![attempt("zoo/parrot", u64::MAX / 2, Some(u64::MAX)); 4];
    spent(store, by("r", wild, None), Status::Complete).await;
    let sum = store.spend(SpendQuery::default()).await.unwrap();
    assert!(sum.tries == 4 && sum.cost > Money::from_dollars(1e6) && sum.input > 1 << 40);
    assert_eq!(store.costs(SpendQuery::default(), GroupBy::Day).await.unwrap()[0].spend, sum);
}
