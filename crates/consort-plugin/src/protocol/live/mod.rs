//! Live sessions: how they are opened, what goes in, what comes out, for both sides.
mod event;
mod event_reader;
mod input;
mod open;
mod sound;

pub use event::LiveEvent;
pub use event_reader::LiveEventReader;
pub use input::LiveInput;
pub use open::LiveOpenParams;
pub use sound::sound;

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The result of `realtime/open`, and the parameters of `realtime/close`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSession {
    pub session: String,
}

/// The parameters of `realtime/input`. What one side reads it reads one by one: one that is wrong spoils no other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveInputs<I = serde_json::Value> {
    pub session: String,
    pub inputs: Vec<I>,
}

/// The parameters of `realtime/event`, read one by one too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LiveEvents<'a, E> {
    #[serde(borrow)]
    pub session: Cow<'a, str>,
    pub events: Vec<E>,
}

/// Longer sound than this goes in several pieces: a line has its limit, and nobody wants to wait for one.
pub const MOST_SOUND: std::time::Duration = std::time::Duration::from_millis(500);
