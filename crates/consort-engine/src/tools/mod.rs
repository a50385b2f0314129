//! Tools that a run offers, and how they are run.
mod arguments;
mod call;
mod function;
mod repeats;
mod runner;
mod set;

pub use function::function;
pub use set::{Approval, ToolLimits, Tools};

pub(crate) use function::schema_of;
pub(crate) use runner::{Outcome, Runner};
