//! What a model is sent of a conversation: a view that is computed from the log, which stays as it is.
mod count;
mod exchange;
mod messages;
pub(crate) mod summary;
mod view;

pub use view::{Budget, View, ViewReport, view};

pub(crate) use count::Counter;
pub use count::Counts;
