//! One test binary: the crate seen from outside.
mod found;
