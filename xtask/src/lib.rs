//! The tasks of this repository, as a library, so that tests can call them.
pub mod replay;
pub mod seeds;
