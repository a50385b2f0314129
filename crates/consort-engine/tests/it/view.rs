//! Promises of the context view, over random logs.
use consort_core::{Body, Part, Role};
use consort_engine::{Budget, Counts, view};
use consort_store::{ConversationId, Status, Summary, SummaryId, Turn, TurnId};
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::SystemTime;

/// What one exchange of a random log is.
#[derive(Debug, Clone)]
struct Shape {
    question: usize,
    calls: Vec<usize>,
    answer: usize,
    pinned: bool,
    image: bool,
    failed: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let calls = proptest::collection::vec(0..3000_usize, 0..4);
    (
        1..400_usize,
        calls,
        0..600_usize,
        proptest::bool::weighted(0.1),
        any::<bool>(),
        proptest::bool::weighted(0.1),
    )
        .prop_map(|(question, calls, answer, pinned, image, failed)| Shape {
            question,
            calls,
            answer,
            pinned,
            image,
            failed,
        })
}

fn turn(log: &[Turn], role: Role, parts: Vec<Part>) -> Turn {
    Turn {
        id: TurnId::new(),
        conversation: ConversationId(uuid_nil()),
        parent: log.last().map(|turn: &Turn| turn.id),
        role,
        participant: None,
        parts,
        status: Status::Complete,
        created: SystemTime::UNIX_EPOCH,
        pinned: false,
        run: None,
        answer: None,
    }
}

#[test]
fn a_long_conversation_takes_its_length_and_not_its_square() {
    let mut log: Vec<Turn> = Vec::new();
    for _ in 0..15_000 {
        for role in [Role::User, Role::Assistant] {
            let next = turn(&log, role, vec![Part::text("a few words that are said")]);
            log.push(next);
        }
    }
    let budget = Budget { window: Some(2000), answer: 100, fixed: 0 };
    let counts = Counts::guess(&log);
    let begun = std::time::Instant::now();
    let seen = view(&log, &counts, &[], &budget).unwrap();
    assert!(seen.report.dropped_turns > 29_000);
    // Quadratic it took minutes, in any build.
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

fn uuid_nil() -> uuid::Uuid {
    uuid::Uuid::nil()
}

fn log_of(shapes: &[Shape]) -> Vec<Turn> {
    let mut log: Vec<Turn> = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        let mut parts = vec![Part::text("q".repeat(shape.question))];
        if shape.image {
            parts.push(Part::media(consort_core::Media::bytes("image/png", vec![0_u8; 10])));
        }
        let mut question = turn(&log, Role::User, parts);
        question.pinned = shape.pinned;
        log.push(question);
        if !shape.calls.is_empty() {
            let calls =
                (0..shape.calls.len()).map(|call| Part::tool_call(format!("{at}-{call}"), "look", "{}"));
            let calls = calls.collect();
            log.push(turn(&log, Role::Assistant, calls));
            for (call, size) in shape.calls.iter().enumerate() {
                let result = Part::tool_result(format!("{at}-{call}"), "look", "r".repeat(*size));
                log.push(turn(&log, Role::Tool, vec![result]));
            }
        }
        let mut answer = turn(&log, Role::Assistant, vec![Part::text("a".repeat(shape.answer))]);
        if shape.failed {
            answer.status = Status::Failed;
            answer.parts.clear();
        }
        log.push(answer);
    }
    log.push(turn(&log, Role::User, vec![Part::text("the newest question")]));
    log
}

fn calls_and_results(parts: impl Iterator<Item = Part>) -> (HashSet<String>, HashSet<String>) {
    let (mut calls, mut results) = (HashSet::new(), HashSet::new());
    for part in parts {
        match part.body {
            Body::ToolCall(call) => calls.insert(call.id),
            Body::ToolResult(result) => results.insert(result.call_id),
            _ => continue,
        };
    }
    (calls, results)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_view_keeps_its_promises(
        shapes in proptest::collection::vec(shape(), 0..14),
        window in 64..6000_u64,
        summarised in proptest::option::of(0..100_usize),
    ) {
        let log = log_of(&shapes);
        let before = log.clone();
        let counts = Counts::guess(&log);
        let summaries: Vec<Summary> = summarised
            .map(|at| Summary {
                id: SummaryId::new(),
                conversation: log[0].conversation,
                up_to: log[at % log.len()].id,
                text: "what was said before".into(),
                model: None,
                cost: None,
                created: SystemTime::UNIX_EPOCH,
            })
            .into_iter()
            .collect();
        let budget = Budget { window: Some(window), answer: 10, fixed: 10 };
        let made = view(&log, &counts, &summaries, &budget);
        prop_assert_eq!(&made.clone().map_err(|error| error.to_string()), &view(&log, &counts, &summaries, &budget).map_err(|error| error.to_string()));
        prop_assert_eq!(&log, &before);
        let Ok(made) = made else {
            // Only what must stay can be too much: the newest question and what is pinned.
            let must: Vec<Turn> = log_of(&shapes.iter().filter(|shape| shape.pinned).cloned().collect::<Vec<_>>());
            let everything = view(&must, &Counts::guess(&must), &[], &Budget { window: None, ..budget }).unwrap();
            prop_assert!(everything.report.tokens > budget.available().unwrap(), "it would have fitted");
            return Ok(());
        };
        prop_assert!(made.report.tokens <= budget.available().unwrap());
        prop_assert_eq!(made.messages.last().unwrap().text(), "the newest question");
        let (calls, results) = calls_and_results(made.messages.iter().flat_map(|message| message.parts.clone()));
        prop_assert_eq!(calls, results);
        for pinned in log.iter().filter(|turn| turn.pinned) {
            let words = pinned.parts[0].as_text().unwrap();
            prop_assert!(made.messages.iter().any(|message| message.text().starts_with(words)));
        }
        // What was not cut is what was said.
        if !made.report.is_trimmed() {
            prop_assert!(made.report.summary.is_none());
            prop_assert_eq!(made.report.begins, log.first().map(|turn| turn.id));
        }
        let users = made.messages.iter().filter(|message| message.role == Role::User).count();
        prop_assert!(users >= 1);
    }

    #[test]
    fn without_a_window_nothing_is_left_out(shapes in proptest::collection::vec(shape(), 0..10)) {
        let log = log_of(&shapes);
        let made = view(&log, &Counts::guess(&log), &[], &Budget { window: None, answer: 0, fixed: 0 }).unwrap();
        prop_assert_eq!((made.report.dropped_turns, made.report.cleared), (0, 0));
    }
}

#[test]
fn old_results_go_before_old_exchanges() {
    let shape = |result: usize| Shape {
        question: 40,
        calls: vec![result],
        answer: 40,
        pinned: false,
        image: false,
        failed: false,
    };
    let log = log_of(&[shape(8000), shape(40), shape(40), shape(40)]);
    let made =
        view(&log, &Counts::guess(&log), &[], &Budget { window: Some(1500), answer: 100, fixed: 0 }).unwrap();
    assert_eq!((made.report.cleared, made.report.dropped_turns), (1, 0));
    assert!(made.messages.iter().any(|message| matches!(&message.parts[0].body,
        Body::ToolResult(result) if result.text() == "[cleared to save room: an old result]")));
}
