//! What the tests of the suite share: short ways to make turns and answers.
use crate::{
    Answer, Conversation, ConversationId, Ending, NewConversation, NewTurn, Status, Store, Turn, TurnId,
};
use consort_core::{Attempt, Delta, Error, ErrorKind, Event, Money, Part, PartKey, PartKind, Role, Usage};
use std::time::Duration;

pub(super) async fn talk(store: &dyn Store, title: &str) -> Conversation {
    let new = NewConversation { title: Some(title.to_owned()), ..NewConversation::default() };
    store.create(new).await.unwrap()
}

pub(super) fn turn(conversation: ConversationId, parent: Option<TurnId>, text: &str) -> NewTurn {
    NewTurn::complete(conversation, parent, Role::User, vec![Part::text(text)])
}

/// A turn that a model begins to answer.
pub(super) fn running(conversation: ConversationId, parent: Option<TurnId>, model: &str) -> NewTurn {
    let answer = Answer { model: model.to_owned(), ..Answer::default() };
    NewTurn {
        role: Role::Assistant,
        parts: Vec::new(),
        status: Status::Running,
        answer: Some(Box::new(answer)),
        ..turn(conversation, parent, "")
    }
}

pub(super) async fn say(store: &dyn Store, to: &Conversation, parent: Option<TurnId>, text: &str) -> TurnId {
    let new = turn(to.id, parent, text);
    let id = new.id;
    store.begin(new).await.unwrap();
    id
}

pub(super) fn ended(text: &str) -> Ending {
    Ending { status: Status::Complete, parts: vec![Part::text(text)], answer: None }
}

pub(super) fn start(key: u32) -> Event {
    Event::PartStart { part: PartKey(key), choice: 0, kind: PartKind::Text }
}

pub(super) fn more(key: u32, text: &str) -> Event {
    Event::PartDelta { part: PartKey(key), delta: Delta::Text(text.to_owned()) }
}

pub(super) fn texts(turns: &[Turn]) -> Vec<String> {
    turns.iter().map(|turn| turn.parts.iter().filter_map(Part::as_text).collect()).collect()
}

pub(super) fn attempt(target: &str, input: u64, cost: Option<u64>) -> Attempt {
    let usage = Usage { input: Some(input), output: Some(2 * input), ..Usage::default() };
    Attempt {
        usage: Some(usage),
        cost: cost.map(Money),
        took: Duration::from_millis(1500),
        first: Some(Duration::from_millis(120)),
        ..Attempt::new(target)
    }
}

/// What is refused is the caller's mistake, and said so.
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.expect_err("this must be refused");
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
}
