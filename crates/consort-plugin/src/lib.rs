//! Language model plugins in Rust.
//!
//! A plugin implements the contract of [`consort_core`] and calls [`serve`]: the crate speaks the plugin protocol
//! over stdin and stdout. [`protocol`] holds the protocol's types, for both of its sides.
//!
//! ```no_run
//! use consort_core::{Context, EventStream, FinishReason, Model, ModelCard, Request};
//! use consort_plugin::{Plugin, answer};
//! use std::sync::Arc;
//!
//! /// A model that says back what it was told.
//! struct Parrot(ModelCard);
//!
//! impl Model for Parrot {
//!     fn card(&self) -> &ModelCard {
//!         &self.0
//!     }
//!     fn stream(&self, request: Arc<Request>, _context: Context) -> EventStream {
//!         answer(|mut say| async move {
//!             for word in request.last_user_text().split_inclusive(' ') {
//!                 say.text(word).await;
//!             }
//!             Ok(FinishReason::Stop.into())
//!         })
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Plugin::new("Zoo").model(Parrot(ModelCard::new("zoo", "parrot"))).serve()
//! }
//! ```
//!
//! The same type compiles into a host of one's own, because it is nothing but a model or a provider:
//!
//! ```
//! # use consort_core::{Context, EventStream, Host, Model, ModelCard, Request};
//! # use std::sync::Arc;
//! # struct Parrot(ModelCard);
//! # impl Model for Parrot {
//! #     fn card(&self) -> &ModelCard { &self.0 }
//! #     fn stream(&self, request: Arc<Request>, _: Context) -> EventStream {
//! #         consort_plugin::answer(|mut say| async move {
//! #             say.text(&request.last_user_text()).await;
//! #             Ok(consort_core::FinishReason::Stop.into())
//! #         })
//! #     }
//! # }
//! # pollster::block_on(async {
//! let host = Host::new().model(Parrot(ModelCard::new("zoo", "parrot")));
//! let parrot = host.find("parrot").await?;
//! let answer = parrot.generate(Request::ask("Hello!").into(), Context::default()).await?;
//! assert_eq!(answer.text(), "Hello!");
//! # Ok::<(), consort_core::Error>(()) }).unwrap();
//! ```
//!
//! This crate must never know: how plugins are found, started or supervised.
pub mod protocol;

mod answer;
mod keys;
mod link;
mod plugin;
mod server;
mod stdio;
#[cfg(feature = "testing")]
pub mod testing;

pub use answer::{Say, answer};
pub use link::{HttpBody, HttpResponse, Link};
pub use plugin::{Plugin, Start};
pub use protocol::HttpRequest;
pub use stdio::{serve, serve_on};

/// The guide for authors: its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/plugins-in-rust.md")]
struct RustGuide;
