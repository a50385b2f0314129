//! Routes as settings: `[routes.NAME]` in consort.toml.
mod load;
mod provider;
mod read;
mod reader;

pub use provider::{Resolve, RouteProvider, Row};
pub use read::{Spec, TargetSpec};
