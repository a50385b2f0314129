//! Live models over a network: a format, a connection, and the loop that holds both together.
//!
//! ```text
//!  RealtimeSession ◄──► hold (drive.rs) ◄──► LiveWire      what is said and told
//!                          │
//!                          ├──► Line ──► Channel           a connection now: a WebSocket
//!                          ├──► Connect                    how another is made
//!                          ├──► Inputs                     what is said, and waits while there is no connection
//!                          └──► Memory                     what was said so far, as it was heard, and not answered
//! ```
//!
//! A [`WireModel`] is a live model made of a [`LiveWire`](crate::wire::LiveWire) and of a [`Connect`]. A connection that is
//! lost, or that its server is about to end, is made anew, and the session goes on with what was said so far; what is said
//! meanwhile waits for it. Whatever carries text frames is a [`Channel`].
//!
//! [`LiveProvider`] makes live models of what the files of hosted APIs say.
mod again;
mod channel;
mod drive;
mod heard;
mod hosted;
mod inputs;
mod line;
mod lost;
mod memory;
mod model;
mod provider;
mod said;
mod soon;
mod spoken;

pub use channel::{Channel, Connect};
pub use consort_providers::Arrived;
pub use hosted::of_hosted;
pub use model::WireModel;
pub use provider::LiveProvider;
