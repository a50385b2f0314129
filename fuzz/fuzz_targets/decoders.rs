//! Any bytes through every decoder: no panic, a right order of events, and the same in one piece and in small ones.
//! The first byte picks the wire, the second the content type, the rest is the body.
#![no_main]
use consort_core::{Accumulator, Event};
use consort_wire::{Quirks, ResponseHead, WIRES};
use libfuzzer_sys::fuzz_target;

const KINDS: [&str; 5] =
    ["text/event-stream", "application/json", "application/x-ndjson", "application/vnd.amazon.eventstream", ""];

fuzz_target!(|data: &[u8]| {
    let [wire, kind, bytes @ ..] = data else { return };
    let wire = WIRES[usize::from(*wire) % WIRES.len()];
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let decode = |piece: usize| {
        let head = ResponseHead::new(200, [("content-type".to_owned(), kind.to_owned())]);
        let mut decoder = wire.decoder(head, &Quirks::default());
        let mut events = Vec::new();
        let fed = bytes.chunks(piece).try_for_each(|bytes| decoder.feed(bytes, &mut events));
        let result = fed.and_then(|()| decoder.end(&mut events));
        (events, result)
    };
    let (events, result) = decode(bytes.len().max(1));
    assert_eq!((&events, &result), (&decode(3).0, &decode(3).1));
    let ends = events.iter().filter(|event| matches!(event, Event::Finished(_))).count();
    assert_eq!(ends, usize::from(result.is_ok()), "success is exactly one end");
    let mut fold = Accumulator::default();
    events.into_iter().for_each(|event| fold.push(event));
    let _ = fold.partial();
});
