//! Gemini's Live format: what is sent, what is told, and in which order.
use super::{feed, sent, told};
use consort_core::{
    CloseReason, Effort, ErrorKind, FunctionSpec, Media, Message, Part, Pcm, Reasoning, Role, Sampling,
    SessionConfig, SessionEvent, SessionInput, SessionUpdate, ToolResult,
};
use consort_realtime::wire::{Busy, GeminiLive, GeminiQuirks, Leaving, LiveWire, Step, Then};
use serde_json::{Value, json};
use std::time::Duration;

fn open(config: SessionConfig) -> GeminiLive {
    let mut wire = GeminiLive::new("m", config, GeminiQuirks::default());
    wire.open(&[]);
    assert_eq!(told(&feed(&mut wire, &[json!({"setupComplete": {}})]).events), ["connected"]);
    wire
}

fn content(content: Value) -> Value {
    json!({"serverContent": content})
}

fn sound() -> Value {
    let data = json!({"mimeType": "audio/pcm;rate=24000", "data": "AAAA__8A"});
    json!({"parts": [{"inlineData": data}]})
}

fn heard(text: &str) -> Value {
    content(json!({"inputTranscription": {"text": text}}))
}

fn result(id: &str, text: &str) -> SessionInput {
    let content = vec![Part::text(text)];
    let result = ToolResult { call_id: id.into(), name: "clock".into(), content, is_error: false };
    SessionInput::ToolResult { result }
}

/// What holds a connection that is to be left soon.
fn held(step: &Step) -> Busy {
    let Then::Soon(leaving) = &step.then else { panic!("{:?}", step.then) };
    leaving.busy
}

fn call(id: &str) -> Value {
    json!({"toolCall": {"functionCalls": [{"id": id, "name": "clock", "args": {"zone": 1}}]}})
}

#[test]
fn the_setup_says_all_that_cannot_change() {
    let config = SessionConfig {
        instructions: "Be kind.".into(),
        voice: Some("Puck".into()),
        tools: vec![
            FunctionSpec::new("clock", "Tells the time", json!({"type": "object", "properties": {}})),
            FunctionSpec::new("add", "", json!({"type": "object", "properties": {"a": {"type": "number"}}})),
        ],
        turn_detection: Some(false),
        options: json!({"generationConfig": {"temperature": 0.5}}).as_object().unwrap().clone(),
        ..SessionConfig::default()
    };
    let mut wire = GeminiLive::new("m", config, GeminiQuirks::default());
    assert_eq!(
        sent(&wire.open(&[Message::user("Hi"), Message::assistant("Hello!")])),
        [json!({"setup": {
            "model": "models/m",
            "generationConfig": {"responseModalities": ["AUDIO"], "temperature": 0.5,
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}},
            "inputAudioTranscription": {}, "outputAudioTranscription": {},
            "sessionResumption": {}, "contextWindowCompression": {"slidingWindow": {}},
            "systemInstruction": {"parts": [{"text": "Be kind."}]},
            "tools": [{"functionDeclarations": [
                {"name": "clock", "description": "Tells the time"},
                {"name": "add", "description": "",
                    "parameters": {"type": "OBJECT", "properties": {"a": {"type": "NUMBER"}}}},
            ]}],
            "realtimeInputConfig": {"automaticActivityDetection": {"disabled": true}},
            "historyConfig": {"initialHistoryInClientContent": true},
        }})]
    );
    let step = feed(&mut wire, &[json!({"setupComplete": {"sessionId": "s"}})]);
    let turns = json!([{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello!"}]}]);
    assert_eq!(sent(&step), [json!({"clientContent": {"turns": turns, "turnComplete": true}})]);
}

#[test]
fn sampling_and_thinking_are_told_in_the_vendors_words() {
    let config = SessionConfig {
        sampling: Sampling {
            max_tokens: Some(99),
            temperature: Some(0.3),
            top_p: Some(0.5),
            stop: vec!["x".into()],
            ..Sampling::default()
        },
        reasoning: Reasoning { effort: Some(Effort::Low), ..Reasoning::default() },
        options: json!({"generationConfig": {"temperature": 0.5}}).as_object().unwrap().clone(),
        ..SessionConfig::default()
    };
    let mut wire = GeminiLive::new("m", config, GeminiQuirks::default());
    let step = wire.open(&[]);
    assert_eq!(
        sent(&step)[0]["setup"]["generationConfig"],
        json!({"responseModalities": ["AUDIO"], "maxOutputTokens": 99, "temperature": 0.5, "topP": 0.5,
            "thinkingConfig": {"thinkingLevel": "low"}})
    );
    let [SessionEvent::Warning { warning }] = step.events.as_slice() else { panic!("{step:?}") };
    assert_eq!(
        (warning.code.as_str(), warning.message.as_str()),
        (
            "dropped",
            "a live session of this model has no word for `stopSequences`, left out here: its own options may have one"
        )
    );
    feed(&mut wire, &[json!({"setupComplete": {}})]);
    assert!(wire.open(&[]).events.is_empty(), "told once");
    // The models of the second generation think by budgets.
    let config = SessionConfig {
        reasoning: Reasoning { effort: Some(Effort::Low), ..Reasoning::default() },
        ..SessionConfig::default()
    };
    let mut wire = GeminiLive::new("gemini-live-2.5-flash", config, GeminiQuirks::gemini_2());
    let generation = sent(&wire.open(&[]))[0]["setup"]["generationConfig"].clone();
    assert_eq!(generation["thinkingConfig"], json!({"thinkingBudget": 1024}));
}

#[test]
fn what_was_said_before_is_told_in_texts_and_pictures() {
    let mut answer = Message::assistant("Noon.");
    answer.parts.insert(0, Part::tool_call("c", "clock", "{}"));
    answer.parts.push(Part::reasoning("hm"));
    let result = Message::new(Role::Tool, vec![Part::tool_result("c", "clock", "12")]);
    let shown = [Media::bytes("image/png", vec![1, 2, 3]), Media::bytes("audio/wav", vec![1])];
    let mut question = Message::new(Role::User, shown.map(Part::media).into());
    question.parts.push(Part::text("When?"));
    let past = [question, answer, result];
    let mut wire = GeminiLive::new("m", SessionConfig::default(), GeminiQuirks::default());
    assert_eq!(told(&wire.open(&past).events), ["warning dropped"]);
    let turns = json!([
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AQID"}}, {"text": "When?"}]},
        {"role": "model", "parts": [{"text": "[called clock with {}]"}, {"text": "Noon."}]},
        {"role": "user", "parts": [{"text": "[clock gave: 12]"}]},
    ]);
    let step = feed(&mut wire, &[json!({"setupComplete": {}})]);
    assert_eq!(sent(&step), [json!({"clientContent": {"turns": turns, "turnComplete": true}})]);
    // Older models forget such turns when they are spoken to.
    let config = SessionConfig { instructions: "Be kind.".into(), ..SessionConfig::default() };
    let mut wire = GeminiLive::new("m", config, GeminiQuirks::gemini_2());
    let setup = sent(&wire.open(&past))[0]["setup"].clone();
    let text = setup["systemInstruction"]["parts"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Be kind.\n\n") && text.ends_with("You: Noon.\nTool: [clock gave: 12]"),
        "{text}"
    );
    assert!(setup.get("historyConfig").is_none());
    assert!(feed(&mut wire, &[json!({"setupComplete": {}})]).messages.is_empty());
}

#[test]
fn words_that_wait_for_an_answer_are_said_again_and_are_no_history() {
    for quirks in [GeminiQuirks::default(), GeminiQuirks::gemini_2()] {
        let mut wire = GeminiLive::new("m", SessionConfig::default(), quirks.clone());
        wire.open(&[]);
        feed(&mut wire, &[json!({"setupComplete": {}})]);
        let asked = sent(&wire.input(SessionInput::text("Two?")));
        wire.ended(None, "");
        let past = [Message::user("One?"), Message::assistant("Yes."), Message::user("Two?")];
        let opening = sent(&wire.open(&past));
        let step = feed(&mut wire, &[json!({"setupComplete": {}})]);
        let all: Vec<Value> = opening.into_iter().chain(sent(&step)).collect();
        let text = serde_json::to_string(&all).unwrap();
        assert!(text.contains("One?") && text.contains("Yes."), "{text}");
        assert_eq!(text.matches("Two?").count(), 1, "{text}");
        assert_eq!(all.last(), asked.last(), "{quirks:?}");
    }
}

#[test]
fn a_long_sound_is_many_messages() {
    let mut wire = open(SessionConfig::default());
    let step = wire.input(SessionInput::Audio(Pcm::mono(vec![7; 10 * 60 * 16_000], 16_000)));
    assert_eq!(step.messages.len(), 600);
    assert!(step.messages.iter().all(|message| message.len() < 64 * 1024));
}

#[test]
fn a_spoken_turn_and_its_answer() {
    let mut wire = open(SessionConfig::default());
    let step = feed(
        &mut wire,
        &[
            heard(" Hel"),
            heard("lo"),
            content(json!({"modelTurn": {"parts": [{"text": "hm", "thought": true}]}})),
            content(json!({"modelTurn": sound(), "outputTranscription": {"text": "Yes"}})),
            content(json!({"modelTurn": sound()})),
            content(json!({"outputTranscription": {"text": "."}})),
            content(json!({"generationComplete": true})),
            json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"promptTokenCount": 4,
                "responseTokenCount": 3, "totalTokenCount": 7,
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}]}}),
        ],
    );
    assert_eq!(
        told(&step.events),
        [
            "user speaks",
            "user user0+ Hel",
            "user user0+lo",
            "user is silent",
            "assistant speaks",
            "audio assistant0@0:3",
            "assistant assistant0+Yes",
            "audio assistant0@0:3",
            "assistant assistant0+.",
            "audio assistant0 done, cut: false",
            "assistant is silent",
            "user user0= Hello",
            "assistant assistant0=Yes.",
            "done stop 7",
        ]
    );
}

#[test]
fn a_cut_is_told_first_and_what_follows_is_of_a_new_epoch() {
    let mut wire = open(SessionConfig::default());
    feed(&mut wire, &[content(json!({"modelTurn": sound()}))]);
    let step = feed(
        &mut wire,
        &[
            content(json!({"interrupted": true})),
            heard("Wait"),
            content(json!({"turnComplete": true})),
            heard("!"),
            content(json!({"modelTurn": sound()})),
        ],
    );
    assert_eq!(
        told(&step.events),
        [
            "cut assistant0",
            "audio assistant0 done, cut: true",
            "assistant is silent",
            "user speaks",
            "user user0+Wait",
            "done other",
            "user user0+!",
            "user is silent",
            "assistant speaks",
            "audio assistant2@1:3",
        ]
    );
    // What was generated already may still be playing.
    feed(&mut wire, &[content(json!({"turnComplete": true}))]);
    assert_eq!(told(&feed(&mut wire, &[content(json!({"interrupted": true}))]).events), ["cut -"]);
    // The caller's own cut: what is left of this answer is of the older epoch.
    feed(&mut wire, &[content(json!({"modelTurn": sound()}))]);
    wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
    let end = content(json!({"turnComplete": true}));
    let step = feed(
        &mut wire,
        &[content(json!({"modelTurn": sound()})), end, content(json!({"modelTurn": sound()}))],
    );
    let sounds: Vec<String> = told(&step.events).into_iter().filter(|event| event.contains('@')).collect();
    assert_eq!(sounds, ["audio assistant4@2:3", "audio assistant5@3:3"]);
}

#[test]
fn tools_are_answered_unless_they_were_cancelled() {
    let mut wire = open(SessionConfig::default());
    let step = feed(&mut wire, &[call("a"), call("b"), call("")]);
    let calls =
        ["call a clock({\"zone\":1})", "call b clock({\"zone\":1})", "call call_2 clock({\"zone\":1})"];
    assert_eq!(told(&step.events), calls);
    let answer = |step| sent(&step)[0]["toolResponse"]["functionResponses"].clone();
    let noon = json!([{"id": "a", "name": "clock", "response": {"output": "noon"}}]);
    assert_eq!(answer(wire.input(result("a", "noon"))), noon);
    let object = json!([{"name": "clock", "response": {"hour": 12}}]);
    assert_eq!(answer(wire.input(result("call_2", "{\"hour\": 12}"))), object);
    let step = feed(&mut wire, &[json!({"toolCallCancellation": {"ids": ["b"]}})]);
    assert_eq!(told(&step.events), ["call b cancelled"]);
    let step = wire.input(result("b", "late"));
    assert!(step.messages.is_empty());
    assert_eq!(told(&step.events), ["warning dropped"]);
    // A cancellation can stand beside what else there is.
    let both = json!({"serverContent": {"turnComplete": true}, "toolCall": call("d")["toolCall"]});
    let step = feed(&mut wire, &[both]);
    assert_eq!(told(&step.events), ["call d clock({\"zone\":1})", "done tool_calls"]);
    // What is spoilt takes nothing else with it.
    let spoilt = json!({"serverContent": 7, "usageMetadata": 7, "toolCall": call("e")["toolCall"]});
    assert_eq!(told(&feed(&mut wire, &[spoilt]).events), ["call e clock({\"zone\":1})"]);
}

#[test]
fn before_the_server_goes_another_connection_takes_over() {
    let mut wire = open(SessionConfig::default());
    let past = [Message::user("Hi")];
    let handle = json!({"sessionResumptionUpdate": {"newHandle": "h", "resumable": true}});
    let later = json!({"sessionResumptionUpdate": {"resumable": false}});
    let going = json!({"goAway": {"timeLeft": "50s"}});
    // Not in the middle of an answer, as long as there is time.
    let step = feed(&mut wire, &[handle, later, content(json!({"modelTurn": sound()})), going.clone()]);
    assert_eq!(held(&step), Busy::Answer);
    let step = feed(&mut wire, &[content(json!({"turnComplete": true}))]);
    let reason = "the server ends the connection in 50s".to_owned();
    let left = Some(Duration::from_secs(50));
    assert_eq!(step.then, Then::Soon(Leaving { reason, wanted: false, left, busy: Busy::No }));
    // What the server keeps is what was said before it gave the handle: the rest is told.
    assert!(wire.takes_over() && !step.kept);
    assert_eq!(sent(&wire.open(&past))[0]["setup"]["sessionResumption"], json!({"handle": "h"}));
    let system = |step: consort_realtime::wire::Step| {
        sent(&step)[0]["setup"]["systemInstruction"]["parts"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let rest = "This conversation goes on. What was said so far:\nUser: Hi";
    assert_eq!(system(wire.open(&past)), rest, "also where the connection that was told so is lost");
    assert!(feed(&mut wire, &[json!({"setupComplete": {}})]).messages.is_empty());
    let newer = json!({"sessionResumptionUpdate": {"newHandle": "i", "resumable": true}});
    assert!(!feed(&mut wire, std::slice::from_ref(&newer)).kept, "nobody knows whether that was taken yet");
    let step =
        feed(&mut wire, &[content(json!({"modelTurn": sound()})), content(json!({"turnComplete": true}))]);
    assert_eq!(step.then, Then::Go);
    assert!(feed(&mut wire, &[newer]).kept, "all of it");
    // What stood below its instructions is no history, and stays there.
    assert_eq!(system(wire.open(&[Message::user("And?")])), format!("{rest}\nUser: And?"));
    feed(&mut wire, &[json!({"setupComplete": {}})]);
    // A server that goes in the middle of it after all:
    feed(&mut wire, &[content(json!({"modelTurn": sound()})), going]);
    let step = wire.ended(Some(1000), "");
    assert_eq!(told(&step.events), ["audio assistant2 done, cut: true", "assistant is silent", "done other"]);
    assert!(matches!(step.then, Then::Renew { .. }));
    // A handle that is refused is given up, and what was said is told again.
    wire.open(&past);
    assert!(matches!(wire.ended(Some(1008), "stale").then, Then::Renew { .. }));
    assert_eq!(sent(&wire.open(&past))[0]["setup"]["sessionResumption"], json!({}));
    assert_eq!(feed(&mut wire, &[json!({"setupComplete": {}})]).messages.len(), 1);
}

#[test]
fn the_vendors_words_for_inputs() {
    let mut wire = open(SessionConfig::default());
    let step = wire.input(SessionInput::Audio(Pcm::mono(vec![-1, 0], 16_000)));
    let audio = json!({"mimeType": "audio/pcm;rate=16000", "data": "//8AAA=="});
    assert_eq!(sent(&step), [json!({"realtimeInput": {"audio": audio}})]);
    let end = json!({"realtimeInput": {"audioStreamEnd": true}});
    assert_eq!(sent(&wire.input(SessionInput::Commit)), [end]);
    assert!(wire.input(SessionInput::Commit).messages.is_empty());
    let words = json!({"realtimeInput": {"text": "Hi"}});
    assert_eq!(sent(&wire.input(SessionInput::text("Hi"))), [words]);
    let mut older = GeminiLive::new("m", SessionConfig::default(), GeminiQuirks::gemini_2());
    let turn = json!({"role": "user", "parts": [{"text": "Hi"}]});
    let words = json!({"clientContent": {"turns": [turn], "turnComplete": true}});
    assert_eq!(sent(&older.input(SessionInput::text("Hi"))), [words]);
    let media = Media::bytes("image/jpeg", vec![1, 2, 3]);
    let video = json!({"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AQID"}}});
    assert_eq!(sent(&wire.input(SessionInput::Image { media })), [video]);
    let media = Media::url("image/jpeg", "http://localhost/a.jpg");
    assert_eq!(told(&wire.input(SessionInput::Image { media }).events), ["warning dropped"]);
    // Where the caller says when a turn begins and ends:
    let mut wire = open(SessionConfig { turn_detection: Some(false), ..SessionConfig::default() });
    let kinds = |step| -> Vec<String> {
        sent(&step)
            .iter()
            .flat_map(|one| one["realtimeInput"].as_object().unwrap().clone())
            .map(|one| one.0)
            .collect()
    };
    let pcm = || SessionInput::Audio(Pcm::mono(vec![0; 480], 24_000));
    assert_eq!(kinds(wire.input(pcm())), ["activityStart", "audio"]);
    assert_eq!(kinds(wire.input(pcm())), ["audio"]);
    assert_eq!(kinds(wire.input(SessionInput::Commit)), ["audio", "activityEnd"]);
}

#[test]
fn what_changes_needs_another_connection() {
    let mut wire = open(SessionConfig::default());
    let update = SessionUpdate { instructions: Some("Shout.".into()), ..SessionUpdate::default() };
    let step = wire.input(SessionInput::Update { update: update.clone() });
    assert_eq!(held(&step), Busy::No);
    assert!(wire.open(&[]).messages[0].contains("Shout."));
    assert_eq!(wire.input(SessionInput::Update { update }).then, Then::Go, "nothing changes");
    // Not in the middle of an answer.
    let mut wire = open(SessionConfig::default());
    feed(&mut wire, &[content(json!({"modelTurn": sound()}))]);
    let update = SessionUpdate { voice: Some("Puck".into()), ..SessionUpdate::default() };
    let step = wire.input(SessionInput::Update { update });
    assert_eq!((told(&step.events).len(), held(&step)), (0, Busy::Answer));
    let step = feed(&mut wire, &[content(json!({"turnComplete": true}))]);
    assert_eq!(told(&step.events).last().map(String::as_str), Some("done stop"));
    let reason = "the session's settings change".to_owned();
    assert_eq!(step.then, Then::Soon(Leaving { reason, wanted: true, left: None, busy: Busy::No }));
    // A server that goes leaves it wanted, and the time that it gives stays known.
    let going = json!({"goAway": {"timeLeft": "1.5s"}});
    let Then::Soon(leaving) = feed(&mut wire, &[going]).then else { panic!("it goes") };
    assert_eq!((leaving.wanted, leaving.left), (true, Some(Duration::from_millis(1_500))));
    let update = SessionUpdate { voice: Some("Kore".into()), ..SessionUpdate::default() };
    let Then::Soon(leaving) = wire.input(SessionInput::Update { update }).then else { panic!("it goes") };
    assert_eq!((leaving.wanted, leaving.left), (true, Some(Duration::from_millis(1_500))));
    assert!(wire.open(&[]).messages[0].contains("Kore"));
}

#[test]
fn a_tool_and_its_result_hold_a_connection_until_they_are_answered() {
    let mut wire = open(SessionConfig::default());
    feed(&mut wire, &[call("a"), call("b"), content(json!({"turnComplete": true}))]);
    let update = SessionUpdate { voice: Some("Puck".into()), ..SessionUpdate::default() };
    assert_eq!(held(&wire.input(SessionInput::Update { update })), Busy::Tool);
    assert_eq!(held(&feed(&mut wire, &[json!({"toolCallCancellation": {"ids": ["b"]}})])), Busy::Tool);
    assert_eq!(held(&wire.input(result("a", "noon"))), Busy::Tool, "it is asked");
    assert_eq!(held(&feed(&mut wire, &[content(json!({"modelTurn": sound()}))])), Busy::Answer);
    assert_eq!(held(&feed(&mut wire, &[content(json!({"turnComplete": true}))])), Busy::No);
    assert_eq!(held(&feed(&mut wire, &[heard("And")])), Busy::User);
    assert_eq!(held(&feed(&mut wire, &[json!("nothing")])), Busy::User, "it is said with each step");
}

#[test]
fn errors_end_a_session_or_do_not() {
    let error = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}});
    let mut wire = open(SessionConfig::default());
    let step = feed(&mut wire, std::slice::from_ref(&error));
    assert_eq!((told(&step.events), step.then), (vec!["error rate_limit".to_owned()], Then::Go));
    let mut wire = GeminiLive::new("m", SessionConfig::default(), GeminiQuirks::default());
    wire.open(&[]);
    assert!(matches!(feed(&mut wire, &[error]).then, Then::Close(CloseReason::Failed { .. })));
    let step = wire.ended(Some(1007), "API key not valid. Please pass a valid API key.");
    let Then::Close(CloseReason::Failed { error }) = step.then else { panic!("{:?}", step.then) };
    assert_eq!(error.kind(), ErrorKind::Auth);
}
