//! Tests of the store: the suite for every backend, and what only one of them must bear.
mod suites;
