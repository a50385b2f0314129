//! Any bytes as a client's request: no panic, and what is read can be written for every wire.
//! The first byte picks the wire, the rest is the body.
#![no_main]
use consort_wire::{Quirks, WIRES, WireRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let wire = WIRES[usize::from(*first) % WIRES.len()];
    let request = WireRequest {
        method: "POST",
        path: "models/some-model:generateContent".to_owned(),
        headers: Vec::new(),
        body: body.to_vec().into(),
    };
    let Ok(request) = wire.decode_request(&request) else { return };
    for to in WIRES {
        let _ = to.encode_request(&request, &Quirks::default());
    }
});
