//! OpenAI's Realtime format: what is sent, what is told, and in which order.
mod cut;

use super::{feed, named, sent, told};
use consort_core::{
    CloseReason, Effort, ErrorKind, FunctionSpec, Media, Message, Part, Pcm, Reasoning, Sampling,
    SessionConfig, SessionEvent, SessionInput, SessionUpdate, ToolResult,
};
use consort_realtime::wire::{LiveWire, OpenAiLive, OpenAiQuirks, Then};
use serde_json::{Value, json};
use std::time::Duration;

fn updated() -> Value {
    json!({"type": "session.updated", "session": {"id": "s", "model": "m"}})
}

/// A session that is open.
fn open(config: SessionConfig, quirks: OpenAiQuirks) -> OpenAiLive {
    let mut wire = OpenAiLive::new(config, quirks);
    wire.open(&[]);
    assert_eq!(told(&feed(&mut wire, &[updated()]).events), ["connected"]);
    wire
}

fn usual() -> OpenAiLive {
    open(SessionConfig::default(), OpenAiQuirks::default())
}

fn manual() -> OpenAiLive {
    let config = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    open(config, OpenAiQuirks::default())
}

fn ms(ms: u64) -> Pcm {
    Pcm::mono(vec![0; 24 * ms as usize], 24_000)
}

fn of_response(kind: &str, response: &str, item: &str, more: Value) -> Value {
    let mut event = json!({"type": kind, "response_id": response, "item_id": item});
    for (key, value) in more.as_object().unwrap() {
        event[key.as_str()] = value.clone();
    }
    event
}

/// 100 ms of sound.
fn sound(response: &str, item: &str) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let audio = STANDARD.encode(vec![0; 4_800]);
    of_response("response.output_audio.delta", response, item, json!({"delta": audio}))
}

fn created(id: &str) -> Value {
    json!({"type": "response.created", "response": {"id": id}})
}

fn done(id: &str, status: &str) -> Value {
    json!({"type": "response.done", "response": {"id": id, "status": status}})
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

fn tool() -> FunctionSpec {
    FunctionSpec::new("clock", "Tells the time", json!({"type": "object", "properties": {}}))
}

fn result(id: &str) -> SessionInput {
    let content = vec![Part::text("noon")];
    let result = ToolResult { call_id: id.into(), name: "clock".into(), content, is_error: false };
    SessionInput::ToolResult { result }
}

#[test]
fn settings_in_each_layout() {
    let config = SessionConfig {
        instructions: "Be kind.".into(),
        voice: Some("v".into()),
        tools: vec![tool()],
        options: json!({"temperature": 0.5}).as_object().unwrap().clone(),
        ..SessionConfig::default()
    };
    let first = |quirks| sent(&OpenAiLive::new(config.clone(), quirks).open(&[]))[0]["session"].clone();
    let tools = json!([{"type": "function", "name": "clock", "description": "Tells the time",
        "parameters": {"type": "object", "properties": {}}}]);
    let nested = json!([{"type": "function", "function": {"name": "clock", "description": "Tells the time",
        "parameters": {"type": "object", "properties": {}}}}]);
    let pcm = json!({"type": "audio/pcm", "rate": 24_000});
    assert_eq!(
        first(OpenAiQuirks::default()),
        json!({
            "type": "realtime", "output_modalities": ["audio"], "instructions": "Be kind.", "tools": tools,
            "audio": {
                "input": {"format": pcm, "transcription": {"model": "gpt-realtime-whisper"},
                    "turn_detection": {"type": "server_vad"}},
                "output": {"format": pcm, "voice": "v"},
            },
            "temperature": 0.5,
        })
    );
    assert_eq!(
        first(OpenAiQuirks::xai()),
        json!({
            "instructions": "Be kind.", "tools": tools, "voice": "v", "turn_detection": {"type": "server_vad"},
            "audio": {"input": {"format": pcm, "transcription": {"model": "grok-transcribe"}},
                "output": {"format": pcm}},
            "temperature": 0.5,
        })
    );
    assert_eq!(
        first(OpenAiQuirks::qwen()),
        json!({
            "modalities": ["text", "audio"], "input_audio_format": "pcm16", "output_audio_format": "pcm16",
            "instructions": "Be kind.", "tools": nested, "voice": "v", "turn_detection": {"type": "server_vad"},
            "temperature": 0.5,
        })
    );
}

#[test]
fn what_the_format_has_no_word_for_is_told_once() {
    let config = SessionConfig {
        sampling: Sampling { max_tokens: Some(99), temperature: Some(0.3), ..Sampling::default() },
        reasoning: Reasoning { effort: Some(Effort::Low), budget_tokens: Some(5), show: None },
        ..SessionConfig::default()
    };
    let mut wire = OpenAiLive::new(config, OpenAiQuirks::default());
    let step = wire.open(&[]);
    let [SessionEvent::Warning { warning }] = step.events.as_slice() else { panic!("{step:?}") };
    let wanted = "a live session of this model has no word for `max_tokens`, `temperature`, `effort`, `budget_tokens`, \
        left out here: its own options may have one";
    assert_eq!((warning.code.as_str(), warning.message.as_str()), ("dropped", wanted));
    feed(&mut wire, &[updated()]);
    assert!(wire.open(&[]).events.is_empty(), "told once");
}

#[test]
fn what_was_said_before_is_told_in_order() {
    let mut messages = vec![Message::user("Hi"), Message::assistant("Hello!")];
    messages[1].parts.push(Part::tool_call("c", "clock", "{}"));
    messages[1].parts.push(Part::reasoning("hm"));
    messages.push(Message::new(consort_core::Role::Tool, vec![Part::tool_result("c", "clock", "noon")]));
    let step = OpenAiLive::new(SessionConfig::default(), OpenAiQuirks::default()).open(&messages);
    let items: Vec<Value> = sent(&step)[1..].iter().map(|message| message["item"].clone()).collect();
    assert_eq!(
        items,
        [
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}),
            json!({"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "Hello!"}]}),
            json!({"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"}),
            json!({"type": "function_call_output", "call_id": "c", "output": "noon"}),
        ]
    );
    assert_eq!(told(&step.events), ["warning dropped"]);
}

#[test]
fn a_server_that_takes_no_words_is_told_what_was_said_below_the_instructions() {
    let config = SessionConfig { instructions: "Be kind.".into(), ..SessionConfig::default() };
    let mut wire = OpenAiLive::new(config, OpenAiQuirks::qwen());
    let past = [Message::user("Hi"), Message::assistant("Hello!")];
    let messages = sent(&wire.open(&past));
    assert_eq!(kinds(&messages), ["session.update"]);
    let instructions = messages[0]["session"]["instructions"].as_str().unwrap();
    assert!(instructions.starts_with("Be kind.\n\n"), "{instructions}");
    assert!(instructions.ends_with("\nUser: Hi\nYou: Hello!"), "{instructions}");
    // Nor can it be told how much of an answer was heard.
    feed(&mut wire, &[updated(), created("r"), sound("r", "a")]);
    let step = wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
    assert_eq!(kinds(&sent(&step)), ["response.cancel"]);
    // It knows no call of another connection.
    let call = of_response(
        "response.function_call_arguments.done",
        "r",
        "i",
        json!({"call_id": "c", "name": "clock"}),
    );
    feed(&mut wire, &[call, done("r", "completed")]);
    wire.ended(None, "");
    assert_eq!(told(&wire.open(&past).events), ["call c cancelled"]);
    let step = wire.input(result("c"));
    assert_eq!((told(&step.events), step.messages.len()), (vec!["warning dropped".to_owned()], 0));
}

#[test]
fn a_long_sound_is_many_messages() {
    let mut wire = usual();
    let step = wire.input(SessionInput::Audio(Pcm::mono(vec![7; 10 * 60 * 48_000], 48_000)));
    assert!((599..=601).contains(&step.messages.len()), "{}", step.messages.len());
    assert!(step.messages.iter().all(|message| message.len() < 128 * 1024));
}

#[test]
fn what_is_of_no_answer_keeps_no_other_waiting() {
    let stray = |response: &str| {
        let mut event = json!({"type": "response.output_text.delta", "delta": "x"});
        if !response.is_empty() {
            event["response_id"] = response.into();
        }
        event
    };
    for garbage in [
        stray(""),
        stray("unknown"),
        json!({"type": "response.created"}),
        json!({"type": "response.output_audio.done"}),
        json!({"type": "response.output_item.added", "response_id": "unknown", "item": {}}),
        json!({"type": "response.done"}),
    ] {
        let mut wire = usual();
        feed(&mut wire, std::slice::from_ref(&garbage));
        let step = wire.input(SessionInput::text("Hi"));
        assert_eq!(kinds(&sent(&step)), ["conversation.item.create", "response.create"], "{garbage}");
        // It is the next answer that is waited for.
        feed(&mut wire, &[created("r"), garbage.clone()]);
        assert_eq!(
            kinds(&sent(&wire.input(SessionInput::text("And?")))).len(),
            1 + usize::from(garbage["type"] == "response.done")
        );
        feed(&mut wire, &[done("r", "completed"), garbage.clone()]);
        wire.ended(None, "");
    }
    // What one said of which nothing else came is ended by the next, and is no turn.
    let mut wire = usual();
    let step = feed(&mut wire, &[sound("unknown", "a"), created("r")]);
    assert_eq!(
        told(&step.events),
        ["assistant speaks", "audio a@0:2400", "audio a done, cut: false", "assistant is silent"]
    );
    feed(&mut wire, &[done("r", "completed"), sound("unknown", "a")]);
    let step = wire.ended(None, "");
    assert_eq!(told(&step.events), ["audio a done, cut: true", "assistant is silent"]);
    // A server that says that it is one is believed.
    let mut wire = usual();
    feed(&mut wire, &[sound("quiet", "a")]);
    wire.input(SessionInput::text("Hi"));
    let busy = json!({"type": "error", "error": {"type": "invalid_request_error",
        "code": "conversation_already_has_active_response", "message": "busy"}});
    let step = feed(&mut wire, &[busy]);
    assert_eq!((told(&step.events).len(), step.messages.len()), (0, 0));
    assert_eq!(kinds(&sent(&feed(&mut wire, &[done("quiet", "completed")]))), ["response.create"]);
}

#[test]
fn a_call_that_nobody_answers_keeps_no_other_waiting() {
    let config = SessionConfig { tools: vec![tool()], ..SessionConfig::default() };
    let mut wire = open(config, OpenAiQuirks::default());
    let call = |response: &str, id: &str| {
        let item = json!({"type": "function_call", "call_id": id, "name": "clock", "arguments": "{}"});
        json!({"type": "response.output_item.done", "response_id": response, "item": item})
    };
    feed(&mut wire, &[created("r1"), call("r1", "c1"), call("r1", "c2"), done("r1", "completed")]);
    assert_eq!(kinds(&sent(&wire.input(result("c1")))), ["conversation.item.create"]);
    // The user goes on, and the next turn calls too.
    feed(&mut wire, &[created("r2"), call("r2", "c3"), done("r2", "completed")]);
    let asks = ["conversation.item.create", "response.create"];
    assert_eq!(kinds(&sent(&wire.input(result("c3")))), asks);
    // The one that was left out may still come.
    feed(&mut wire, &[created("r3"), done("r3", "completed")]);
    assert_eq!(kinds(&sent(&wire.input(result("c2")))), asks);
    feed(&mut wire, &[created("r4"), done("r4", "completed")]);
    // A result of a call that came before the session is answered as well.
    assert_eq!(kinds(&sent(&wire.input(result("before")))), asks);
}

#[test]
fn an_error_is_the_refusal_of_what_it_names() {
    let refusal = |name: &Value| {
        let error = json!({"type": "invalid_request_error", "code": "c", "message": "no", "event_id": name});
        json!({"type": "error", "error": error})
    };
    let mut wire = usual();
    let messages = named(&wire.input(SessionInput::text("Hi")));
    let names: Vec<&Value> = messages.iter().map(|message| &message["event_id"]).collect();
    assert!(names[0].is_string() && names[1].is_string() && names[0] != names[1], "{names:?}");
    // The words are refused: the answer that was asked for comes all the same, and one that was cut is not heard.
    feed(&mut wire, &[refusal(names[0])]);
    wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
    let step = feed(&mut wire, &[created("r"), sound("r", "a"), done("r", "cancelled")]);
    assert!(told(&step.events).contains(&"audio a@0:2400".to_owned()), "{:?}", told(&step.events));
    // The wish itself: another may be asked for.
    let messages = named(&wire.input(SessionInput::text("Two?")));
    feed(&mut wire, &[refusal(&messages[1]["event_id"])]);
    assert_eq!(kinds(&sent(&wire.input(SessionInput::text("Three?")))).len(), 2);
    // Of servers that name nothing it is not known what they refuse: none waits for ever.
    feed(&mut wire, &[refusal(&Value::Null)]);
    assert_eq!(kinds(&sent(&wire.input(SessionInput::text("Four?")))).len(), 2);
}

#[test]
fn an_answer_of_all_kinds() {
    let step = feed(
        &mut usual(),
        &[
            json!({"type": "input_audio_buffer.speech_started", "item_id": "u"}),
            json!({"type": "input_audio_buffer.speech_stopped", "item_id": "u"}),
            created("r"),
            json!({"type": "conversation.item.input_audio_transcription.delta", "item_id": "u", "delta": "Hel"}),
            of_response("response.output_audio_transcript.delta", "r", "a", json!({"delta": "Yes"})),
            sound("r", "a"),
            json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u",
                "transcript": "Hello"}),
            of_response("response.output_audio.done", "r", "a", json!({})),
            of_response("response.output_audio_transcript.done", "r", "a", json!({"transcript": "Yes."})),
            of_response("response.output_text.done", "r", "t", json!({"text": "all at once"})),
            json!({"type": "rate_limits.updated"}),
            json!({"type": "response.done", "response": {"id": "r", "status": "completed", "usage": {
                "total_tokens": 9, "input_tokens": 5, "output_tokens": 4,
                "input_token_details": {"cached_tokens": 2, "audio_tokens": 3,
                    "cached_tokens_details": {"audio_tokens": 1}},
                "output_token_details": {"audio_tokens": 4}}}}),
        ],
    );
    assert_eq!(
        told(&step.events),
        [
            "user speaks",
            "user is silent",
            "user u+Hel",
            "assistant a+Yes",
            "assistant speaks",
            "audio a@0:2400",
            "user u=Hello",
            "audio a done, cut: false",
            "assistant is silent",
            "assistant a=Yes.",
            "text t+all at once",
            "done stop 9",
        ]
    );
    let Some(SessionEvent::TurnDone { usage: Some(usage), .. }) = step.events.last() else { panic!() };
    assert_eq!((usage.audio_input, usage.audio_output, usage.cached), (Some(2), Some(4), Some(2)));
}

#[test]
fn one_answer_is_asked_for_when_all_tools_are_done_and_the_one_before_is_over() {
    let config = SessionConfig { tools: vec![tool()], ..SessionConfig::default() };
    let mut wire = open(config, OpenAiQuirks::default());
    let call = |id: &str| {
        of_response(
            "response.function_call_arguments.done",
            "r",
            id,
            json!({"call_id": id, "arguments": "{}"}),
        )
    };
    // The name is told when the item begins, and the whole call stands in the end once more.
    let added = |id: &str| {
        json!({"type": "response.output_item.added", "response_id": "r",
            "item": {"type": "function_call", "id": id, "name": "clock", "call_id": id}})
    };
    let step = feed(&mut wire, &[created("r"), added("c1"), call("c1"), added("c2"), call("c2")]);
    assert_eq!(told(&step.events), ["call c1 clock({})", "call c2 clock({})"]);
    assert_eq!(kinds(&sent(&wire.input(result("c1")))), ["conversation.item.create"]);
    assert_eq!(kinds(&sent(&wire.input(result("c2")))), ["conversation.item.create"]);
    let mut end = done("r", "completed");
    end["response"]["output"] = json!([
        {"type": "function_call", "name": "clock", "call_id": "c2", "arguments": "{}"},
        {"type": "function_call", "name": "clock", "call_id": "c3", "arguments": "{\"a\":1}"},
    ]);
    // A call that stands only at the end is told too, and waited for.
    let step = feed(&mut wire, &[end]);
    assert_eq!(told(&step.events), ["call c3 clock({\"a\":1})", "done tool_calls"]);
    assert_eq!(step.messages, [""; 0]);
    let step = wire.input(result("c3"));
    assert_eq!(kinds(&sent(&step)).last(), Some(&"response.create"));
}

#[test]
fn a_servers_own_tools_are_not_ours_to_answer() {
    let mut wire = open(SessionConfig::default(), OpenAiQuirks::xai());
    let call = json!({"type": "response.function_call_arguments.done", "response_id": "r", "item_id": "i",
        "call_id": "c", "name": "web_search", "arguments": "{}"});
    let step = feed(&mut wire, &[created("r"), call, done("r", "completed")]);
    assert_eq!(told(&step.events), ["done stop"]);
    assert!(step.events.iter().any(|event| event.kind() == "native"));
}

#[test]
fn words_said_into_an_answer_are_answered_behind_it() {
    let mut wire = usual();
    feed(&mut wire, &[created("r")]);
    let step = wire.input(SessionInput::text("And?"));
    assert_eq!(kinds(&sent(&step)), ["conversation.item.create"]);
    assert_eq!(kinds(&sent(&feed(&mut wire, &[done("r", "completed")]))), ["response.create"]);
    // A server that began one of its own meanwhile is asked again, once, behind that one.
    let busy = json!({"type": "error", "error": {"type": "invalid_request_error",
        "code": "conversation_already_has_active_response", "message": "busy"}});
    let step =
        feed(&mut wire, &[json!({"type": "response.created", "response": {"id": "own"}}), busy.clone()]);
    assert_eq!((told(&step.events).len(), step.messages.len()), (0, 0));
    assert_eq!(kinds(&sent(&feed(&mut wire, &[done("own", "completed")]))), ["response.create"]);
    // One that is never content is not asked for ever.
    let mut wire = usual();
    wire.input(SessionInput::text("Hi"));
    let step = feed(&mut wire, &[busy.clone(), busy]);
    assert!(step.messages.is_empty());
    assert_eq!(told(&step.events), ["error invalid_request", "error invalid_request"]);
}

#[test]
fn where_the_server_does_not_listen_for_the_end_it_is_told() {
    let mut wire = manual();
    assert!(wire.input(SessionInput::Commit).messages.is_empty(), "nothing was said");
    wire.input(SessionInput::Audio(ms(40)));
    let messages = sent(&wire.input(SessionInput::Commit));
    // Less than a tenth of a second would be refused.
    let kinds = kinds(&messages);
    assert_eq!(kinds, ["input_audio_buffer.append", "input_audio_buffer.commit", "response.create"]);
    assert_eq!(messages[0]["audio"].as_str().unwrap().len(), 60 * 24 * 2 / 3 * 4);
}

#[test]
fn where_the_server_listens_it_is_let_hear_the_end() {
    let mut wire = usual();
    wire.input(SessionInput::Audio(ms(500)));
    let step = wire.input(SessionInput::Commit);
    assert_eq!(kinds(&sent(&step)), ["input_audio_buffer.append"]);
    assert_eq!(
        step.messages[0].len(),
        json!({"type": "input_audio_buffer.append", "audio": ""}).to_string().len() + 64_000
    );
    assert!(wire.input(SessionInput::Commit).messages.is_empty(), "the turn is over already");
}

#[test]
fn errors_end_a_session_or_do_not() {
    let error = |code: &str| {
        json!({"type": "error", "error": {"type": "invalid_request_error", "code": code,
        "message": "no"}})
    };
    let mut wire = usual();
    let step = feed(&mut wire, &[error("unknown_parameter")]);
    assert_eq!((told(&step.events), step.then), (vec!["error invalid_request".to_owned()], Then::Go));
    let step = feed(&mut wire, &[error("response_cancel_not_active")]);
    assert_eq!(told(&step.events), [""; 0]);
    let piece = |text: &str| json!({"type": "response.output_audio_transcript.delta", "response_id": "r", "item_id": "a", "delta": text});
    feed(&mut wire, &[created("r"), sound("r", "a"), piece("I heard ")]);
    let step = feed(&mut wire, &[error("session_expired")]);
    assert!(step.events.is_empty() && matches!(step.then, Then::Renew { .. }), "{step:?}");
    // What it still says until the connection is closed is of the same answer, and told as one.
    feed(&mut wire, &[piece("it.")]);
    let step = wire.ended(None, "");
    let whole = step.events.iter().find_map(|event| match event {
        SessionEvent::Transcript { mode: consort_core::TranscriptMode::Final, text, .. } => {
            Some(text.as_str())
        }
        _ => None,
    });
    assert_eq!(whole, Some("I heard it."));
    let ends = told(&step.events);
    for end in ["audio a done, cut: true", "assistant is silent", "done other"] {
        assert!(ends.iter().any(|told| told == end), "{ends:?}");
    }
    // Settings that are refused open no session.
    let mut wire = OpenAiLive::new(SessionConfig::default(), OpenAiQuirks::default());
    wire.open(&[]);
    let step = feed(&mut wire, &[error("unknown_parameter")]);
    let Then::Close(CloseReason::Failed { error }) = step.then else { panic!("{:?}", step.then) };
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    // What is no JSON is told, and the session goes on.
    let step = usual().message(b"\xff{");
    assert_eq!((told(&step.events), step.then), (vec!["warning garbled".to_owned()], Then::Go));
}

#[test]
fn a_cut_connection_loses_no_wish() {
    let mut wire = usual();
    wire.input(SessionInput::text("Hi"));
    let step = wire.ended(Some(1006), "");
    assert!(matches!(step.then, Then::Renew { .. }), "{:?}", step.then);
    wire.open(&[]);
    let step = feed(&mut wire, &[updated()]);
    assert_eq!(told(&step.events), ["connected"]);
    assert_eq!(kinds(&sent(&step)), ["response.create"]);
}

#[test]
fn what_was_said_aloud_takes_no_wish_away() {
    // The server answers no turn by itself, and what was typed is to be answered all the same.
    let own =
        json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "create_response": false}}}});
    let options = own.as_object().unwrap().clone();
    let config = SessionConfig { options: options.into_iter().collect(), ..SessionConfig::default() };
    let mut wire = open(config, OpenAiQuirks::default());
    wire.input(SessionInput::text("Hi"));
    wire.ended(Some(1006), "");
    wire.owe(Some("and this"));
    wire.open(&[]);
    assert_eq!(kinds(&sent(&feed(&mut wire, &[updated()]))), ["response.create"]);
}

#[test]
fn pictures_go_along_with_the_turn() {
    let png = || Media::bytes("image/png", vec![1, 2, 3]);
    let mut wire = usual();
    let step = wire.input(SessionInput::Image { media: png() });
    let url = json!([{"type": "input_image", "image_url": "data:image/png;base64,AQID"}]);
    assert_eq!(sent(&step)[0]["item"]["content"], url);
    // A picture alone can be answered.
    assert_eq!(kinds(&sent(&wire.input(SessionInput::Commit))), ["response.create"]);
    // Of a camera the newest is shown, when a turn begins.
    assert!(wire.input(SessionInput::Video { media: png() }).messages.is_empty());
    let step = feed(&mut wire, &[json!({"type": "input_audio_buffer.speech_started"})]);
    assert_eq!(sent(&step)[0]["item"]["content"], url);
    let mut wire = open(SessionConfig::default(), OpenAiQuirks::qwen());
    let step = wire.input(SessionInput::Image { media: png() });
    assert_eq!(sent(&step), [json!({"type": "input_image_buffer.append", "image": "AQID"})]);
    assert_eq!(told(&wire.input(SessionInput::text("Hi")).events), ["warning dropped"]);
    let mut wire = open(SessionConfig::default(), OpenAiQuirks::xai());
    assert_eq!(told(&wire.input(SessionInput::Image { media: png() }).events), ["warning dropped"]);
}

#[test]
fn settings_change_while_it_runs() {
    let mut wire = usual();
    let update = SessionUpdate {
        instructions: Some("Shout.".into()),
        turn_detection: Some(false),
        ..SessionUpdate::default()
    };
    let step = wire.input(SessionInput::Update { update });
    let session = json!({"type": "realtime", "instructions": "Shout.",
        "audio": {"input": {"turn_detection": null}}});
    assert_eq!(sent(&step), [json!({"type": "session.update", "session": session})]);
    wire.input(SessionInput::Audio(ms(200)));
    assert_eq!(kinds(&sent(&wire.input(SessionInput::Commit))).last(), Some(&"response.create"));
    // A connection that is made anew begins with what holds now.
    assert!(wire.open(&[]).messages[0].contains("Shout."));
}

#[test]
fn quirks_are_data() {
    let quirks: OpenAiQuirks =
        serde_json::from_value(json!({"layout": "flat", "pictures": "buffer", "input_rate": 16_000}))
            .unwrap();
    assert_eq!((quirks.input_rate, quirks.text), (16_000, true));
    assert!(serde_json::from_value::<OpenAiQuirks>(json!({"laout": "flat"})).is_err());
    // The server has the last word on formats.
    let mut wire = OpenAiLive::new(SessionConfig::default(), OpenAiQuirks::default());
    wire.open(&[]);
    let formats = json!({"input_audio_format": "g711_ulaw", "output_audio_format": "g711_alaw"});
    feed(&mut wire, &[json!({"type": "session.updated", "session": formats}), created("r")]);
    let step = feed(&mut wire, &[sound("r", "a")]);
    let Some(SessionEvent::Audio { pcm, .. }) = step.events.last() else { panic!() };
    assert_eq!((pcm.rate, pcm.samples.len()), (8_000, 4_800));
}
