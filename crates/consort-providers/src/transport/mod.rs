//! The transport: one call path from a wire's request to the bytes of the answer.
mod body;
mod endpoint;
mod events;
mod failure;
mod hints;
mod http;
mod local;
mod mask;
mod media;
mod proxy;
mod services;
mod socket;
mod watch;

pub(crate) use body::{Answer, Body};
pub(crate) use endpoint::{Endpoint, Outgoing};
pub(crate) use events::{Opening, events};
pub(crate) use failure::fetch;
pub use http::Http;
pub(crate) use local::find_local;
pub(crate) use mask::Mask;
pub(crate) use media::load_media;
pub(crate) use services::Services;
pub use socket::{Arrived, Socket};
pub use watch::Watch;
