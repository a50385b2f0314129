//! A server for tests: raw HTTP/1.1 on a loopback socket, so that its faults are exact to the byte.
//!
//! A test queues [`Reply`]s; each request takes the next one, and what was asked is kept for the test to look
//! at. The last reply stays, so that a server with one reply always gives it.
//!
//! This crate must never know: what a vendor's answer means. It plays bytes.
mod reply;
mod server;

pub use reply::Reply;
pub use server::{Asked, FakeServer};
