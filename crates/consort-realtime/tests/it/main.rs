//! What sound and the formats of live vendors promise, with tones, files, recordings and schedules of all kinds.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]
mod bytes;
mod framing;
mod g711;
mod quality;
mod resample;
mod speech;
mod track;
mod voice;
mod wav;
mod wire;
