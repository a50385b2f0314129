//! Tools: several at once, slow ones, and those that nobody waits for any more.
use super::parts::{Do, Script};
use super::{Talk, cascade, lines};
use consort_core::{SessionConfig, SessionEvent, SessionInput, ToolResult, Usage};
use consort_realtime::cascade::CascadeSettings;
use consort_realtime::voices::TestVoice;
use std::sync::Arc;
use std::time::Duration;

async fn asked(model: &Arc<Script>) -> Talk {
    let settings = CascadeSettings { eager: None, ..CascadeSettings::default() };
    let talk = Talk::open(&cascade(model, TestVoice, TestVoice, settings), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("look")).unwrap();
    talk.wait(1, "tool_call").await;
    talk
}

fn result(id: &str, text: &'static str) -> SessionInput {
    let result =
        ToolResult { call_id: id.into(), name: "look".into(), content: vec![text.into()], is_error: false };
    SessionInput::ToolResult { result }
}

#[tokio::test(start_paused = true)]
async fn all_results_of_a_turn_go_to_the_model_at_once() {
    let calls = vec![Do::Say(0, "Let me see"), Do::Call(0, "a"), Do::Call(0, "b")];
    let model = Script::new([calls, vec![Do::Call(0, "c")], vec![Do::Say(0, "It is red.")]]);
    let talk = asked(&model).await;
    talk.wait(2, "tool_call").await;
    talk.sink.push(result("b", "two")).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(model.told().len(), 1, "one result is missing");
    talk.sink.push(result("a", "one")).unwrap();
    talk.wait(3, "tool_call").await;
    talk.sink.push(result("c", "three")).unwrap();
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    let told = model.told();
    assert_eq!(told[1], ["User: look", "Assistant: Let me see <a> <b>", "Tool: <b: two> <a: one>"]);
    assert_eq!(told[2][3..], ["Assistant: <c>", "Tool: <c: three>"]);
    let usage = events.iter().find_map(|(_, event)| match event {
        SessionEvent::TurnDone { usage, .. } => usage.clone(),
        _ => None,
    });
    assert_eq!(usage, Some(Usage { input: Some(9), output: Some(6), ..Usage::default() }));
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_outlives_its_turn_is_heard_in_the_next() {
    let model = Script::new([vec![Do::Call(0, "a")], vec![Do::Say(0, "No news.")], vec![Do::Say(0, "Now.")]]);
    let talk = asked(&model).await;
    talk.wait(1, "turn_done").await;
    assert!(talk.now() >= Duration::from_mins(1), "it was waited for");
    talk.sink.push(result("a", "late news")).unwrap();
    talk.sink.push(SessionInput::text("and")).unwrap();
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    assert!(lines(&events).contains(&"warning late".to_owned()));
    assert!(model.told()[1][2].contains("did not answer in time"), "{:?}", model.told());
    assert_eq!(model.told()[2][2], "Tool: <a: late news>");
}

#[tokio::test(start_paused = true)]
async fn a_tool_of_an_answer_that_was_interrupted_is_cancelled() {
    let model = Script::new([vec![Do::Call(0, "a")], vec![Do::Say(0, "Fine.")]]);
    let talk = asked(&model).await;
    talk.say("forget about it please").await;
    talk.silence(800).await;
    talk.wait(2, "turn_done").await;
    talk.sink.push(result("nobody", "?")).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let events = talk.close().await;
    let lines = lines(&events);
    assert!(lines.contains(&"tool_cancelled a".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"warning dropped".to_owned()), "{lines:#?}");
    assert!(model.told()[1][2].starts_with("Tool: <a: "), "{:?}", model.told());
    assert_eq!(model.told()[1][3], "User: forget about it please");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_asks_for_ever_is_stopped() {
    let model = Script::new((0..40).map(|_| vec![Do::Call(0, "again")]));
    let talk = asked(&model).await;
    for _ in 0..20 {
        talk.sink.push(result("again", "no")).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert!(lines(&events).contains(&"error invalid_request".to_owned()));
    assert_eq!(model.told().len(), 17);
}
