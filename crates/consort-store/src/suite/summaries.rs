//! Promises on summaries.
use super::kit::{refused, say, talk};
use super::promises;
use crate::{Store, Summary, SummaryId, TurnId};
use consort_core::Money;
use std::time::{Duration, SystemTime};

promises!(summaries_are_kept_edited_and_removed, summaries_belong_to_their_conversation);

fn summary(conversation: crate::ConversationId, up_to: TurnId) -> Summary {
    Summary {
        id: SummaryId::new(),
        conversation,
        up_to,
        text: "They met.".into(),
        model: Some("zoo/parrot".into()),
        cost: Some(Money(5)),
        created: SystemTime::UNIX_EPOCH + Duration::from_micros(1_234_567),
    }
}

async fn summaries_are_kept_edited_and_removed(store: &dyn Store) {
    let made = talk(store, "long").await;
    let turn = say(store, &made, None, "hello").await;
    let mut first = summary(made.id, turn);
    let second = Summary { model: None, cost: None, ..summary(made.id, turn) };
    store.put_summary(first.clone()).await.unwrap();
    store.put_summary(second.clone()).await.unwrap();
    assert_eq!(store.summaries(made.id).await.unwrap(), [first.clone(), second.clone()]);
    first.text = "They met, and talked.".into();
    first.model = None;
    store.put_summary(first.clone()).await.unwrap();
    assert_eq!(store.summaries(made.id).await.unwrap(), [first.clone(), second.clone()]);
    store.remove_summary(first.id).await.unwrap();
    store.remove_summary(first.id).await.unwrap();
    assert_eq!(store.summaries(made.id).await.unwrap(), [second]);
    store.purge(made.id).await.unwrap();
    assert_eq!(store.summaries(made.id).await.unwrap(), []);
}

async fn summaries_belong_to_their_conversation(store: &dyn Store) {
    let (made, other) = (talk(store, "here").await, talk(store, "there").await);
    let turn = say(store, &other, None, "hello").await;
    refused(store.put_summary(summary(made.id, turn)).await);
    refused(store.put_summary(summary(made.id, TurnId::new())).await);
    refused(store.put_summary(summary(crate::ConversationId::new(), turn)).await);
    assert_eq!(store.summaries(made.id).await.unwrap(), []);
}
