//! Answers: what a wire writes, it reads again; in pieces of any size; and a cut is never success.
use crate::generate;
use crate::requests::cases;
use consort_core::{Accumulator, Error, ErrorKind, Event, Response};
use consort_wire::{Quirks, Reply, ResponseHead, WIRES, Wire};
use proptest::prelude::*;

pub(crate) fn reply() -> Reply {
    Reply { id: "id-1".into(), model: "some-model".into(), created: 1_700_000_000, stream_usage: true }
}

/// The stream that a wire writes for these events.
pub(crate) fn stream_of(wire: &dyn Wire, events: &[Event]) -> (Vec<u8>, ResponseHead) {
    let mut encode = wire.encode(&reply());
    let mut bytes = Vec::new();
    events.iter().for_each(|event| encode.event(event, &mut bytes));
    (bytes, ResponseHead::new(200, [("content-type".into(), encode.content_type().into())]))
}

pub(crate) fn decode(
    wire: &dyn Wire,
    head: &ResponseHead,
    pieces: &[&[u8]],
) -> (Vec<Event>, Result<(), Error>) {
    let mut decoder = wire.decoder(head.clone(), &Quirks::default());
    let mut events = Vec::new();
    let fed = pieces.iter().try_for_each(|piece| decoder.feed(piece, &mut events));
    let result = fed.and_then(|()| decoder.end(&mut events));
    (events, result)
}

fn fold(events: Vec<Event>) -> Response {
    let mut fold = Accumulator::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.partial()
}

/// What every wire carries of an answer.
fn essence(response: &Response) -> String {
    let calls: Vec<String> = response
        .tool_calls()
        .map(|call| format!("{}({})", call.name, call.arguments.value().unwrap_or_default()))
        .collect();
    let usage = response.usage.as_ref().map(|usage| (usage.all_input(), usage.all_output()));
    format!(
        "{:?} {:?} {calls:?} {:?} {usage:?}",
        response.text(),
        response.reasoning(),
        response.finish.reason
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_written_stream_is_read_again(events in generate::answer()) {
        let expected = essence(&fold(events.clone()));
        for wire in WIRES {
            let (bytes, head) = stream_of(*wire, &events);
            let (read, result) = decode(*wire, &head, &[&bytes]);
            let shown = String::from_utf8_lossy(&bytes);
            prop_assert!(result.is_ok(), "{}: {:?} in {}", wire.id(), result, shown);
            prop_assert_eq!(essence(&fold(read)), expected.clone(), "{}: {}", wire.id(), shown);
        }
    }

    #[test]
    fn a_written_body_is_read_again(events in generate::answer()) {
        let response = fold(events);
        let expected = essence(&response);
        for wire in WIRES {
            let body = wire.encode_response(&response, &reply()).to_string();
            let head = ResponseHead::new(200, [("content-type".into(), "application/json".into())]);
            let (read, result) = decode(*wire, &head, &[body.as_bytes()]);
            prop_assert!(result.is_ok(), "{}: {:?} in {}", wire.id(), result, body);
            prop_assert_eq!(essence(&fold(read)), expected.clone(), "{}: {}", wire.id(), body);
        }
    }

    #[test]
    fn a_cut_stream_is_never_success(events in generate::answer(), at in 0.0..1.0f64) {
        for wire in WIRES {
            let (bytes, head) = stream_of(*wire, &events);
            let cut = &bytes[..(bytes.len() as f64 * at) as usize];
            let (read, result) = decode(*wire, &head, &[cut]);
            let finished = read.iter().any(|event| matches!(event, Event::Finished(_)));
            // What follows the end may be cut off: then the answer is whole.
            prop_assert_eq!(finished, result.is_ok(), "{}: {:?}", wire.id(), String::from_utf8_lossy(cut));
            if let Err(error) = result {
                let told = matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Protocol);
                prop_assert!(told, "{}: {:?}", wire.id(), error);
            }
        }
    }

    #[test]
    fn garbage_is_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), status in 200u16..600) {
        for wire in WIRES {
            for kind in ["text/event-stream", "application/json", "application/x-ndjson", "application/vnd.amazon.eventstream", ""] {
                let head = ResponseHead::new(status, [("content-type".into(), kind.into())]);
                let (_, result) = decode(*wire, &head, &[&bytes]);
                prop_assert!(result.is_err(), "{}: {:?}", wire.id(), bytes);
            }
        }
    }
}

#[test]
fn a_stream_means_the_same_at_every_split() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..10 {
        let tree = generate::answer().new_tree(&mut runner).expect("an answer");
        let events = proptest::strategy::ValueTree::current(&tree);
        for wire in WIRES {
            let (bytes, head) = stream_of(*wire, &events);
            let whole = decode(*wire, &head, &[&bytes]);
            for at in 0..bytes.len() {
                let (one, two) = bytes.split_at(at);
                assert_eq!(decode(*wire, &head, &[one, two]), whole, "{} split at {at}", wire.id());
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(decode(*wire, &head, &single), whole, "{} byte by byte", wire.id());
        }
    }
}

#[test]
fn space_before_an_answer_is_nothing_however_it_is_cut() {
    let head = ResponseHead::new(200, [("content-type".into(), "application/json".into())]);
    let bytes = b"\n\n  \n{\"id\":\"x\",\"choices\":[{\"index\" 0}]}";
    for wire in WIRES {
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        // The same error, down to the place that it names.
        assert_eq!(decode(*wire, &head, &[bytes]), decode(*wire, &head, &single), "{}", wire.id());
    }
}
