//! Routes as settings: `[routes.NAME]` in consort.toml.
mod load;
mod provider;
mod read;

pub use provider::{Resolve, RouteProvider, Row};
pub use read::{Spec, TargetSpec};
