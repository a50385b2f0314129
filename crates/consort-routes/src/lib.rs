//! Models that survive failure: what is put around a model to make another one.
//!
//! A [`Route`] is a model made of others. It asks its targets in order, again when a failure passes, another when it
//! does not; it keeps to limits and budgets, lets a target that fails rest, may keep answers, and says every try. One
//! engine does all of it, so that layers cannot undo each other: `retry(fallback([a, b]))` and
//! `fallback([retry(a), retry(b)])` both mean what they say, and retries never multiply.
//!
//! The first content is the commit point: before it a failed try leaves nothing behind but its
//! [`Attempt`](consort_core::Attempt); after it nothing is retried, switched or spliced.
//!
//! Time is the context's clock alone, so that tests can hold it still. This crate must never know: a vendor, HTTP, an
//! async runtime, a terminal, a database.
//!
//! ```
//! use consort_core::{Context, Event, EventStream, Model, ModelCard, Request, events_of};
//! use consort_routes::{fallback, retry};
//! use std::sync::Arc;
//! # struct Says(ModelCard);
//! # impl Model for Says {
//! #     fn card(&self) -> &ModelCard { &self.0 }
//! #     fn stream(&self, _: Arc<Request>, _: Context) -> EventStream { events_of(Event::text_answer("Hello.")) }
//! # }
//! # let (a, b) = (Arc::new(Says(ModelCard::new("a", "one"))), Arc::new(Says(ModelCard::new("b", "two"))));
//! let model = retry(fallback([a, b]));
//! let answer = pollster::block_on(model.generate(Request::ask("Hi").into(), Context::default()))?;
//! assert_eq!(answer.text(), "Hello.");
//! assert_eq!(answer.attempts[0].target, "a/one");
//! # Ok::<(), consort_core::Error>(())
//! ```

mod backoff;
mod cache;
mod card;
mod class;
mod config;
mod engine;
mod limit;
mod plan;
mod registry;
mod route;
mod settings;
mod spend;
mod spread;
mod state;
mod target;

pub use card::PROVIDER;
pub use config::{Resolve, RouteProvider, Row, Spec, TargetSpec};
pub use registry::Registry;
pub use route::{Route, fallback, limit, retry};
pub use settings::{Breaker, Budget, Hedge, Keep, Limits, Order, Per, Period, Retry, Timeouts};
pub use spend::{Ledger, MemoryLedger, Spender};
pub use state::Standing;
pub use target::Target;

/// The guide's Rust is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/routes.md")]
struct Guide;

/// The guide for authors of plugins in Rust that put models around models.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/providers-with-wrappers-in-rust.md")]
struct WrappersGuide;
