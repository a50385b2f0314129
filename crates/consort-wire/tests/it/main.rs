//! The properties that every wire keeps.
mod answers;
mod generate;
mod recorded;
mod requests;
