//! What sound and the formats of live vendors promise, with tones, files, recordings and schedules of all kinds.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]
mod bytes;
mod call;
mod cascade;
mod framing;
mod g711;
mod link;
mod quality;
mod record;
mod resample;
mod served;
mod settings;
mod speech;
mod track;
mod voice;
mod voices;
mod wav;
mod wire;

use consort_realtime::audio::Encoding;

/// Every way in which samples are written.
const ALL: [Encoding; 8] = [
    Encoding::U8,
    Encoding::S16,
    Encoding::S24,
    Encoding::S32,
    Encoding::F32,
    Encoding::F64,
    Encoding::Mulaw,
    Encoding::Alaw,
];
