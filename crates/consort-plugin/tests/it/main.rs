//! The plugin kit from outside: served over pipes, judged by the protocol's schema, and its examples as they are.
mod check;
mod examples;
mod generated;
mod reference;
mod serve;
mod support;
