//! What a model is sent of a conversation: a view that is computed from the log, which stays as it is.
mod count;
mod exchange;
mod messages;
pub(crate) mod summary;
mod view;
mod windows;

pub use view::{Budget, View, ViewReport, view};

pub(crate) use count::Counter;
pub use count::Counts;
pub(crate) use messages::{go_on, is_sent};
pub(crate) use windows::Windows;

/// What is kept for the answer where nobody says how long it may be.
pub(crate) const ANSWER: u64 = 4096;
