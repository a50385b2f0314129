//! The library that people depend on: the contract, and a host that runs.
//!
//! [`Host`] is the program `consort` with providers of your own in it. Whatever implements the contract can be added:
//! the same type that is served as a plugin by `consort-plugin` compiles into a program of your own.
//!
//! ```no_run
//! use consort::{Context, Event, EventStream, Host, Model, ModelCard, Request};
//! use std::process::ExitCode;
//! use std::sync::Arc;
//!
//! struct Parrot(ModelCard);
//!
//! impl Model for Parrot {
//!     fn card(&self) -> &ModelCard {
//!         &self.0
//!     }
//!     fn stream(&self, request: Arc<Request>, _context: Context) -> EventStream {
//!         consort::events_of(Event::text_answer(&request.last_user_text()))
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     Host::new().model(Parrot(ModelCard::new("zoo", "parrot"))).run()
//! }
//! ```
//!
//! This crate must never know: how anything is done. It names what the other crates do.
pub use consort_core::*;
pub use consort_routes as routes;

mod host;

pub use host::Host;
