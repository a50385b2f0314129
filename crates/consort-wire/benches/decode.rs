//! How many stream events a second each wire decodes on one core. `cargo bench -p consort-wire`.
#![allow(clippy::expect_used, reason = "a benchmark stops where a test would fail")]
use consort_core::Event;
use consort_wire::{Quirks, ResponseHead, WIRES, Wire};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use serde::de::IgnoredAny;

const CHUNKS: usize = 100_000;
/// What a read from a socket gives at most.
const PIECE: usize = 16 * 1024;

fn main() {
    divan::main();
}

/// A long answer of small words, as this wire streams it.
fn stream(wire: &dyn Wire) -> (Vec<u8>, ResponseHead) {
    use consort_core::{Delta, FinishReason, PartKey, PartKind};
    let part = PartKey(0);
    let mut encode =
        wire.encode(&consort_wire::Reply { id: "chatcmpl-9e97f9ca96264ef8".into(), ..Default::default() });
    let mut bytes = Vec::new();
    encode.event(
        &Event::Started { model: Some("some-model-2026-01-01".into()), response_id: None },
        &mut bytes,
    );
    encode.event(&Event::PartStart { part, choice: 0, kind: PartKind::Text }, &mut bytes);
    for _ in 0..CHUNKS {
        encode.event(&Event::PartDelta { part, delta: Delta::Text(" word".into()) }, &mut bytes);
    }
    encode.event(&Event::PartEnd { part }, &mut bytes);
    encode.event(&Event::Finished(FinishReason::Stop.into()), &mut bytes);
    (bytes, ResponseHead::new(200, [("content-type".into(), encode.content_type().into())]))
}

/// Chunks as OpenAI itself sends them, padding and all.
fn recorded_like() -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..CHUNKS {
        bytes.extend_from_slice(
            br#"data: {"id":"chatcmpl-DIgTJ1ouCm4Yvi5ScFjr91QgkVY20","object":"chat.completion.chunk","created":1773345537,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_efad92c60b","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"kAj8z1"}"#,
        );
        bytes.extend_from_slice(b"\n\n");
    }
    bytes.extend_from_slice(b"data: {\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    bytes
}

fn decode(wire: &dyn Wire, head: &ResponseHead, bytes: &[u8]) -> usize {
    let mut decoder = wire.decoder(head.clone(), &Quirks::default());
    let mut events = Vec::new();
    let mut count = 0;
    for piece in bytes.chunks(PIECE) {
        decoder.feed(piece, &mut events).expect("a good stream");
        count += events.len();
        events.clear();
    }
    decoder.end(&mut events).expect("a whole stream");
    count + events.len()
}

#[divan::bench]
fn openai_chat_as_recorded(bencher: Bencher<'_, '_>) {
    let wire = consort_wire::wire("openai-chat").expect("the wire");
    let bytes = recorded_like();
    let head = ResponseHead::new(200, [("content-type".into(), "text/event-stream".into())]);
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| decode(wire, &head, &bytes));
}

#[divan::bench(args = WIRES.iter().map(|wire| wire.id()))]
fn every_wire(bencher: Bencher<'_, '_>, id: &str) {
    let wire = consort_wire::wire(id).expect("a wire");
    let (bytes, head) = stream(wire);
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| decode(wire, &head, &bytes));
}

/// The floor: only finding lines and checking that they are JSON.
#[divan::bench]
fn floor_json_alone(bencher: Bencher<'_, '_>) {
    let bytes = recorded_like();
    bencher.counter(ItemsCount::new(CHUNKS)).bench(|| {
        bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| line.strip_prefix(b"data: "))
            .filter(|data| serde_json::from_slice::<IgnoredAny>(data).is_ok())
            .count()
    });
}
