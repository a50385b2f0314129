//! Runs: one generation owned by the host, with numbered events, that can be watched, left, rejoined and stopped.
mod answering;
mod approvals;
mod ask;
mod calls;
mod drive;
mod handle;
mod inner;
mod journal;
mod prepare;
mod shrink;
mod state;
mod thought;
mod turns;

pub use ask::{Ask, Place};
pub use handle::{Outcome, Run, RunEvents};
pub use state::RunId;
pub use turns::{is_unfinished, open_calls};

pub(crate) use approvals::Said;
pub(crate) use drive::drive;
pub(crate) use journal::Journal;
pub(crate) use state::{RunState, Who};
pub(crate) use turns::Branch;
