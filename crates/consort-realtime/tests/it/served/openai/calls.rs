//! What is said while a call's result is missing, and results that come late.
use super::*;
use consort_core::{Arguments, Role, SessionInput, ToolCall};

const USER: Speaker = Speaker::User;

fn spoken() -> [SessionEvent; 2] {
    [SessionEvent::SpeechStarted { by: USER }, SessionEvent::SpeechStopped { by: USER }]
}

/// A conversation in which the model made a call and waits for its result.
fn called() -> OpenAiServed {
    let mut wire = served();
    say(&mut wire, &user("What time is it?"), 0);
    say(&mut wire, &respond(), 0);
    let call = ToolCall { id: "c1".into(), name: "clock".into(), arguments: Arguments::new("{}") };
    tell(&mut wire, [SessionEvent::ToolCall { call }]);
    wire.tick(wire.due().unwrap());
    wire
}

fn output() -> Value {
    json!({"type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "c1", "output": "noon"}})
}

fn gives_result(inputs: &[SessionInput]) -> bool {
    matches!(inputs, [SessionInput::ToolResult { .. }])
}

/// What the responses say that are over.
fn responses(told: &[Value]) -> Vec<&str> {
    let over = told.iter().filter(|one| one["type"] == "response.done").map(|one| &one["response"]);
    over.map(|one| one["output"][0]["content"][0]["transcript"].as_str().unwrap_or_default()).collect()
}

fn answer(item: &str, text: &str) -> [SessionEvent; 2] {
    [words(item, TranscriptMode::Final, text), done(FinishReason::Stop)]
}

#[test]
fn what_was_asked_while_a_result_was_missing_is_answered_once() {
    let mut wire = called();
    say(&mut wire, &user("Are you there?"), 300);
    assert_eq!(say(&mut wire, &respond(), 300).inputs, [SessionInput::text("Are you there?")]);
    assert!(gives_result(&say(&mut wire, &output(), 400).inputs));
    // This model answers one thing behind the other.
    assert_eq!(responses(&tell(&mut wire, answer("a", "Noon."))), ["Noon."]);
    let asked = say(&mut wire, &respond(), 500);
    assert_eq!(
        (types(&asked), asked.inputs),
        (vec!["response.created".into()], vec![]),
        "it answers already"
    );
    assert_eq!(responses(&tell(&mut wire, answer("b", "Yes."))), ["Yes."]);
    // All is answered: it is asked to go on.
    assert_eq!(say(&mut wire, &respond(), 600).inputs.len(), 1);
}

/// Libraries wish for an answer to a result, are refused while another is given, and wish for it once that is over.
#[test]
fn every_wish_makes_one_response() {
    for is_spoken in [false, true] {
        let mut wire = called();
        if is_spoken {
            let voice = super::super::voice();
            let told: Vec<String> =
                voice.chunks(4_800).flat_map(|piece| types(&say(&mut wire, &append(piece), 300))).collect();
            assert_eq!(told.last().unwrap(), "response.created");
        } else {
            say(&mut wire, &user("Are you there?"), 300);
            say(&mut wire, &respond(), 300);
        }
        assert!(gives_result(&say(&mut wire, &output(), 400).inputs));
        let error = refused(&say(&mut wire, &respond(), 400));
        assert_eq!(error["code"], "conversation_already_has_active_response");
        assert_eq!(responses(&tell(&mut wire, answer("a", "Noon."))), ["Noon."]);
        // What the model says behind it waits for its wish.
        let late = if is_spoken { spoken().to_vec() } else { Vec::new() };
        let told = tell(&mut wire, late.into_iter().chain(answer("b", "Yes.")));
        assert_eq!(told, [Value::Null; 0], "{is_spoken}");
        let asked = say(&mut wire, &respond(), 600);
        assert_eq!(asked.inputs, [], "{is_spoken}");
        assert_eq!(types(&asked)[0], "response.created");
        assert_eq!(responses(&sent(&asked)), ["Yes."], "{is_spoken}");
        // Where nobody wishes for it, it is told all the same.
        assert!(wire.due().is_none());
    }
}

#[test]
fn an_answer_that_nobody_wishes_for_waits_a_moment() {
    let mut wire = called();
    say(&mut wire, &user("Are you there?"), 300);
    say(&mut wire, &respond(), 300);
    say(&mut wire, &output(), 400);
    tell(&mut wire, answer("a", "Noon."));
    assert_eq!(tell(&mut wire, answer("b", "Yes.")), [Value::Null; 0]);
    let due = wire.due().unwrap();
    assert_eq!(due, Duration::from_millis(1_010));
    assert_eq!(responses(&sent(&wire.tick(due))), ["Yes."]);
    assert!(wire.due().is_none());
}

#[test]
fn what_is_said_once_while_a_result_is_missing_is_one_turn() {
    let mut wire = called();
    let voice = super::super::voice();
    let told: Vec<String> =
        voice.chunks(4_800).flat_map(|piece| types(&say(&mut wire, &append(piece), 300))).collect();
    assert_eq!(told.iter().filter(|kind| *kind == "input_audio_buffer.committed").count(), 1);
    assert!(gives_result(&say(&mut wire, &output(), 20_000).inputs));
    let mut at = |events: Vec<SessionEvent>| {
        let now = Duration::from_millis(20_100);
        events.into_iter().flat_map(|event| types(&wire.event(event, now))).collect::<Vec<_>>()
    };
    assert_eq!(at(answer("a", "Noon.").to_vec()).last().unwrap(), "response.done");
    // The model hears it behind what the call gave.
    assert_eq!(at(spoken().to_vec()), [""; 0], "it is no other turn");
}

#[test]
fn a_result_that_the_model_does_not_wait_for_any_more_is_of_the_past() {
    let mut wire = called();
    tell(&mut wire, spoken());
    tell(&mut wire, [SessionEvent::ToolCancelled { id: "c1".into() }, done(FinishReason::Other)]);
    tell(&mut wire, answer("a", "Yes."));
    assert_eq!(say(&mut wire, &output(), 900).inputs, []);
    let asked = say(&mut wire, &respond(), 900);
    let past = asked.open.expect("a session that knows the result").messages;
    assert!(past.iter().any(|message| message.role == Role::Tool), "{past:?}");
    assert_eq!(asked.inputs, [SessionInput::text("Go on.")]);
    assert_eq!(responses(&tell(&mut wire, answer("b", "It is noon."))), ["It is noon."]);
    // Nor is it waited for by what is asked next.
    say(&mut wire, &user("Hello?"), 1_000);
    assert_eq!(say(&mut wire, &respond(), 1_000).inputs, [SessionInput::text("Hello?")]);
    assert_eq!(responses(&tell(&mut wire, answer("c", "Hello."))), ["Hello."]);
    assert_eq!(say(&mut wire, &respond(), 1_100).inputs, [SessionInput::text("Go on.")]);
}
