//! OpenAI's Realtime format: what is sent, what is told, and in which order.
use super::{feed, sent, told};
use consort_core::{
    CloseReason, ErrorKind, FunctionSpec, Media, Message, Part, Pcm, SessionConfig, SessionEvent,
    SessionInput, SessionUpdate, ToolResult,
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
            "instructions": "Be kind.", "tools": tools, "voice": "v", "turn_detection": {"type": "server_vad"},
            "temperature": 0.5,
        })
    );
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
fn a_cut_answer_ends_where_it_was_heard_and_the_next_is_of_a_new_epoch() {
    let mut wire = usual();
    feed(&mut wire, &[created("r1"), sound("r1", "a"), sound("r1", "a")]);
    let heard = Duration::from_millis(120);
    let step = wire.input(SessionInput::Interrupt { item: Some("a".into()), heard });
    let messages = sent(&step);
    assert_eq!(messages[0], json!({"type": "response.cancel"}));
    assert_eq!(
        messages[1],
        json!({"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 120})
    );
    let step = feed(&mut wire, &[sound("r1", "a"), done("r1", "cancelled"), created("r2"), sound("r2", "b")]);
    assert_eq!(
        told(&step.events),
        [
            "audio a@0:2400",
            "audio a done, cut: true",
            "assistant is silent",
            "done other",
            "assistant speaks",
            "audio b@1:2400",
        ]
    );
    // More cannot have been heard than came, and a silence cannot be cut.
    feed(&mut wire, &[done("r2", "completed")]);
    assert!(wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO }).messages.is_empty());
    let long = SessionInput::Interrupt { item: Some("b".into()), heard: Duration::from_secs(9) };
    assert!(wire.input(long).messages.is_empty());
}

#[test]
fn an_older_answer_that_still_plays_is_cut_without_the_one_under_way() {
    let mut wire = usual();
    feed(&mut wire, &[created("r1"), sound("r1", "a"), done("r1", "completed"), created("r2")]);
    let heard = Duration::from_millis(50);
    let step = wire.input(SessionInput::Interrupt { item: Some("a".into()), heard });
    assert_eq!(kinds(&sent(&step)), ["conversation.item.truncate"]);
    let step = feed(&mut wire, &[sound("r2", "b")]);
    assert_eq!(told(&step.events), ["assistant speaks", "audio b@1:2400"]);
}

#[test]
fn speech_cuts_an_answer_unless_the_server_goes_on() {
    let speech = || json!({"type": "input_audio_buffer.speech_started", "item_id": "u"});
    let mut wire = usual();
    feed(&mut wire, &[created("r"), sound("r", "a")]);
    let step = feed(&mut wire, &[speech(), sound("r", "a"), done("r", "cancelled")]);
    assert_eq!(
        told(&step.events),
        [
            "user speaks",
            "cut a",
            "audio a@0:2400",
            "audio a done, cut: true",
            "assistant is silent",
            "done other",
        ]
    );
    // The answer was cut by the server: it is not told to.
    let mut wire = usual();
    let how =
        json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": false}}}});
    feed(&mut wire, &[json!({"type": "session.updated", "session": how}), created("r"), sound("r", "a")]);
    assert_eq!(told(&feed(&mut wire, &[speech()]).events), ["user speaks"]);
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
    feed(&mut wire, &[created("r"), sound("r", "a")]);
    let step = feed(&mut wire, &[error("session_expired")]);
    assert_eq!(told(&step.events), ["audio a done, cut: true", "assistant is silent", "done other"]);
    assert!(matches!(step.then, Then::Renew { .. }));
    // Settings that are refused open no session.
    let mut wire = OpenAiLive::new(SessionConfig::default(), OpenAiQuirks::default());
    wire.open(&[]);
    let step = feed(&mut wire, &[error("unknown_parameter")]);
    let Then::Close(CloseReason::Failed { error }) = step.then else { panic!("{:?}", step.then) };
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    // What is no JSON is told, and the session goes on.
    let step = usual().message(b"\xff{");
    assert_eq!((told(&step.events), step.then), (vec!["error protocol".to_owned()], Then::Go));
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
