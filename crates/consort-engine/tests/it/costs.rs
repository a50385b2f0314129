//! What is booked: also for answers that were stopped, and for those that were refused.
use crate::support::{Desk, Scripted, Step};
use consort_core::{
    Attempt, BoxFuture, Context, Delta, Error, ErrorKind, Event, EventStream, Model, ModelCard, Money,
    PartKey, PartKind, Price, Request, TokenCount, Usage, UsageSource,
};
use consort_engine::Ask;
use consort_store::{GroupBy, SpendQuery};
use futures_util::{StreamExt, stream};
use std::sync::{Arc, Mutex};

/// A route: its first try failed for nothing, and the second one answers for a long time.
struct Route(ModelCard);

impl Model for Route {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn stream(&self, _: Arc<Request>, _: Context) -> EventStream {
        let refused = Attempt {
            error: Some(Error::new(ErrorKind::RateLimit, "too many")),
            cost: Some(Money(0)),
            ..Attempt::new("zoo/crow")
        };
        let part = PartKey(0);
        let events = [
            Event::Attempt(Box::new(refused)),
            Event::PartStart { part, choice: 0, kind: PartKind::Text },
            Event::PartDelta { part, delta: Delta::Text("So far".into()) },
        ];
        stream::iter(events.map(Ok)).chain(stream::pending()).boxed()
    }
}

#[tokio::test]
async fn a_route_that_was_stopped_costs_nobody_knows_what() {
    let desk = Desk::new().await;
    let route = Arc::new(Route(ModelCard::new("route", "fast")));
    let ask = Ask { model: route, ..desk.ask(&Scripted::new(vec![]), "Hello") };
    let run = desk.engine.start(ask).await.unwrap();
    let mut events = run.events(0);
    while events.next().await.unwrap().delta().is_none() {}
    run.stop();
    let outcome = run.done().await;
    let tries: Vec<_> = outcome.attempts.iter().map(|tried| (tried.target.as_str(), tried.cost)).collect();
    assert_eq!(tries, [("zoo/crow", Some(Money(0))), ("route/fast", None)]);
    assert_eq!(outcome.cost(), None);
    assert_eq!(desk.store.spend(SpendQuery::default()).await.unwrap().unpriced, 1);
}

/// Knows whose calls it was asked.
struct Keyed(Mutex<Vec<Option<String>>>, ModelCard);

impl Model for Keyed {
    fn card(&self) -> &ModelCard {
        &self.1
    }

    fn stream(&self, _: Arc<Request>, context: Context) -> EventStream {
        self.0.lock().unwrap().push(context.key);
        consort_core::events_of(Event::text_answer("Yes."))
    }
}

#[tokio::test]
async fn what_is_asked_under_a_key_is_booked_under_it() {
    let desk = Desk::new().await;
    let model = Arc::new(Keyed(Mutex::default(), ModelCard::new("zoo", "parrot")));
    for key in [Some("team"), None, Some("team")] {
        let context = Context { key: key.map(str::to_owned), ..Context::default() };
        // Who speaks is another thing.
        let participant = Some("ada".to_owned());
        let ask = desk.ask(&Scripted::new(vec![]), "Hello");
        desk.run(Ask { model: model.clone(), participant, context, ..ask }).await;
    }
    // What a route sees is what the store keeps.
    let seen = model.0.lock().unwrap().clone();
    assert_eq!(seen, [Some("team".to_owned()), None, Some("team".to_owned())]);
    let rows = desk.store.costs(SpendQuery::default(), GroupBy::Key).await.unwrap();
    let mut tries: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.spend.tries)).collect();
    tries.sort_unstable();
    assert_eq!(tries, [("", 1), ("team", 2)]);
    let kept = desk.branch().await.pop().unwrap().answer.unwrap();
    assert_eq!(kept.key.as_deref(), Some("team"));
}

#[tokio::test]
async fn a_certain_refusal_is_free() {
    let mut card = ModelCard::new("zoo", "parrot");
    card.price = Some(Price { input: 1_000_000, output: 2_000_000, ..Price::default() });
    let cost_of = |script: Vec<Step>| {
        let model = Scripted::with(card.clone(), vec![script]);
        async move {
            let desk = Desk::new().await;
            desk.run(desk.ask(&model, "Hello")).await.0.cost()
        }
    };
    let fail = |kind| Step::Fail(Error::new(kind, "no"));
    for kind in [ErrorKind::Auth, ErrorKind::Quota, ErrorKind::RateLimit, ErrorKind::ModelNotFound] {
        assert_eq!(cost_of(vec![fail(kind)]).await, Some(Money(0)), "{kind:?}");
    }
    // Nobody knows how far these came.
    assert_eq!(cost_of(vec![fail(ErrorKind::Network)]).await, None);
    assert_eq!(cost_of(vec![Step::Say("So far"), fail(ErrorKind::RateLimit)]).await, None);
}

/// Says that its usage is an estimate, and counts a token a letter; or never ends counting.
struct Counts {
    card: ModelCard,
    asked: Mutex<Vec<String>>,
    hangs: bool,
}

impl Counts {
    fn new(hangs: bool) -> Arc<Self> {
        Arc::new(Self { card: ModelCard::new("zoo", "owl"), asked: Mutex::default(), hangs })
    }
}

impl Model for Counts {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, _: Arc<Request>, _: Context) -> EventStream {
        let mut events = Event::text_answer("Yes.");
        let end = events.len() - 1;
        let (input, output, source) = (Some(70), Some(80), UsageSource::Estimated);
        events.insert(end, Event::Usage(Usage { input, output, source, ..Usage::default() }));
        consort_core::events_of(events)
    }

    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        _: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        let text = request.messages[0].text();
        self.asked.lock().unwrap().push(text.clone());
        Box::pin(async move {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Ok(TokenCount { tokens: text.chars().count() as u64, exact: true })
        })
    }
}

#[tokio::test]
async fn an_estimated_usage_is_by_the_models_own_counts() {
    let desk = Desk::new().await;
    let model = Counts::new(false);
    let ask = Ask { model: model.clone(), ..desk.ask(&Scripted::new(vec![]), "Hello") };
    let run = desk.engine.start(ask).await.unwrap();
    let outcome = run.done().await;
    let usage = outcome.attempts[0].usage.clone().unwrap();
    assert_eq!((usage.input, usage.output, usage.source), (Some(5), Some(4), UsageSource::Estimated));
    assert_eq!(*model.asked.lock().unwrap(), ["Hello", "Yes."]);
    assert_eq!(desk.store.spend(SpendQuery::default()).await.unwrap().estimated, 1);
}

#[tokio::test]
async fn a_count_that_hangs_holds_up_no_answer() {
    let desk = Desk::new().await;
    let ask = Ask { model: Counts::new(true), ..desk.ask(&Scripted::new(vec![]), "Hello") };
    let begun = std::time::Instant::now();
    let (outcome, _) = desk.run(ask).await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    let usage = outcome.attempts[0].usage.clone().unwrap();
    assert_eq!((usage.input, usage.output, usage.source), (Some(70), Some(80), UsageSource::Estimated));
}
