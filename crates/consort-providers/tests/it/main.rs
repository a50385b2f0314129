//! End to end over real sockets: a fake server plays answers and faults.
mod auth;
mod catalogue;
mod faults;
mod native;
mod support;
mod transport;
