//! The library as its users meet it: assistants on scripted models, and on real wires at a fake server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]
mod failing;
mod instructions;
mod lifecycle;
mod memory;
mod native;
mod saying;
#[cfg(feature = "voice")]
mod talking;
