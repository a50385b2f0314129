//! Reading events: what they become, and that what is written is read again.
use super::super::EventWriter;
use super::*;
use consort_core::{Accumulator, Response, Usage};

fn read(lines: &[&str], result: &str) -> Response {
    let mut reader = EventReader::new("plugin:acme");
    let mut out = Vec::new();
    for line in lines {
        reader.read(serde_json::from_str(line).unwrap(), &mut out);
    }
    reader.finish(serde_json::from_str(result).unwrap(), &mut out);
    let mut fold = Accumulator::default();
    out.into_iter().for_each(|event| fold.push(event));
    fold.finish().unwrap()
}

#[test]
fn events_become_parts() {
    let answer = read(
        &[
            r#"{"type":"model","id":"large-2"}"#,
            r#"{"type":"reasoning","text":"hm","opaque":{"s":1}}"#,
            r#"{"type":"text","text":"It "}"#,
            r#"{"type":"text","text":"is"}"#,
            r#"{"type":"text","text":"!","part":"new"}"#,
            r#"{"type":"tool_call_delta","index":0,"id":"a","name":"f","arguments":"{\"x\""}"#,
            r#"{"type":"tool_call_delta","index":1,"id":"b","name":"g","arguments":"{}"}"#,
            r#"{"type":"tool_call_delta","index":0,"arguments":":1}"}"#,
            r#"{"type":"tool_call","name":"h","arguments":{"y":2}}"#,
            r#"{"type":"unheard-of"}"#,
            r#"{"type":"usage","inputTokens":3}"#,
        ],
        r#"{"usage":{"outputTokens":9}}"#,
    );
    assert_eq!(answer.resolved_model.as_deref(), Some("large-2"));
    assert_eq!((answer.text().as_str(), answer.reasoning().as_str()), ("It is!", "hm"));
    assert_eq!(answer.parts.len(), 6);
    assert_eq!(answer.parts[0].signature_for("plugin:acme"), Some(r#"{"s":1}"#));
    let calls: Vec<String> =
        answer.tool_calls().map(|call| format!("{} {}", call.name, call.arguments.raw())).collect();
    assert_eq!(calls, [r#"f {"x":1}"#, "g {}", r#"h {"y":2}"#]);
    assert_eq!(answer.finish.reason, FinishReason::ToolCalls);
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output), (Some(3), Some(9)));
}

/// As the worker for Python relies on it: also what grows is there where an answer is cut.
#[test]
fn what_several_events_of_a_part_carry_comes_back_in_one_text() {
    let answer = read(
        &[
            r#"{"type":"text","text":"a","opaque":{"s":1}}"#,
            r#"{"type":"text","text":"","opaque":"two"}"#,
            r#"{"type":"tool_call_delta","index":0,"id":"c","name":"f","arguments":"{}","opaque":"x"}"#,
            r#"{"type":"tool_call_delta","index":0,"opaque":"y"}"#,
            r#"{"type":"tool_call","id":"d","name":"f","arguments":{},"opaque":"z"}"#,
        ],
        "{}",
    );
    let back = |part| Content::for_plugin(part, "plugin:acme").unwrap().opaque.unwrap();
    let back: Vec<Value> = answer.parts.iter().map(back).collect();
    assert_eq!(back, [r#"{"s":1}"two""#, r#""x""y""#, "z"]);
}

#[test]
fn an_answer_may_come_whole() {
    let answer = read(
        &[],
        r#"{"finishReason":"length","content":[{"type":"text","text":"Hi"},
        {"type":"image","mime":"image/png","data":"AAEC"},{"type":"tool_result","id":"x"}]}"#,
    );
    assert_eq!((answer.text().as_str(), answer.media().count()), ("Hi", 1));
    assert_eq!((answer.finish.reason, answer.warnings.len()), (FinishReason::Length, 1));
}

#[test]
fn what_is_written_is_read_again() {
    let events = |answer: &[(&PartKind, &[Delta])]| {
        let mut all = vec![Event::Started { model: Some("m".into()), response_id: None }];
        for (index, (kind, deltas)) in answer.iter().enumerate() {
            let part = PartKey(index as u32);
            all.push(Event::PartStart { part, choice: 0, kind: (*kind).clone() });
            all.extend(deltas.iter().map(|delta| Event::PartDelta { part, delta: delta.clone() }));
            all.push(Event::PartEnd { part });
        }
        all.push(Event::Usage(Usage { input: Some(3), ..Usage::default() }));
        all.push(Event::Finished(FinishReason::ToolCalls.into()));
        all
    };
    let call = PartKind::ToolCall { id: "c".into(), name: "f".into() };
    let media = PartKind::Media { mime: "image/png".into() };
    let sent = events(&[
        (&PartKind::Reasoning { redacted: false }, &[Delta::Text("hm".into())]),
        (&PartKind::Text, &[Delta::Text("one".into())]),
        (&PartKind::Text, &[Delta::Text("two".into()), Delta::Text("three".into())]),
        (&call, &[Delta::Arguments("{\"a\":".into()), Delta::Arguments("1}".into())]),
        (&media, &[Delta::Media(vec![1u8, 2].into())]),
    ]);
    let mut fold = Accumulator::default();
    sent.iter().cloned().for_each(|event| fold.push(event));
    let wanted = fold.finish().unwrap();

    let (mut writer, mut reader) = (EventWriter::default(), EventReader::new("w"));
    let mut got = Vec::new();
    for event in sent {
        if let Event::Finished(finish) = &event {
            reader.finish(writer.finish(finish.clone()), &mut got);
        } else if let Some(event) = writer.write(event) {
            let text = serde_json::to_string(&event).unwrap();
            reader.read(serde_json::from_str(&text).unwrap(), &mut got);
        }
    }
    let mut fold = Accumulator::default();
    got.into_iter().for_each(|event| fold.push(event));
    let got = fold.finish().unwrap();
    assert_eq!(
        (got.parts, got.resolved_model, got.finish.reason),
        (wanted.parts, wanted.resolved_model, wanted.finish.reason)
    );
    assert_eq!(got.usage.unwrap().input, Some(3));
}
