//! The program `consort`: a host of what is built in, and nothing more.
use std::process::ExitCode;

fn main() -> ExitCode {
    consort::Host::new().run()
}
