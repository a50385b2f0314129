//! The tasks of this repository, as a library, so that tests can call them.
pub mod archive;
pub mod licences;
pub mod replay;
pub mod seeds;
pub mod stage;
