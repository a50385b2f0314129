//! The fold: parts that interleave, several choices, pieces that are put together, and an end that did not come.
use bytes::Bytes;
use consort_core::{
    Accumulator, ChoiceFinish, Citation, Delta, ErrorKind, Event, Finish, FinishReason, MediaSource, PartKey,
    PartKind, Response, Signature, Usage, Warning,
};
use serde_json::json;

fn start(part: u32, choice: u32, kind: PartKind) -> Event {
    Event::PartStart { part: PartKey(part), choice, kind }
}

fn piece(part: u32, delta: Delta) -> Event {
    Event::PartDelta { part: PartKey(part), delta }
}

fn text(part: u32, text: &str) -> Event {
    piece(part, Delta::Text(text.into()))
}

fn call(id: &str) -> PartKind {
    PartKind::ToolCall { id: id.into(), name: "look".into() }
}

fn fold(events: impl IntoIterator<Item = Event>) -> Accumulator {
    let mut fold = Accumulator::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold
}

fn answer(events: Vec<Event>) -> Response {
    let end = Event::Finished(FinishReason::Stop.into());
    fold(events.into_iter().chain([end])).finish().expect("a whole answer")
}

#[test]
fn parts_that_interleave_stay_apart_and_in_order() {
    let response = answer(vec![
        start(7, 0, call("one")),
        start(3, 0, call("two")),
        piece(3, Delta::Arguments("{\"b\"".into())),
        piece(7, Delta::Arguments("{\"a\":".into())),
        piece(3, Delta::Arguments(":2}".into())),
        piece(7, Delta::Arguments("1}".into())),
        Event::PartEnd { part: PartKey(3) },
        Event::PartEnd { part: PartKey(7) },
        text(99, "for a part that never began"),
    ]);
    let calls: Vec<_> =
        response.tool_calls().map(|call| (call.id.as_str(), call.arguments.value().unwrap())).collect();
    assert_eq!(calls, [("one", json!({"a": 1})), ("two", json!({"b": 2}))]);
    assert_eq!(response.text(), "");
}

#[test]
fn other_choices_are_told_apart_by_their_number() {
    let other = |choice, reason| ChoiceFinish { choice, reason, vendor_reason: None };
    let finish = Finish {
        others: vec![other(2, FinishReason::Length), other(1, FinishReason::Stop)],
        ..FinishReason::Stop.into()
    };
    let response = fold([
        start(0, 2, PartKind::Text),
        start(1, 0, PartKind::Text),
        start(2, 3, PartKind::Text),
        text(0, "third"),
        text(1, "first"),
        text(2, "a choice whose end was not told"),
        Event::Finished(finish),
    ])
    .finish()
    .expect("a whole answer");
    let others: Vec<_> =
        response.others.iter().map(|other| (other.index, other.text(), other.reason)).collect();
    assert_eq!(response.text(), "first");
    assert_eq!(
        others,
        [
            (1, String::new(), FinishReason::Stop),
            (2, "third".into(), FinishReason::Length),
            (3, "a choice whose end was not told".into(), FinishReason::Other),
        ]
    );
}

#[test]
fn pieces_of_every_kind_come_together() {
    let sign = |value: &str| Delta::Signature(Signature { wire: "w".into(), value: value.into() });
    let cite =
        Delta::Citation(Box::new(Citation { url: Some("https://a.example".into()), ..Citation::default() }));
    let vendor = |key: &str| Delta::Vendor {
        wire: "w".into(),
        data: [(key.to_owned(), json!(1))].into_iter().collect(),
    };
    let response = answer(vec![
        Event::Started { model: Some("m-1".into()), response_id: None },
        Event::Started { model: None, response_id: Some("r".into()) },
        start(0, 0, PartKind::Reasoning { redacted: false }),
        text(0, "hm"),
        piece(0, sign("ab")),
        piece(0, sign("cd")),
        start(1, 0, PartKind::Text),
        text(1, "yes"),
        piece(1, cite),
        piece(1, vendor("x")),
        piece(1, vendor("y")),
        start(2, 0, PartKind::Media { mime: "image/png".into() }),
        piece(2, Delta::Media(Bytes::from_static(b"ab"))),
        piece(2, Delta::Media(Bytes::from_static(b"c"))),
        start(3, 0, PartKind::Media { mime: "image/png".into() }),
        piece(3, Delta::Url("https://b.example".into())),
        start(4, 0, PartKind::Refusal),
        text(4, "no"),
        start(5, 0, PartKind::Native { wire: "w".into(), kind: "k".into() }),
        piece(5, Delta::Native(json!(1))),
        piece(5, Delta::Native(json!(2))),
        Event::Warning(Warning::new("vendor", "careful")),
        Event::Native { value: json!("raw") },
    ]);
    assert_eq!(
        (response.resolved_model.as_deref(), response.response_id.as_deref()),
        (Some("m-1"), Some("r"))
    );
    assert_eq!(
        (response.reasoning(), response.text(), response.refusal()),
        ("hm".into(), "yes".into(), Some("no".into()))
    );
    assert_eq!(response.parts[0].signature_for("w"), Some("abcd"));
    assert_eq!(response.parts[0].signature_for("another"), None);
    assert_eq!(response.parts[1].vendor.of("w").map(serde_json::Map::len), Some(2));
    let media: Vec<_> = response.media().map(|media| media.source.clone()).collect();
    let expected =
        [MediaSource::Bytes(Bytes::from_static(b"abc")), MediaSource::Url("https://b.example".into())];
    assert_eq!(media, expected);
    assert_eq!((response.warnings.len(), response.native.len()), (1, 1));
    let read: Response = serde_json::from_value(serde_json::to_value(&response).unwrap()).unwrap();
    assert_eq!(read, response);
}

#[test]
fn an_answer_without_an_end_is_an_error_and_keeps_what_came() {
    let events = || [start(0, 0, PartKind::Text), text(0, "half")];
    assert_eq!(fold(events()).finish().map_err(|error| error.kind()), Err(ErrorKind::Interrupted));
    assert_eq!(fold(events()).partial().text(), "half");
}

#[test]
fn usage_that_is_told_again_replaces_only_what_it_tells() {
    let first = Usage { input: Some(5), output: Some(1), cached: Some(2), ..Usage::default() };
    let second = Usage { output: Some(9), cached_in_input: true, ..Usage::default() };
    let usage = answer(vec![Event::Usage(first), Event::Usage(second)]).usage.expect("usage");
    assert_eq!(
        (usage.input, usage.output, usage.cached, usage.cached_in_input),
        (Some(5), Some(9), Some(2), true)
    );
}

#[test]
fn what_the_user_could_notice_is_content() {
    for (event, content) in [
        (Event::Started { model: None, response_id: None }, false),
        (start(0, 0, PartKind::Text), false),
        (start(0, 0, call("id")), true),
        (text(0, ""), false),
        (text(0, "a"), true),
        (piece(0, Delta::Url("https://a.example/image.png".into())), true),
        (piece(0, Delta::Media(Bytes::from_static(b"a"))), true),
        (piece(0, Delta::Signature(Signature { wire: "w".into(), value: "v".into() })), false),
        (Event::Usage(Usage::default()), false),
    ] {
        assert_eq!(event.is_content(), content, "{event:?}");
    }
}
