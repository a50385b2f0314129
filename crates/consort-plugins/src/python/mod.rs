//! What Python plugins run on: an interpreter, the worker that speaks for them, environments of their own.
mod interpreter;
mod tool;
mod venv;
mod version;
mod worker;

pub use interpreter::Interpreter;
pub(crate) use interpreter::{mark, on_path};
pub use venv::{Installed, Venv};
pub(crate) use version::fits;
pub(crate) use worker::{place_worker, version as worker_version};
