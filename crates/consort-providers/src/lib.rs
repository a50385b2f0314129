//! Hosted models: the transport, the catalogue of vendors, and the built-in `demo`.
//!
//! A hosted API is data: a file in `providers/`, or one of the user's own, names a wire, an address and a key,
//! and [`Catalogue`] makes a [`Provider`](consort_core::Provider) of it. A call is encoded by its wire, shown
//! the key, sent, and decoded as it comes; one function does this for the uniform call
//! ([`HostedModel`]) and for a vendor's own call by its own name ([`OpenAi`], [`Anthropic`], ...).
//!
//! This crate must never know: a conversation, a plugin, a terminal, how to retry. It names no vendor in Rust
//! but where a vendor's credentials (AWS, Google) or its own calls are made.
mod aside;
mod audio;
mod auth;
mod catalogue;
mod clock;
mod demo;
mod embedder;
mod keychain;
mod live;
mod model;
mod native;
mod provider;
mod spec;
mod tokens;
mod transport;
mod webhook;

pub use audio::{AudioAnswer, HostedAudio};
pub use catalogue::Catalogue;
pub use clock::TokioClock;
pub use demo::DemoProvider;
pub use embedder::HostedEmbedder;
pub use keychain::KeyChain;
pub use live::HostedLive;
pub use model::HostedModel;
pub use native::{Anthropic, Bedrock, Gemini, JsonStream, Ollama, OpenAi, native_request};
pub use provider::HostedProvider;
pub use spec::{Auth, LIVE_WIRES, Live, Local, ModelSpec, PriceSpec, ProviderSpec, Timers};
pub use transport::{Arrived, Http, Socket, Watch};
pub use webhook::Webhook;
