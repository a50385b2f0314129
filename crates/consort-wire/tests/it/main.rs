//! The properties that every wire keeps.
mod answers;
mod generate;
mod matrix;
mod recorded;
mod requests;
