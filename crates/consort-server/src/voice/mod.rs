//! The voice socket: a live session for the page, one a conversation.
mod kept;
mod lobby;
mod opening;
mod said;
mod socket;
mod talking;

pub(crate) use lobby::Lobby;
pub(crate) use socket::open;
