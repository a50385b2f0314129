//! Generated requests and answers: everything that the contract allows, other wires' data included.
use consort_core::{
    Arguments, Body, Cache, Citation, Delta, Effort, Event, Finish, FinishReason, FunctionSpec, Media,
    MediaSource, Message, Object, Output, Part, PartKey, PartKind, Reasoning, Request, Role, Sampling,
    ToolChoice, ToolResult, ToolSpec, Usage, VendorData,
};
use consort_wire::WIRES;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let head = (
        vec(instruction(), 0..3),
        vec(message(), 0..6),
        vec(tool(), 0..3),
        choice(),
        option::of(any::<bool>()),
    );
    let rest = (output(), sampling(), reasoning(), any::<bool>(), options(), native());
    (head, rest).prop_map(|((instructions, messages, tools, tool_choice, parallel_tools), rest)| {
        let (output, sampling, reasoning, stream, options, native) = rest;
        Request {
            model: "some-model".into(),
            stream,
            instructions,
            messages,
            tools,
            tool_choice,
            parallel_tools,
            output,
            sampling,
            reasoning,
            options,
            native,
        }
    })
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z]{1,8}( [a-z]{1,8}){0,3}",
        1 => Just(String::new()),
        2 => "[ -~]{0,20}",
        1 => "\\PC{0,8}",
        1 => Just("line\nbreak \"quoted\" \\ 🦀 \u{0} end".to_owned()),
    ]
}

fn wire_id() -> impl Strategy<Value = String> {
    let mut ids: Vec<String> = WIRES.iter().map(|wire| wire.id().to_owned()).collect();
    ids.push("another-wire".to_owned());
    proptest::sample::select(ids)
}

fn instruction() -> impl Strategy<Value = Part> {
    (words(), option::of(Just(Cache::default()))).prop_map(|(text, cache)| Part { cache, ..Part::text(text) })
}

fn message() -> impl Strategy<Value = Message> {
    let user = vec(prop_oneof![3 => text_part(), 2 => media_part()], 0..4)
        .prop_map(|parts| Message::new(Role::User, parts));
    let assistant = vec(
        prop_oneof![3 => text_part(), 2 => thought(), 2 => call(), 1 => refusal(), 1 => native_part()],
        0..5,
    )
    .prop_map(|parts| Message::new(Role::Assistant, parts));
    let tool = vec(result(), 0..3).prop_map(|parts| Message::new(Role::Tool, parts));
    let system = vec(text_part(), 0..2).prop_map(|parts| Message::new(Role::System, parts));
    // A caller may put anything anywhere.
    let odd = (
        prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::Tool), Just(Role::System)],
        vec(
            prop_oneof![text_part(), media_part(), thought(), call(), result(), refusal(), native_part()],
            0..4,
        ),
    )
        .prop_map(|(role, parts)| Message::new(role, parts));
    let any = prop_oneof![4 => user, 4 => assistant, 3 => tool, 1 => system, 1 => odd];
    (any, option::of("[a-z]{1,6}")).prop_map(|(message, name)| Message { name, ..message })
}

fn text_part() -> impl Strategy<Value = Part> {
    let citation = ("https://[a-z]{1,5}\\.example", words()).prop_map(|(url, title)| Citation {
        url: Some(url),
        title: Some(title),
        ..Citation::default()
    });
    let body = (words(), vec(citation, 0..2)).prop_map(|(text, citations)| Body::Text { text, citations });
    (body, cache(), signature_wire()).prop_map(|(body, cache, signed)| {
        let part = Part { cache, ..Part::from(body) };
        sign(part, signed)
    })
}

fn cache() -> impl Strategy<Value = Option<Cache>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(Cache::default())),
        1 => Just(Some(Cache { ttl: Some("1h".to_owned()) })),
    ]
}

fn signature_wire() -> impl Strategy<Value = Option<String>> {
    prop_oneof![3 => Just(None), 2 => wire_id().prop_map(Some)]
}

fn sign(part: Part, wire: Option<String>) -> Part {
    match wire {
        // Base64, as the vendors' own are.
        Some(wire) => part.signed(wire, "c2lnbmF0dXJl"),
        None => part,
    }
}

fn media_part() -> impl Strategy<Value = Part> {
    let mime = prop_oneof![
        Just("image/png"),
        Just("image/jpeg"),
        Just("audio/wav"),
        Just("audio/mpeg"),
        Just("application/pdf"),
        Just("video/mp4"),
        Just("text/plain"),
        Just("text/csv"),
        Just("application/zip"),
        Just("audio/x-strange"),
    ];
    let bytes = (mime.clone(), vec(any::<u8>(), 1..20)).prop_map(|(mime, bytes)| Media::bytes(mime, bytes));
    let url = (prop_oneof![3 => mime, 1 => Just("")], "https://[a-z]{1,5}\\.example/[a-z]{1,5}")
        .prop_map(|(mime, url)| Media::url(mime, url));
    let file = (wire_id(), "file-[a-z0-9]{4}").prop_map(|(wire, id)| Media {
        source: MediaSource::File { wire, id },
        mime: "image/png".into(),
        name: None,
    });
    let any = prop_oneof![3 => bytes, 2 => url, 1 => file];
    (any, option::of("[a-z]{1,5}\\.[a-z]{3}"), cache())
        .prop_map(|(media, name, cache)| Part { cache, ..Part::media(Media { name, ..media }) })
}

fn thought() -> impl Strategy<Value = Part> {
    (words(), any::<bool>(), signature_wire()).prop_map(|(text, redacted, signed)| {
        let text = if redacted { String::new() } else { text };
        sign(Body::Reasoning { text, redacted }.into(), signed)
    })
}

fn refusal() -> impl Strategy<Value = Part> {
    words().prop_map(|text| Body::Refusal { text }.into())
}

fn native_part() -> impl Strategy<Value = Part> {
    Just(Part::native("another-wire", "search", json!({"query": "x"})))
}

fn call() -> impl Strategy<Value = Part> {
    let arguments = prop_oneof![
        Just(Arguments::new("")),
        Just(Arguments::new("{}")),
        words().prop_map(|text| Arguments::from(
            json!({"text": text, "n": 1.5, "list": [1, null, {"a": true}]})
        )),
        Just(Arguments::new("{\"cut\": ")),
    ];
    ("call-[a-c]", "[a-z_]{1,8}", arguments, signature_wire())
        .prop_map(|(id, name, arguments, signed)| sign(Part::tool_call(id, name, arguments), signed))
}

fn result() -> impl Strategy<Value = Part> {
    let content = vec(prop_oneof![4 => text_part(), 1 => media_part()], 0..3);
    ("call-[a-c]", "[a-z_]{1,8}", content, any::<bool>(), cache()).prop_map(
        |(call_id, name, content, is_error, cache)| {
            let result = ToolResult { call_id, name, content, is_error };
            Part { cache, ..Part::from(Body::ToolResult(result)) }
        },
    )
}

fn tool() -> impl Strategy<Value = ToolSpec> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let function = ("[a-z_]{1,8}", words(), option::of(any::<bool>()), cache()).prop_map(
        move |(name, description, strict, cache)| {
            let spec = FunctionSpec::new(name, description, schema.clone());
            ToolSpec::Function(FunctionSpec { strict, cache, ..spec })
        },
    );
    let native = Just(ToolSpec::Native { wire: "another-wire".into(), value: json!({"type": "search"}) });
    prop_oneof![4 => function, 1 => native]
}

fn choice() -> impl Strategy<Value = ToolChoice> {
    prop_oneof![
        Just(ToolChoice::Unset),
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        "[a-z_]{1,8}".prop_map(ToolChoice::Named),
    ]
}

fn output() -> impl Strategy<Value = Output> {
    let schema = (
        prop_oneof![Just(String::new()), Just("answer_1".to_owned())],
        option::of(words()),
        option::of(any::<bool>()),
    )
        .prop_map(|(name, description, strict)| Output::Schema {
            name,
            description,
            schema: json!({"type": "object", "properties": {"n": {"type": "integer"}}}),
            strict,
        });
    prop_oneof![2 => Just(Output::Text), 1 => Just(Output::Json), 2 => schema]
}

fn sampling() -> impl Strategy<Value = Sampling> {
    let half =
        (option::of(1..9000u64), option::of(0.0..2.0f64), option::of(0.0..1.0f64), option::of(1..99u64));
    let rest = (vec("[A-Z]{1,4}", 0..3), option::of(0..99i64), option::of(0.0..1.0f64), option::of(1..4u32));
    (half, rest).prop_map(|((max_tokens, temperature, top_p, top_k), (stop, seed, penalty, choices))| {
        Sampling {
            max_tokens,
            temperature,
            top_p,
            top_k,
            stop,
            seed,
            presence_penalty: penalty,
            frequency_penalty: penalty,
            choices,
        }
    })
}

fn reasoning() -> impl Strategy<Value = Reasoning> {
    let effort = proptest::sample::select(Effort::ALL.to_vec());
    (option::of(effort), option::of(1024..9000u64), option::of(any::<bool>()))
        .prop_map(|(effort, budget_tokens, show)| Reasoning { effort, budget_tokens, show })
}

fn options() -> impl Strategy<Value = Object> {
    let one = prop_oneof![
        Just(("temperature".to_owned(), json!(0.5))),
        Just(("stop".to_owned(), json!("END"))),
        Just(("reasoning_effort".to_owned(), json!("low"))),
        Just(("an_option_of_its_own".to_owned(), json!({"deep": [1, 2]}))),
    ];
    vec(one, 0..3).prop_map(|options| options.into_iter().collect())
}

fn native() -> impl Strategy<Value = VendorData> {
    option::of(wire_id()).prop_map(|wire| {
        let mut native = VendorData::default();
        if let Some(wire) = wire {
            native.set(&wire, "a_field_of_its_own", json!([1, "two"]));
        }
        native
    })
}

/// An answer as any wire can carry it: texts, thinking, calls, in any order and number.
pub(crate) fn answer() -> impl Strategy<Value = Vec<Event>> {
    let part = prop_oneof![
        4 => vec("[a-zé🦀\"\\\\\n ]{1,6}", 1..5).prop_map(Piece::Text),
        2 => vec("[a-z ]{1,6}", 1..4).prop_map(Piece::Thought),
        2 => ("[a-z_]{1,6}", "[a-z]{0,5}").prop_map(|(name, value)| Piece::Call(name, json!({"v": value, "n": [1, {}]}))),
    ];
    let usage = option::of((1..999u64, 1..999u64));
    (vec(part, 1..6), usage, any::<bool>()).prop_map(|(pieces, usage, cut)| events(pieces, usage, cut))
}

#[derive(Debug, Clone)]
enum Piece {
    Text(Vec<String>),
    Thought(Vec<String>),
    Call(String, Value),
}

fn events(pieces: Vec<Piece>, usage: Option<(u64, u64)>, cut: bool) -> Vec<Event> {
    let mut events =
        vec![Event::Started { model: Some("some-model-1".into()), response_id: Some("id-1".into()) }];
    let mut called = false;
    for (at, piece) in pieces.into_iter().enumerate() {
        let part = PartKey(at as u32);
        let (kind, deltas) = match piece {
            Piece::Text(texts) => (PartKind::Text, texts.into_iter().map(Delta::Text).collect()),
            Piece::Thought(texts) => {
                (PartKind::Reasoning { redacted: false }, texts.into_iter().map(Delta::Text).collect())
            }
            Piece::Call(name, arguments) => {
                called = true;
                let whole = arguments.to_string();
                let (one, two) = whole.split_at(3);
                let deltas = [one, two].map(|piece| Delta::Arguments(piece.to_owned())).to_vec();
                (PartKind::ToolCall { id: format!("call_{at}"), name }, deltas)
            }
        };
        events.push(Event::PartStart { part, choice: 0, kind });
        events.extend(deltas.into_iter().map(|delta| Event::PartDelta { part, delta }));
        events.push(Event::PartEnd { part });
    }
    if let Some((input, output)) = usage {
        events.push(Event::Usage(Usage {
            input: Some(input),
            output: Some(output),
            cached_in_input: true,
            reasoning_in_output: true,
            ..Usage::default()
        }));
    }
    let reason = match (cut, called) {
        (true, _) => FinishReason::Length,
        (false, true) => FinishReason::ToolCalls,
        (false, false) => FinishReason::Stop,
    };
    events.push(Event::Finished(Finish::from(reason)));
    events
}
