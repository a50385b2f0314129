//! Any bytes through every framing: no panic, and the same frames in one piece and byte by byte.
//! The first byte picks the framing, the rest is the stream.
#![no_main]
use consort_wire::{Framer, Framing};
use libfuzzer_sys::fuzz_target;

const FRAMINGS: [Framing; 5] =
    [Framing::Sse, Framing::Ndjson, Framing::JsonArray, Framing::EventStream, Framing::Body];

fn frames(framing: Framing, bytes: &[u8], piece: usize) -> (Vec<(String, Vec<u8>, bool)>, bool) {
    let mut framer = Framer::new(framing);
    let mut frames = Vec::new();
    let mut take = |frame: consort_wire::Frame<'_>| {
        frames.push((frame.name.to_owned(), frame.data.to_vec(), frame.is_error));
        Ok(())
    };
    let good = bytes.chunks(piece).try_for_each(|bytes| framer.feed(bytes, &mut take)).is_ok()
        && framer.end(&mut take).is_ok();
    (frames, good)
}

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let framing = FRAMINGS[usize::from(*first) % FRAMINGS.len()];
    assert_eq!(frames(framing, bytes, bytes.len().max(1)), frames(framing, bytes, 1));
});
