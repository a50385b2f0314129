//! Servers for tests: raw HTTP/1.1 on loopback sockets, so that their faults are exact to the byte.
//!
//! A test queues [`Reply`]s; each request takes the next one, and what was asked is kept for the test to look
//! at. The last reply stays, so that a server with one reply always gives it. [`FakeServer`] stands for one
//! vendor at an address of its own; [`TlsProxy`] stands for every host there is, behind a proxy and with
//! certificates, so that nothing in the program need be pointed elsewhere.
//!
//! Above the wires there is no need of bytes: [`Scripted`] is a model that plays a script.
//!
//! This crate must never know: what a vendor's answer means. It plays bytes.
mod authority;
mod connection;
mod proxy;
mod reply;
mod scripted;
mod server;
mod socket;

pub use authority::certificate;
pub use connection::Asked;
pub use proxy::TlsProxy;
pub use reply::Reply;
pub use scripted::{Scripted, Step};
pub use server::FakeServer;
pub use socket::Act;

/// An RSA key in PEM form, as a service account has one. It was made for tests and is used for nothing else.
pub const RSA_KEY: &str = include_str!("rsa-key.pem");
