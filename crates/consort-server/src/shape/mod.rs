//! The API's own JSON: what is around core's shapes.
mod conversation;
mod event;
mod turn;

pub(crate) use conversation::{conversation, settings_of};
pub(crate) use event::{call_of, event, turn_of};
pub(crate) use turn::{WIRE, hash, turn};

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}

/// Removes what is absent from an object that was made from options.
fn known(mut value: serde_json::Value) -> serde_json::Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}
