//! What is sent fits the window: the log, and what is put beside it for vendors (results of calls that nobody ran, words
//! that make a model go on).
use crate::support::{Desk, Scripted, Step};
use consort_core::{Message, ModelCard, Part, Request, Role, estimate_tokens};
use consort_store::{NewTurn, Status, TurnId};
use proptest::prelude::*;

/// Tokens that are kept for the answer.
const ANSWER: u64 = 20;

/// How a question was answered.
#[derive(Debug, Clone)]
enum Answered {
    Well(usize),
    /// By so many calls, and stopped before any ran.
    WithCalls(usize),
    CutOff(usize),
}

fn answered() -> impl Strategy<Value = Answered> {
    prop_oneof![
        (1..400_usize).prop_map(Answered::Well),
        (1..8_usize).prop_map(Answered::WithCalls),
        (1..400_usize).prop_map(Answered::CutOff),
    ]
}

async fn keep(desk: &Desk, parent: Option<TurnId>, role: Role, parts: Vec<Part>, status: Status) -> TurnId {
    let (id, conversation) = (TurnId::new(), desk.conversation);
    let new = NewTurn { id, status, ..NewTurn::complete(conversation, parent, role, parts) };
    desk.store.begin(new).await.unwrap();
    id
}

/// Keeps a conversation, and asks a model of this window to go on with it. Gives what it was sent, if anything fits.
async fn sent(talk: &[(usize, Answered)], window: u64) -> Option<Vec<Message>> {
    let desk = Desk::new().await;
    let mut tip = None;
    for (at, (question, answered)) in talk.iter().enumerate() {
        tip = Some(
            keep(&desk, tip, Role::User, vec![Part::text("q".repeat(*question))], Status::Complete).await,
        );
        let (parts, status) = match answered {
            Answered::Well(letters) => (vec![Part::text("a".repeat(*letters))], Status::Complete),
            Answered::CutOff(letters) => (vec![Part::text("a".repeat(*letters))], Status::Interrupted),
            Answered::WithCalls(calls) => {
                let call = |call| Part::tool_call(format!("{at}-{call}"), "look", "{}");
                ((0..*calls).map(call).collect(), Status::Complete)
            }
        };
        tip = Some(keep(&desk, tip, Role::Assistant, parts, status).await);
    }
    let mut card = ModelCard::new("test", "small");
    (card.limits.context, card.limits.output) = (Some(window), Some(ANSWER));
    let model = Scripted::with(card, vec![vec![Step::Say("on")]]);
    desk.run(desk.again(&model)).await;
    model.requests().first().map(|request| request.messages.clone())
}

/// As the engine guesses.
fn taken(messages: &[Message]) -> u64 {
    let guess = |message: &Message| estimate_tokens(&Request::new(vec![message.clone()])).tokens;
    messages.iter().map(|message| guess(message) + guess(message) / 7).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_sent_is_over_the_budget(
        talk in proptest::collection::vec((1..300_usize, answered()), 1..12),
        window in 60..1500_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Some(messages) = runtime.block_on(sent(&talk, window)) {
            let available = window - window / 50 - ANSWER;
            prop_assert!(taken(&messages) <= available, "{} > {available}: {messages:?}", taken(&messages));
        }
    }
}

#[tokio::test]
async fn a_window_that_all_of_it_just_fits_is_enough() {
    let talk = [(40, Answered::WithCalls(3)), (40, Answered::CutOff(40))];
    let all = sent(&talk, 100_000).await.unwrap();
    assert_eq!(all.last().map(|last| last.role), Some(Role::User), "it is asked to go on");
    assert_eq!(all.iter().filter(|message| message.role == Role::Tool).count(), 1);
    let whole = |window: u64| async move {
        sent(&[(40, Answered::WithCalls(3)), (40, Answered::CutOff(40))], window)
            .await
            .is_some_and(|messages| messages.len() == 6)
    };
    let needed = taken(&all) + ANSWER;
    assert!(!whole(needed - 1).await);
    assert!(whole(needed + needed / 40 + 4).await);
}
