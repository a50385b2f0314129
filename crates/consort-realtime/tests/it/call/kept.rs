//! One situation a test: what stands in the log, and what the model was told.
use super::{Held, lines, sound};
use consort_core::{
    Body, BoxFuture, Context, Error, FunctionSpec, Media, MediaSource, Message, Part, Processor, Request,
    SessionEvent, SessionInput, Speaker, Tool, ToolCall, ToolOutput, TranscriptMode,
};
use consort_engine::{Approval, Decision, Tools};
use consort_realtime::call::{CallEvent, Keep, Pace};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_talk_is_kept_in_turns() {
    let mut held = Held::open(|_| {}).await;
    held.user("u1", "What time is it?");
    held.speak("a1", 0, "It is noon.");
    held.done("a1", "It is noon.");
    held.pass(1000).await;
    // It ended by itself, as soon as it was heard.
    let log = held.log().await;
    assert_eq!(lines(&log), ["User Complete: What time is it?", "Assistant Complete: It is noon."]);
    let answer = log[1].answer.as_deref().unwrap();
    assert_eq!((answer.model.as_str(), answer.usage.as_ref().unwrap().output), ("zoo/parrot", Some(3)));
    assert!(answer.cost.unwrap().0 > 0 && answer.finish.is_some() && answer.took.is_some(), "{answer:?}");
    let conversation = held.store.conversation(held.keep.conversation).await.unwrap().unwrap();
    assert_eq!(conversation.title.as_deref(), Some("What time is it?"));
    held.call.say("And now?");
    held.speak("a2", 0, "Still noon.");
    held.done("a2", "Still noon.");
    held.pass(1000).await;
    let log = held.end().await;
    assert_eq!(lines(&log)[2..], ["User Complete: And now?", "Assistant Complete: Still noon."]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_spoken_into_is_kept_as_it_was_heard() {
    let mut held = Held::open(|_| {}).await;
    held.user("u1", "Go on.");
    held.speak("a1", 0, "One two three four five six.");
    held.done("a1", "One two three four five six.");
    held.pass(150).await;
    held.user("u2", "Stop!");
    held.pass(1).await;
    // "three" begins at 80 ms and ends at 130 ms: at 140 ms "four" had begun.
    let told = held.told().await;
    assert!(
        matches!(&told[..], [SessionInput::Interrupt { item: Some(item), heard }]
        if item == "a1" && (140..=160).contains(&heard.as_millis())),
        "{told:?}"
    );
    assert!(held.seen.iter().any(|event| matches!(event, CallEvent::Cut)));
    let log = held.end().await;
    assert_eq!(
        lines(&log),
        ["User Complete: Go on.", "Assistant Interrupted: One two three four", "User Complete: Stop!"]
    );
    // What it cost is kept with it.
    assert!(log[1].answer.as_deref().unwrap().cost.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_was_said_stands_before_its_answer_although_its_words_come_later() {
    let mut held = Held::open(|_| {}).await;
    held.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
    held.say.push(SessionEvent::SpeechStopped { by: Speaker::User });
    held.speak("a1", 0, "Fine.");
    held.pass(30).await;
    held.words("u1", Speaker::User, TranscriptMode::Delta, "How are ");
    held.done("a1", "Fine.");
    held.words("u1", Speaker::User, TranscriptMode::Final, "How are you?");
    let log = held.end().await;
    assert_eq!(lines(&log), ["User Complete: How are you?", "Assistant Complete: Fine."]);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_transcript_leaves_its_place() {
    let mut held = Held::open(|_| {}).await;
    held.call.hear(sound("loud"), Some("Ada"));
    held.pass(10).await;
    held.speak("a1", 0, "Hello Ada.");
    held.done("a1", "Hello Ada.");
    let log = held.end().await;
    let said = ["User Complete: [spoken; there is no transcript]", "Assistant Complete: Hello Ada."];
    assert_eq!(lines(&log), said);
    assert_eq!(log[0].participant.as_deref(), Some("Ada"));
    // A cough is no turn.
    let held = Held::open(|_| {}).await;
    held.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
    held.words("u1", Speaker::User, TranscriptMode::Final, " ");
    assert_eq!(held.end().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_listener_who_is_elsewhere_says_what_was_heard() {
    let mut held = Held::open(|setup| setup.pace = Pace::Reported).await;
    held.user("u1", "Go on.");
    held.speak("a1", 0, "One two three four five six.");
    held.done("a1", "One two three four five six.");
    held.pass(200).await;
    held.call.played(Duration::from_millis(60));
    held.call.interrupt();
    let told = held.told().await;
    let heard = SessionInput::Interrupt { item: Some("a1".into()), heard: Duration::from_millis(60) };
    assert_eq!(told, [heard]);
    let log = held.end().await;
    assert_eq!(lines(&log)[1], "Assistant Interrupted: One two");
    // Until it says so, nothing was heard, and the turn does not end.
    let mut held = Held::open(|setup| setup.pace = Pace::Reported).await;
    held.speak("a1", 0, "One.");
    held.done("a1", "One.");
    held.pass(3000).await;
    assert_eq!(lines(&held.log().await), ["Assistant Running: "]);
    held.call.played(Duration::from_millis(40));
    held.pass(100).await;
    assert_eq!(lines(&held.log().await), ["Assistant Complete: One."]);
}

#[tokio::test(start_paused = true)]
async fn of_pictures_that_wait_for_a_turn_the_newest_are_kept_and_that_is_told_once() {
    let mut held = Held::open(|_| {}).await;
    for turn in 0..2 {
        for number in 0..100 {
            held.call.show(Media::bytes("image/png", vec![number; 1 << 20]));
        }
        held.pass(10).await;
        let warnings = held.seen.iter().filter(|event| {
            matches!(event, CallEvent::Session(SessionEvent::Warning { warning }) if warning.code == "dropped")
        });
        assert_eq!(warnings.count(), turn + 1);
        held.call.say("Look.");
    }
    let log = held.end().await;
    for turn in &log {
        let first = |part: &Part| match &part.body {
            Body::Media(Media { source: MediaSource::Bytes(bytes), .. }) => Some(bytes[0]),
            _ => None,
        };
        let pictures: Vec<u8> = turn.parts.iter().filter_map(first).collect();
        assert_eq!(pictures, (84..100).collect::<Vec<u8>>());
    }
    assert_eq!(log.len(), 2);
}

/// Says what it is asked, after a while.
struct Clock(FunctionSpec, Duration);

impl Tool for Clock {
    fn spec(&self) -> &FunctionSpec {
        &self.0
    }
    fn call(&self, arguments: Value, _: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move {
            tokio::time::sleep(self.1).await;
            Ok(ToolOutput::text(format!("noon {}", arguments["in"].as_str().unwrap_or_default())))
        })
    }
}

fn clock(takes: u64) -> Tools {
    let spec = FunctionSpec::new("clock", "", json!({"type": "object"}));
    Tools::new(vec![Arc::new(Clock(spec, Duration::from_millis(takes)))]).unwrap()
}

fn call(id: &str) -> SessionEvent {
    let call = ToolCall { id: id.into(), name: "clock".into(), arguments: r#"{"in": "Rome"}"#.into() };
    SessionEvent::ToolCall { call }
}

#[tokio::test(start_paused = true)]
async fn tools_run_and_stand_in_the_log() {
    let mut held = Held::open(|setup| setup.tools = clock(50)).await;
    assert_eq!(held.config.tools.len(), 1);
    held.user("u1", "Time?");
    held.say.push(call("c1"));
    held.pass(100).await;
    let told = held.told().await;
    assert!(
        matches!(&told[..], [SessionInput::ToolResult { result }] if result.text() == "noon Rome"),
        "{told:?}"
    );
    held.speak("a2", 0, "Noon.");
    held.done("a2", "Noon.");
    let log = held.end().await;
    assert_eq!(
        lines(&log),
        [
            "User Complete: Time?",
            "Assistant Complete: <clock>",
            "Tool Complete: =noon Rome",
            "Assistant Complete: Noon."
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_outlives_its_turn_is_told_of_where_it_ends() {
    let mut held = Held::open(|setup| setup.tools = clock(5000)).await;
    held.user("u1", "Time?");
    held.say.push(call("c1"));
    held.pass(100).await;
    held.call.say("Never mind.");
    held.speak("a2", 0, "All right.");
    held.done("a2", "All right.");
    held.pass(6000).await;
    assert!(held.told().await.iter().any(|input| matches!(input, SessionInput::ToolResult { .. })));
    let log = held.end().await;
    assert_eq!(
        lines(&log)[3..],
        ["Assistant Complete: All right.", "User Complete: [`clock` answered late: noon Rome]"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_result_never_stands_behind_the_call_of_another() {
    let named = |name: &str, takes| {
        let spec = FunctionSpec::new(name, "", json!({"type": "object"}));
        Arc::new(Clock(spec, Duration::from_millis(takes))) as Arc<dyn Tool>
    };
    let tools = Tools::new(vec![named("slow", 6000), named("fast", 900)]).unwrap();
    let mut held = Held::open(|setup| setup.tools = tools).await;
    let call = |id: &str, name: &str| {
        let call = ToolCall { id: id.into(), name: name.into(), arguments: "{}".into() };
        SessionEvent::ToolCall { call }
    };
    held.user("u1", "Slow?");
    held.say.push(call("c1", "slow"));
    held.pass(5000).await;
    held.user("u2", "Fast?");
    held.say.push(call("c2", "fast"));
    held.say.push(call("c3", "fast"));
    // The fast ones are done at 5.9 s, the slow one at 6 s.
    held.pass(3000).await;
    let log = held.end().await;
    assert_eq!(
        lines(&log)[2..],
        [
            "User Complete: Fast?",
            "Assistant Complete: <fast> | <fast>",
            "Tool Complete: =noon ",
            "Tool Complete: =noon ",
            "User Complete: [`slow` answered late: noon ]"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_asks_waits_for_a_yes() {
    let mut held = Held::open(|setup| setup.tools = clock(0).approval(Approval::Ask)).await;
    held.say.push(call("c1"));
    held.say.push(call("c2"));
    held.say.push(call("c3"));
    held.pass(100).await;
    let waiting = held.seen.iter().filter(|event| matches!(event, CallEvent::ToolWaits(_))).count();
    assert_eq!((waiting, held.told().await), (3, Vec::new()));
    assert!(held.call.decide("c1", Decision::No, "not now") && !held.call.decide("c9", Decision::Yes, ""));
    held.say.push(SessionEvent::ToolCancelled { id: "c2".into() });
    held.pass(10).await;
    assert!(!held.call.decide("c2", Decision::Yes, ""), "it was withdrawn");
    assert!(held.call.decide("c3", Decision::Always, ""));
    held.say.push(call("c4"));
    held.pass(10).await;
    let texts: Vec<String> = held
        .told()
        .await
        .into_iter()
        .filter_map(|input| match input {
            SessionInput::ToolResult { result } => Some(result.text()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["not run: the user said no: not now", "noon Rome", "noon Rome"]);
}

/// Knows the weather.
struct Weather;

impl Processor for Weather {
    fn name(&self) -> &'static str {
        "weather"
    }
    fn contribute<'a>(&'a self, _: &'a Request, _: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
        let picture = Part::media(Media::bytes("image/png", vec![1u8]));
        Box::pin(async { Ok(vec![Part::text("It rains."), picture]) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_begins_with_what_was_said_before_and_what_processors_know() {
    let first = Held::open(|_| {}).await;
    first.user("u1", "I am Ada.");
    first.speak("a1", 0, "Hello Ada.");
    first.done("a1", "Hello Ada.");
    let (store, keep) = (first.store.clone(), first.keep.clone());
    let log = first.end().await;
    let keep = Keep { tip: log.last().map(|turn| turn.id), ..keep };
    let mut held = Held::open_in(store, Some(keep), |setup| {
        setup.config.instructions = "Be kind.".into();
        setup.processors = vec![Arc::new(Weather)];
    })
    .await;
    assert_eq!(held.config.messages, [Message::user("I am Ada."), Message::assistant("Hello Ada.")]);
    assert_eq!(held.config.instructions, "Be kind.\n\nIt rains.");
    assert!(matches!(&held.told().await[..], [SessionInput::Image { .. }]));
    held.user("u1", "Who am I?");
    let log = held.end().await;
    assert_eq!(lines(&log).len(), 3, "it goes on behind what was there");
}

#[tokio::test(start_paused = true)]
async fn a_picture_stands_with_the_words_that_it_was_shown_for() {
    let mut held = Held::open(|_| {}).await;
    held.call.show(Media::bytes("image/png", vec![1u8]));
    held.call.frame(Media::bytes("image/jpeg", vec![2u8]));
    held.pass(1).await;
    held.user("u1", "What is this?");
    assert_eq!(lines(&held.end().await), ["User Complete: Media(Med | What is this?"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_leaves_no_turn_open() {
    let mut held = Held::open(|_| {}).await;
    held.hello().await;
    held.user("u1", "Go on.");
    held.speak("a1", 0, "One two three.");
    held.pass(50).await;
    let Held { call, store, keep, .. } = held;
    drop(call);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let tip = store.conversation(keep.conversation).await.unwrap().unwrap().tip.unwrap();
    let log = store.path(tip).await.unwrap();
    assert_eq!(lines(&log)[2], "Assistant Interrupted: One two");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_fails_keeps_what_was_heard_and_why() {
    let mut held = Held::open(|_| {}).await;
    held.hello().await;
    held.user("u1", "Go on.");
    held.speak("a1", 0, "One two three.");
    held.pass(20).await;
    held.say.close(Error::protocol("garbage"));
    let mut end = None;
    while let Some(event) = held.call.next().await {
        end = Some(event);
    }
    assert!(matches!(end, Some(CallEvent::Session(SessionEvent::Closed { .. }))));
    let log = held.log().await;
    // What had come was played to its end.
    assert_eq!(lines(&log)[2], "Assistant Interrupted: One two three.");
    assert_eq!(log[2].answer.as_deref().unwrap().error.as_ref().unwrap().message(), "garbage");
}

#[tokio::test(start_paused = true)]
async fn what_is_played_at_once_was_heard_whoever_speaks() {
    let mut held = Held::open(|setup| setup.pace = Pace::AtOnce).await;
    held.speak("a1", 0, "Five long words that last for a while, odd");
    held.done("a1", "Five long words that last for a while, odd");
    held.pass(1).await;
    held.user("u1", "Yes?");
    held.pass(1).await;
    held.call.say("No.");
    let told = held.told().await;
    assert!(!told.iter().any(|input| matches!(input, SessionInput::Interrupt { .. })), "{told:?}");
    let log = held.end().await;
    assert_eq!(lines(&log)[0], "Assistant Complete: Five long words that last for a while, odd");
}

#[tokio::test(start_paused = true)]
async fn last_words_that_come_when_the_turn_has_ended_are_not_said_again() {
    let mut held = Held::open(|_| {}).await;
    held.speak("a1", 0, "One two.");
    held.pass(500).await;
    held.call.say("And now?");
    held.pass(5000).await;
    held.done("a1", "One two.");
    held.speak("a1", 0, "One two.");
    held.done("a1", "One two.");
    let log = held.end().await;
    let said = ["Assistant Complete: One two.", "User Complete: And now?", "Assistant Complete: One two."];
    assert_eq!(lines(&log), said);
    // Nor is what a model goes on with that was cut long ago.
    let mut held = Held::open(|_| {}).await;
    held.speak("a1", 0, "One two three.");
    held.pass(20).await;
    held.call.interrupt();
    held.pass(5000).await;
    held.speak("a1", 0, " Four five.");
    assert_eq!(lines(&held.end().await), ["Assistant Interrupted: One"]);
}

#[tokio::test(start_paused = true)]
async fn words_that_come_again_are_no_turn() {
    for again in ["One two three.", "One, two, three.", "One"] {
        for after in [30, 3000] {
            let mut held = Held::open(|_| {}).await;
            held.user("u1", "Hi there");
            held.speak("a1", 0, "One two three.");
            held.done("a1", "One two three.");
            held.pass(after).await;
            held.words("a1", Speaker::Assistant, TranscriptMode::Final, again);
            held.words("u1", Speaker::User, TranscriptMode::Final, "Hi, there!");
            held.pass(3000).await;
            held.call.say("Next?");
            held.speak("a2", 0, "Four.");
            held.done("a2", "Four.");
            let log = lines(&held.end().await);
            // What is not written yet is set right.
            let first = if after == 30 { again } else { "One two three." };
            let first = format!("Assistant Complete: {first}");
            let said =
                ["User Complete: Hi there", &first, "User Complete: Next?", "Assistant Complete: Four."];
            assert_eq!(log, said, "{after} ms later: {again}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn late_words_of_one_answer_do_not_go_into_another() {
    let finish = || consort_core::FinishReason::Stop.into();
    let mut held = Held::open(|_| {}).await;
    held.user("u1", "Hi?");
    held.speak("a1", 0, "One two");
    held.say.push(SessionEvent::AudioDone { item: "a1".into(), interrupted: false });
    held.say.push(SessionEvent::TurnDone { finish: finish(), usage: None });
    held.say.push(SessionEvent::Text { item: "t1".into(), text: "Written".into() });
    held.say.push(SessionEvent::TurnDone { finish: finish(), usage: None });
    held.pass(4000).await;
    held.user("u2", "And?");
    held.speak("a2", 0, "Second");
    held.pass(20).await;
    held.words("a1", Speaker::Assistant, TranscriptMode::Delta, " three four");
    held.words("a1", Speaker::Assistant, TranscriptMode::Replacement, "One two three four");
    held.say.push(SessionEvent::Text { item: "t1".into(), text: " late".into() });
    held.done("a2", "Second");
    let log = lines(&held.end().await);
    let said = [
        "User Complete: Hi?",
        "Assistant Complete: One two",
        "Assistant Complete: Written",
        "User Complete: And?",
        "Assistant Complete: Second",
    ];
    assert_eq!(log, said);
}

#[tokio::test(start_paused = true)]
async fn words_that_run_ahead_of_their_sound_were_not_heard_before_it() {
    let mut held = Held::open(|_| {}).await;
    held.hello().await;
    // All words, and the sound of the first eight letters.
    held.words("a1", Speaker::Assistant, TranscriptMode::Delta, "One two three four five six seven.");
    held.say.push(SessionEvent::Audio { item: "a1".into(), epoch: 0, pcm: sound("One two ") });
    held.pass(50).await;
    held.call.say("Stop!");
    held.pass(3000).await;
    assert_eq!(
        lines(&held.end().await)[1..],
        ["Assistant Interrupted: One two ".trim(), "User Complete: Stop!"]
    );
}
