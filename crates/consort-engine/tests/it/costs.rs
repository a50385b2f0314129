//! What is booked: also for answers that were stopped, and for those that were refused.
use crate::support::{Desk, Scripted, Step};
use consort_core::{
    Attempt, Context, Delta, Error, ErrorKind, Event, EventStream, Model, ModelCard, Money, PartKey,
    PartKind, Price, Request,
};
use consort_engine::Ask;
use consort_store::SpendQuery;
use futures_util::{StreamExt, stream};
use std::sync::Arc;

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
