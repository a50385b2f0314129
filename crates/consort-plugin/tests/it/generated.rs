//! What the types write fits the protocol's schema, whatever they hold, and means the same when it is read.
use consort_core::{
    Accumulator, Arguments, Body, Delta, Effort, Event, FinishReason, FunctionSpec, Media, Message, Output,
    Part, PartKey, PartKind, Reasoning, Request, Role, Signature, ToolCall, ToolChoice, ToolResult, ToolSpec,
    Usage,
};
use consort_plugin::protocol::{self, EventReader, EventWriter, GenerateParams, Id, WireEvent};
use consort_plugin::testing::Transcript;
use proptest::prelude::*;
use proptest::{collection::vec, option};
use serde_json::json;

const WIRE: &str = "plugin:acme";

fn media() -> impl Strategy<Value = Media> {
    let mime = prop_oneof![
        Just("image/png"),
        Just("audio/wav"),
        Just("video/mp4"),
        Just("application/pdf"),
        Just("text/csv")
    ];
    (mime, vec(any::<u8>(), 0..9), 0..3, option::of("[a-z]{1,5}")).prop_map(|(mime, bytes, source, name)| {
        let mut media = match source {
            0 => Media::bytes(mime, bytes),
            1 => Media::url(mime, "https://acme.example/a"),
            _ => Media::path(mime, "/tmp/a"),
        };
        media.name = name;
        media
    })
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,12}", Just("\"quoted\"\n\u{2028}".to_owned()), Just(String::new())]
}

fn part() -> impl Strategy<Value = Part> {
    let call = (words(), "[a-z]{1,5}", prop_oneof![Just("{\"a\":1}"), Just("{\"a\":"), Just("")]);
    let call = call
        .prop_map(|(id, name, raw)| Body::ToolCall(ToolCall { id, name, arguments: Arguments::new(raw) }));
    let body = prop_oneof![
        words().prop_map(|text| Body::Text { text, citations: Vec::new() }),
        (words(), any::<bool>()).prop_map(|(text, redacted)| Body::Reasoning { text, redacted }),
        words().prop_map(|text| Body::Refusal { text }),
        media().prop_map(Body::Media),
        call,
        (words(), words(), any::<bool>(), option::of(media())).prop_map(
            |(call_id, text, is_error, media)| {
                let mut content = vec![Part::text(text)];
                content.extend(media.map(Part::media));
                Body::ToolResult(ToolResult { call_id, name: "f".into(), content, is_error })
            }
        ),
        Just(Body::Native { wire: WIRE.into(), kind: "search".into(), value: json!({"q": [1]}) }),
    ];
    (body, option::of(words())).prop_map(|(body, signature)| {
        let mut part = Part::from(body);
        // Through the host a state is JSON: a text of its own reads as that text.
        part.signature =
            signature.map(|text| Signature { wire: WIRE.into(), value: json!(text).to_string() });
        part
    })
}

fn request() -> impl Strategy<Value = Request> {
    let role = prop_oneof![Just(Role::System), Just(Role::User), Just(Role::Assistant), Just(Role::Tool)];
    let messages = vec((role, vec(part(), 1..4)).prop_map(|(role, parts)| Message::new(role, parts)), 1..4);
    let choice = prop_oneof![
        Just(ToolChoice::Unset),
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        Just(ToolChoice::Named("f".into()))
    ];
    let output = prop_oneof![
        Just(Output::Text),
        Just(Output::Json),
        Just(Output::Schema {
            name: "a".into(),
            description: None,
            schema: json!({"type": "object"}),
            strict: None
        })
    ];
    let reasoning = (option::of(0..7usize), option::of(0..9u64), option::of(any::<bool>())).prop_map(
        |(effort, budget_tokens, show)| Reasoning {
            effort: effort.map(|n| Effort::ALL[n]),
            budget_tokens,
            show,
        },
    );
    (messages, words(), choice, output, reasoning, option::of(0.0..2.0f64)).prop_map(
        |(messages, system, tool_choice, output, reasoning, temperature)| {
            let mut request = Request::new(messages);
            request.model = "m".into();
            request.instructions =
                Some(system).filter(|text| !text.is_empty()).map(Part::text).into_iter().collect();
            request.tools.push(ToolSpec::Function(FunctionSpec::new("f", "does", json!({"type": "object"}))));
            (request.tool_choice, request.output, request.reasoning) = (tool_choice, output, reasoning);
            request.sampling.temperature = temperature;
            request.options.insert("style".into(), json!("curt"));
            request
        },
    )
}

fn answer() -> impl Strategy<Value = Vec<Event>> {
    let pieces = || vec(words(), 0..4);
    let words_of = |kind: PartKind| {
        pieces().prop_map(move |texts| (kind.clone(), texts.into_iter().map(Delta::Text).collect::<Vec<_>>()))
    };
    let sort = prop_oneof![
        words_of(PartKind::Text),
        words_of(PartKind::Refusal),
        words_of(PartKind::Reasoning { redacted: false }),
        words().prop_map(|id| {
            let kind = PartKind::ToolCall { id: format!("c{id}"), name: "f".into() };
            (kind, vec![Delta::Arguments("{\"a\"".into()), Delta::Arguments(":1}".into())])
        }),
        vec(vec(any::<u8>(), 0..5), 1..3).prop_map(|pieces| {
            let deltas = pieces.into_iter().map(|piece| Delta::Media(piece.into())).collect();
            (PartKind::Media { mime: "image/png".into() }, deltas)
        }),
        Just((PartKind::Native { wire: WIRE.into(), kind: "k".into() }, vec![Delta::Native(json!([1]))])),
    ];
    let usage = option::of((0..99u64).prop_map(|n| Usage { input: Some(n), ..Usage::default() }));
    (vec((sort, vec("[a-z\"{]{1,4}", 0..3)), 0..6), usage).prop_map(|(parts, usage)| {
        let mut events = vec![Event::Started { model: Some("m-2".into()), response_id: None }];
        for (index, ((kind, deltas), signature)) in parts.into_iter().enumerate() {
            let part = PartKey(index as u32);
            events.push(Event::PartStart { part, choice: 0, kind });
            events.extend(deltas.into_iter().map(|delta| Event::PartDelta { part, delta }));
            events.extend(signature.into_iter().map(|value| {
                let delta = Delta::Signature(Signature { wire: WIRE.into(), value });
                Event::PartDelta { part, delta }
            }));
            events.push(Event::PartEnd { part });
        }
        events.extend(usage.map(Event::Usage));
        events.push(Event::Finished(FinishReason::Stop.into()));
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn requests_fit_the_schema_and_are_read_again(request in request()) {
        let (params, _) = GenerateParams::new(&request, WIRE, None);
        let line = protocol::request(&Id::Number(1), "generate", &params);
        Transcript::default().from_host(&line).map_err(TestCaseError::fail)?;
        let read: GenerateParams = serde_json::from_str(&serde_json::to_string(&params).unwrap()).unwrap();
        prop_assert_eq!(&read, &params);
        let again = read.into_request(WIRE).map_err(TestCaseError::fail)?;
        // Nothing that was sent is lost on the way, but for thinking that is nothing without its state.
        let kept = |request: &Request| request.messages.iter().map(|message| message.parts.len()).sum::<usize>();
        let sent: usize = params.messages.iter().map(|message| message.content.len()).sum();
        prop_assert_eq!(kept(&again), sent);
        prop_assert_eq!(again.sampling, request.sampling);
        prop_assert_eq!(again.reasoning, request.reasoning);
    }

    #[test]
    fn events_fit_the_schema_and_mean_the_same(events in answer()) {
        let mut both = Transcript::default();
        both.from_host(&protocol::request(&Id::Number(1), "generate", json!({"model": "m", "messages": []}))).unwrap();
        let (mut writer, mut reader, mut got) = (EventWriter::default(), EventReader::new(WIRE), Vec::new());
        for event in events.clone() {
            if let Event::Finished(finish) = event {
                let result = writer.finish(finish);
                both.from_plugin(&protocol::response(&Id::Number(1), &result)).map_err(TestCaseError::fail)?;
                reader.finish(result, &mut got);
            } else if let Some(event) = writer.write(event) {
                let line = protocol::notification("generate/event", json!({"request": 1, "events": [&event]}));
                both.from_plugin(&line).map_err(TestCaseError::fail)?;
                let text = serde_json::to_string(&event).unwrap();
                reader.read(serde_json::from_str::<WireEvent<'_>>(&text).unwrap(), &mut got);
            }
        }
        let fold = |events: Vec<Event>| {
            let mut fold = Accumulator::default();
            events.into_iter().for_each(|event| fold.push(event));
            let mut answer = fold.finish().unwrap();
            // An empty part says nothing, and is not sent. A host keeps a state as JSON.
            answer.parts.retain(|part| part.signature.is_some() || match &part.body {
                Body::Text { text, .. } | Body::Reasoning { text, .. } | Body::Refusal { text } => !text.is_empty(),
                _ => true,
            });
            answer
        };
        let (mut wanted, got) = (fold(events), fold(got));
        for part in &mut wanted.parts {
            if let Some(signature) = &mut part.signature {
                signature.value = json!(signature.value).to_string();
            }
        }
        prop_assert_eq!(got.parts, wanted.parts);
        prop_assert_eq!(got.usage.and_then(|usage| usage.input), wanted.usage.and_then(|usage| usage.input));
    }
}
