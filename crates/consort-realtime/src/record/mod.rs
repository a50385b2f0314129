//! Live sessions as they went over the network: recorded, and played again by a server of our own, with faults.
//!
//! A [`Recorder`] keeps the frames of both sides of hosted live models, a line of JSON each, with the time that each came
//! at. A [`Replay`] plays the server's side of a [`Recording`] to whatever client connects, this program or a vendor's own
//! library, and needs no key and no network.
mod fault;
mod frames;
mod play;
mod recorder;
mod replay;

pub use fault::Fault;
pub use frames::{Frame, Recording, What};
pub(crate) use recorder::Recorded;
pub use recorder::Recorder;
pub use replay::{Replay, Told};
