//! Where models come from: so far the built-in `demo` provider.
mod demo;

pub use demo::DemoProvider;
