//! From every wire to every wire: what one client asks reaches any vendor, and what any vendor answers reaches
//! any client. What is lost on the way is said.
use crate::answers::{decode, reply, stream_of};
use bytes::Bytes;
use consort_core::{
    Accumulator, Arguments, Body, Citation, Delta, Effort, Error, ErrorKind, Event, Finish, FinishReason,
    FunctionSpec, Media, MediaSource, Message, Output, Part, PartKey, PartKind, Request, Response, Role,
    Signature, ToolCall, ToolChoice, ToolResult, ToolSpec, Usage, Warning,
};
use consort_wire::{Quirks, ResponseHead, WIRES, Wire};
use serde_json::{Value, json};

/// The smallest picture, and a document, and a sound: their first bytes say what they are.
const IMAGE: &[u8] = b"\x89PNG\r\n\x1a\n-image";
const PDF: &[u8] = b"%PDF-1.4 document";
const SOUND: &[u8] = b"RIFF----WAVEfmt sound";

/// A request that uses everything that the contract has.
fn request() -> Request {
    let call = |id: &str, city: &str| {
        Body::ToolCall(ToolCall {
            id: id.into(),
            name: "weather".into(),
            arguments: Arguments::from(json!({"city": city, "days": [1, 2]})),
        })
    };
    let result = |id: &str, content: Vec<Part>, is_error| {
        Body::ToolResult(ToolResult { call_id: id.into(), name: "weather".into(), content, is_error })
    };
    let image = Part::media(Media::bytes("image/png", Bytes::from_static(IMAGE)));
    let asked = vec![
        Part::text("What is it like here?").cached(),
        image.clone(),
        Part::media(Media::bytes("application/pdf", Bytes::from_static(PDF)).named("plan.pdf")),
        Part::media(Media::bytes("audio/wav", Bytes::from_static(SOUND))),
    ];
    let said = vec![
        Part::reasoning("two cities, then"),
        Part::text("I will look."),
        call("call_one", "Ghent").into(),
        call("call_two", "Bruges").into(),
    ];
    let results = vec![
        result("call_one", vec![Part::text("sunny"), image], false).into(),
        result("call_two", vec![Part::text("no such place")], true).into(),
    ];
    let parameters = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
        "required": ["city"],
    });
    let mut request = Request::new(vec![
        Message { name: Some("ann".into()), ..Message::new(Role::User, asked) },
        Message::new(Role::Assistant, said),
        Message::new(Role::Tool, results),
        Message::user("And tomorrow?"),
    ]);
    request.model = "some-model".into();
    request.instructions = vec![Part::text("Be brief.").cached()];
    let mut function = FunctionSpec::new("weather", "Tells the weather", parameters);
    function.strict = Some(true);
    request.tools.push(ToolSpec::Function(function));
    request.tool_choice = ToolChoice::Named("weather".into());
    request.parallel_tools = Some(false);
    request.output = Output::Schema {
        name: "report".into(),
        description: None,
        schema: json!({"type": "object", "properties": {"n": {"type": "integer"}}}),
        strict: Some(true),
    };
    request.sampling.max_tokens = Some(9000);
    request.sampling.temperature = Some(0.5);
    request.sampling.top_p = Some(0.9);
    request.sampling.top_k = Some(40);
    request.sampling.seed = Some(7);
    request.sampling.presence_penalty = Some(0.25);
    request.sampling.frequency_penalty = Some(0.25);
    request.sampling.stop = vec!["END".into()];
    request.sampling.choices = Some(2);
    request.reasoning.effort = Some(Effort::Low);
    request
}

/// What a feature looks like in a request, and a word of the warning that must be there when it is lost.
type Feature = (&'static str, fn(&Request) -> Value, &'static [&'static str]);

const FEATURES: &[Feature] = &[
    ("instructions", |request| json!(request.instructions_text()), &[]),
    ("the question", |request| json!(text_of(request, Role::User).contains("What is it like here?")), &[]),
    ("the newest words", |request| json!(request.last_user_text().ends_with("And tomorrow?")), &[]),
    ("the answer so far", |request| json!(text_of(request, Role::Assistant).contains("I will look.")), &[]),
    ("calls", calls, &[]),
    ("results", results, &[]),
    ("the image", |request| json!(holds(request, IMAGE)), &["cannot carry"]),
    ("the document", |request| json!(holds(request, PDF)), &["cannot carry"]),
    ("the sound", |request| json!(holds(request, SOUND)), &["cannot carry"]),
    (
        "who spoke",
        |request| json!(request.messages.first().and_then(|first| first.name.clone())),
        &["who spoke"],
    ),
    ("thinking", |request| json!(thinking(request)), &["thinking is not sent back"]),
    ("tools", |request| json!(request.functions().map(told).collect::<Vec<_>>()), &[]),
    (
        "strict tools",
        |request| json!(request.functions().next().and_then(|tool| tool.strict)),
        &["hold the arguments"],
    ),
    ("the tool choice", |request| json!(request.tool_choice), &["choose the tool", "told to call"]),
    ("one tool at a time", |request| json!(request.parallel_tools), &["in parallel"]),
    ("the schema", |request| json!(schema(&request.output)), &["schema"]),
    ("cache marks", |request| json!(marks(request)), &["prompt caching"]),
    ("max_tokens", |request| json!(request.sampling.max_tokens), &["max_tokens"]),
    ("temperature", |request| json!(request.sampling.temperature), &["temperature"]),
    ("top_p", |request| json!(request.sampling.top_p), &["top_p"]),
    ("top_k", |request| json!(request.sampling.top_k), &["top_k"]),
    ("seed", |request| json!(request.sampling.seed), &["seed"]),
    ("presence_penalty", |request| json!(request.sampling.presence_penalty), &["presence_penalty"]),
    ("frequency_penalty", |request| json!(request.sampling.frequency_penalty), &["frequency_penalty"]),
    ("stop", |request| json!(request.sampling.stop), &["stop"]),
    ("choices", |request| json!(request.sampling.choices), &["choices"]),
    (
        "effort",
        |request| json!(request.reasoning.effort.or(request.reasoning.budget_tokens.map(|_| Effort::Low))),
        &["how much to think", "thinking on or off"],
    ),
];

fn parts(request: &Request) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| &message.parts)
}

fn text_of(request: &Request, role: Role) -> String {
    request.messages.iter().filter(|message| message.role == role).map(Message::text).collect()
}

/// The calls, and whether each result answers one of them.
fn calls(request: &Request) -> Value {
    let calls: Vec<_> = parts(request).filter_map(Part::as_tool_call).collect();
    let answers = parts(request).filter_map(result_of);
    let paired: Vec<_> = answers.map(|told| calls.iter().position(|call| call.id == told.call_id)).collect();
    let told: Vec<_> = calls.iter().map(|call| json!([call.name, call.arguments.value().ok()])).collect();
    json!([told, paired])
}

fn results(request: &Request) -> Value {
    let texts: Vec<String> = parts(request).filter_map(result_of).map(ToolResult::text).collect();
    let failed = |text: &String| text.contains("no such place");
    json!([texts.len(), texts[0].starts_with("sunny"), texts.iter().position(failed)])
}

fn result_of(part: &Part) -> Option<&ToolResult> {
    match &part.body {
        Body::ToolResult(result) => Some(result),
        _ => None,
    }
}

fn holds(request: &Request, payload: &[u8]) -> bool {
    let is = |part: &Part| matches!(&part.body, Body::Media(Media { source: MediaSource::Bytes(bytes), .. }) if bytes == payload);
    parts(request).any(is)
}

fn thinking(request: &Request) -> bool {
    parts(request)
        .any(|part| matches!(&part.body, Body::Reasoning { text, .. } if text == "two cities, then"))
}

fn told(function: &FunctionSpec) -> Value {
    json!([function.name, function.description, function.parameters])
}

fn schema(output: &Output) -> Option<&Value> {
    match output {
        Output::Schema { schema, .. } => Some(schema),
        _ => None,
    }
}

fn marks(request: &Request) -> usize {
    request.instructions.iter().chain(parts(request)).filter(|part| part.cache.is_some()).count()
}

/// What a client of one wire writes and the gateway reads, as the vendor of another wire would read it.
fn carried(from: &dyn Wire, to: &dyn Wire, request: &Request, warnings: &mut Vec<Warning>) -> Request {
    let quirks = Quirks::default();
    let mut request = request.clone();
    for wire in [from, to] {
        let (written, normalised) = wire.encode_request(&request, &quirks).expect("written");
        warnings.extend(normalised.warnings);
        request = wire.decode_request(&written).expect("read");
    }
    request
}

#[test]
fn a_request_reaches_every_vendor_and_what_is_lost_is_said() {
    let asked = request();
    let mut silent = Vec::new();
    for from in WIRES {
        for to in WIRES {
            let mut warnings = Vec::new();
            let read = carried(*from, *to, &asked, &mut warnings);
            for (feature, look, words) in FEATURES {
                let said =
                    words.iter().any(|word| warnings.iter().any(|warning| warning.message.contains(word)));
                if look(&read) != look(&asked) && !said {
                    silent.push(format!(
                        "{} -> {}: {feature}: {} became {}",
                        from.id(),
                        to.id(),
                        look(&asked),
                        look(&read)
                    ));
                }
            }
        }
    }
    assert!(silent.is_empty(), "lost without a word:\n{}", silent.join("\n"));
}

/// An answer as the vendor of this wire gives it: signed thinking, cited text, calls side by side, usage.
fn answer(wire: &str) -> Vec<Event> {
    let start = |part, kind| Event::PartStart { part: PartKey(part), choice: 0, kind };
    let piece = |part, delta| Event::PartDelta { part: PartKey(part), delta };
    let end = |part| Event::PartEnd { part: PartKey(part) };
    let call = |id: &str, name: &str| PartKind::ToolCall { id: id.into(), name: name.into() };
    let cited =
        Citation { url: Some("https://a.example/".into()), title: Some("A".into()), ..Citation::default() };
    let signature = Signature { wire: wire.into(), value: "c2lnbmVk".into() };
    vec![
        Event::Started { model: Some("model-1".into()), response_id: Some("answer-1".into()) },
        start(0, PartKind::Reasoning { redacted: false }),
        piece(0, Delta::Signature(signature)),
        piece(0, Delta::Text("let me ".into())),
        piece(0, Delta::Text("see".into())),
        end(0),
        start(1, PartKind::Text),
        piece(1, Delta::Text("It is é🦀 ".into())),
        piece(1, Delta::Text("there.".into())),
        piece(1, Delta::Citation(Box::new(cited))),
        end(1),
        start(2, call("call_a", "look")),
        start(3, call("call_b", "listen")),
        piece(3, Delta::Arguments("{\"b\":".into())),
        piece(2, Delta::Arguments("{\"a\":[1,".into())),
        piece(3, Delta::Arguments("\"x\\n\"}".into())),
        piece(2, Delta::Arguments("2]}".into())),
        end(3),
        end(2),
        Event::Usage(Usage {
            input: Some(100),
            output: Some(50),
            cached: Some(40),
            reasoning: Some(20),
            cached_in_input: true,
            reasoning_in_output: true,
            ..Usage::default()
        }),
        Event::Finished(FinishReason::ToolCalls.into()),
    ]
}

fn fold(events: &[Event]) -> Response {
    let mut fold = Accumulator::default();
    events.iter().cloned().for_each(|event| fold.push(event));
    fold.finish().expect("a whole answer")
}

/// The events that a client of this wire reads from what is written for it, as a stream or as one body.
fn sent(wire: &dyn Wire, events: &[Event], stream: bool) -> Vec<Event> {
    let (bytes, head) = if stream {
        stream_of(wire, events)
    } else {
        let body = wire.encode_response(&fold(events), &reply()).to_string();
        (body.into_bytes(), ResponseHead::new(200, [("content-type".into(), "application/json".into())]))
    };
    let (read, result) = decode(wire, &head, &[&bytes]);
    assert!(result.is_ok(), "{}: {result:?} in {}", wire.id(), String::from_utf8_lossy(&bytes));
    read
}

/// All pairs of wires, streamed and not: from the vendor's wire to the client's.
fn pairs() -> impl Iterator<Item = (&'static dyn Wire, &'static dyn Wire, bool)> {
    let wires = || WIRES.iter().copied();
    wires().flat_map(move |from| wires().flat_map(move |to| [(from, to, true), (from, to, false)]))
}

#[test]
fn an_answer_reaches_every_client() {
    for (from, to, stream) in pairs() {
        let read = fold(&sent(to, &sent(from, &answer(from.id()), stream), stream));
        let place = format!("{} -> {} (stream: {stream})", from.id(), to.id());
        assert_eq!(read.text(), "It is é🦀 there.", "{place}");
        assert_eq!(read.reasoning(), "let me see", "{place}");
        let calls: Vec<_> = read
            .tool_calls()
            .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.value().expect("JSON")))
            .collect();
        let expected = [("call_a", "look", json!({"a": [1, 2]})), ("call_b", "listen", json!({"b": "x\n"}))];
        assert_eq!(calls, expected, "{place}");
        assert_eq!(read.finish.reason, FinishReason::ToolCalls, "{place}");
        let usage = read.usage.as_ref().expect("usage");
        assert_eq!((usage.all_input(), usage.all_output()), (Some(100), Some(50)), "{place}");
        // Ollama has no word for what was cached, Bedrock none for what was thought.
        let has = |none: &[&str]| !none.contains(&from.id()) && !none.contains(&to.id());
        if has(&["ollama"]) {
            assert_eq!(usage.cached, Some(40), "{place}");
        }
        if has(&["ollama", "bedrock"]) {
            assert_eq!(usage.reasoning, Some(20), "{place}");
        }
        // Neither names its model; one of them has no ids of answers either.
        if has(&["bedrock", "cohere"]) {
            assert_eq!(read.resolved_model.as_deref(), Some("model-1"), "{place}");
        }
        if from.id() == to.id() && has(&["openai-chat", "ollama", "cohere"]) {
            let signed = read.parts.iter().filter_map(|part| part.signature_for(to.id())).count();
            assert_eq!(signed, 1, "{place}: signatures");
        }
        if has(&["ollama"]) {
            let cited: Vec<_> = citations(&read).filter_map(|citation| citation.url.as_deref()).collect();
            assert_eq!(cited, ["https://a.example/"], "{place}: citations");
        }
    }
}

fn citations(response: &Response) -> impl Iterator<Item = &Citation> {
    response.parts.iter().flat_map(|part| match &part.body {
        Body::Text { citations, .. } => citations.as_slice(),
        _ => &[],
    })
}

#[test]
fn an_end_means_the_same_to_every_client() {
    use FinishReason::{ContentFilter, Length, Other, Refusal, Stop};
    let words = |reason: FinishReason| {
        let mut events = Event::text_answer("words");
        events.pop();
        events.push(Event::Finished(Finish { ..reason.into() }));
        events
    };
    for (from, to, stream) in pairs() {
        for reason in [Stop, Length, ContentFilter, Refusal] {
            let read = fold(&sent(to, &sent(from, &words(reason), stream), stream));
            let place = format!("{} -> {} (stream: {stream})", from.id(), to.id());
            let fair = match reason {
                Stop | Length => vec![reason],
                // Whoever has no word for it must at least not call it a success of another kind.
                ContentFilter => vec![ContentFilter, Refusal, Other],
                _ => vec![Refusal, ContentFilter, Stop, Other],
            };
            assert!(
                fair.contains(&read.finish.reason),
                "{place}: {reason:?} became {:?}",
                read.finish.reason
            );
            assert_eq!(read.text(), "words", "{place}");
        }
    }
}

#[test]
fn an_end_that_only_its_vendor_knows_is_no_success() {
    let mut events = Event::text_answer("words");
    events.pop();
    events.push(Event::Finished(Finish::new(FinishReason::Other, "ERROR")));
    for (from, to, stream) in pairs() {
        let read = fold(&sent(to, &sent(from, &events, stream), stream));
        assert_eq!(read.finish.reason, FinishReason::Other, "{} -> {} ({stream})", from.id(), to.id());
    }
}

#[test]
fn a_refusal_is_read_in_every_format() {
    let part = PartKey(0);
    let events = vec![
        Event::Started { model: Some("model-1".into()), response_id: Some("answer-1".into()) },
        Event::PartStart { part, choice: 0, kind: PartKind::Refusal },
        Event::PartDelta { part, delta: Delta::Text("I will not.".into()) },
        Event::PartEnd { part },
        Event::Finished(FinishReason::Refusal.into()),
    ];
    for (from, to, stream) in pairs() {
        let read = fold(&sent(to, &sent(from, &events, stream), stream));
        let words = read.refusal().unwrap_or_else(|| read.text());
        assert_eq!(words, "I will not.", "{} -> {}", from.id(), to.id());
    }
}

#[test]
fn an_error_is_of_the_same_kind_to_every_client() {
    use ErrorKind::*;
    let kinds = [Auth, Permission, RateLimit, Overloaded, Server, Timeout, ModelNotFound, InvalidRequest];
    for wire in WIRES {
        for kind in kinds {
            let (status, body) = wire.encode_error(&Error::new(kind, "as it was told"));
            let head = ResponseHead::new(status, [("content-type".into(), "application/json".into())]);
            let (_, result) = decode(*wire, &head, &[body.to_string().as_bytes()]);
            let error = result.expect_err("an error");
            assert_eq!((error.kind(), error.message()), (kind, "as it was told"), "{} {body}", wire.id());
        }
    }
}

#[test]
fn an_error_inside_a_stream_is_no_success() {
    for wire in WIRES {
        for kind in [ErrorKind::Overloaded, ErrorKind::Interrupted, ErrorKind::RateLimit] {
            let mut encode = wire.encode(&reply());
            let mut bytes = Vec::new();
            let events = Event::text_answer("half of it");
            events[..3].iter().for_each(|event| encode.event(event, &mut bytes));
            encode.error(&Error::new(kind, "it broke"), &mut bytes);
            let head = ResponseHead::new(200, [("content-type".into(), encode.content_type().into())]);
            let (read, result) = decode(*wire, &head, &[&bytes]);
            let shown = String::from_utf8_lossy(&bytes);
            if wire.id() == "cohere" {
                // This vendor's word for the end of such an answer is `ERROR`, with the reason beside it.
                let said =
                    |event: &Event| matches!(event, Event::Warning(warning) if warning.message == "it broke");
                assert!(read.iter().any(said), "{shown}");
                assert_eq!(fold(&read).finish.reason, FinishReason::Other, "{shown}");
                continue;
            }
            let error = result.err().unwrap_or_else(|| panic!("{}: success from {shown}", wire.id()));
            assert_eq!(error.message(), "it broke", "{}: {shown}", wire.id());
            assert!(!read.iter().any(|event| matches!(event, Event::Finished(_))), "{}", wire.id());
        }
    }
}

#[test]
fn several_answers_end_only_when_all_have_ended() {
    let start = |part, choice| Event::PartStart { part: PartKey(part), choice, kind: PartKind::Text };
    let piece =
        |part: u32, text: &str| Event::PartDelta { part: PartKey(part), delta: Delta::Text(text.into()) };
    let events = [
        Event::Started { model: Some("model-1".into()), response_id: Some("answer-1".into()) },
        start(0, 0),
        start(1, 1),
        piece(1, "two"),
        piece(0, "one"),
        Event::PartEnd { part: PartKey(0) },
        Event::PartEnd { part: PartKey(1) },
        Event::Finished(Finish {
            others: vec![consort_core::ChoiceFinish {
                choice: 1,
                reason: FinishReason::Length,
                vendor_reason: None,
            }],
            ..FinishReason::Stop.into()
        }),
    ];
    for id in ["openai-chat", "gemini"] {
        let wire = consort_wire::wire(id).expect("a wire");
        for stream in [true, false] {
            let read = fold(&sent(wire, &events, stream));
            let others: Vec<_> =
                read.others.iter().map(|other| (other.index, other.text(), other.reason)).collect();
            assert_eq!(
                (read.text().as_str(), others),
                ("one", vec![(1, "two".to_owned(), FinishReason::Length)]),
                "{id}"
            );
        }
    }
    // The first answer ended, the second was cut.
    let cut = [
        (
            "openai-chat",
            "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"tw\"}},{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":\"stop\"}]}\n\n",
        ),
        (
            "gemini",
            "data: {\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":\"tw\"}]}},{\"index\":0,\"content\":{\"parts\":[{\"text\":\"one\"}]},\"finishReason\":\"STOP\"}]}\n\n",
        ),
    ];
    for (id, bytes) in cut {
        let head = ResponseHead::new(200, [("content-type".into(), "text/event-stream".into())]);
        let (_, result) = decode(consort_wire::wire(id).expect("a wire"), &head, &[bytes.as_bytes()]);
        assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::Interrupted), "{id}");
    }
}

#[test]
fn a_choice_of_any_number_costs_nothing() {
    let part = PartKey(0);
    let kind = PartKind::ToolCall { id: "call_a".into(), name: "look".into() };
    let events = [
        Event::PartStart { part, choice: u32::MAX, kind },
        Event::PartEnd { part },
        Event::Finished(FinishReason::Stop.into()),
    ];
    for wire in WIRES {
        assert!(!stream_of(*wire, &events).0.is_empty());
    }
}

#[test]
fn counts_of_any_size_are_written() {
    let most = Some(u64::MAX);
    let usage = Usage {
        input: most,
        output: most,
        cached: most,
        cache_write: most,
        reasoning: most,
        ..Usage::default()
    };
    let mut events = Event::text_answer("words");
    events.insert(4, Event::Usage(usage));
    for wire in WIRES {
        for stream in [true, false] {
            assert_eq!(fold(&sent(*wire, &events, stream)).text(), "words", "{}", wire.id());
        }
    }
}

#[test]
fn sound_in_pieces_is_one_part_with_its_words() {
    let chat = consort_wire::wire("openai-chat").expect("a wire");
    let chunk = |delta: Value| {
        let choice = json!([{"index": 0, "delta": delta}]);
        format!("data: {}\n\n", json!({"id": "a", "model": "m", "choices": choice}))
    };
    let stream = [
        chunk(json!({"audio": {"id": "audio_1", "transcript": "Good "}})),
        chunk(json!({"audio": {"data": "AAEC"}})),
        chunk(json!({"audio": {"transcript": "day"}})),
        chunk(json!({"audio": {"data": "AwQF"}})),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let head = ResponseHead::new(200, [("content-type".into(), "text/event-stream".into())]);
    let (events, result) = decode(chat, &head, &[stream.as_bytes()]);
    assert_eq!(result, Ok(()));
    for stream in [true, false] {
        let read = fold(&sent(chat, &events, stream));
        let media: Vec<_> = read.media().map(|media| media.source.clone()).collect();
        assert_eq!(media, [MediaSource::Bytes(Bytes::from_static(&[0, 1, 2, 3, 4, 5]))]);
        let told = read.parts[0].vendor.get("openai-chat", "audio");
        assert_eq!(told, Some(&json!({"id": "audio_1", "transcript": "Good day"})));
    }
}
