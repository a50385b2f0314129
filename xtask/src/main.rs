//! `cargo xtask`: the tasks of this repository.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the terminal")]
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask replay DIR [--provider NAME] [--kind KIND] [--only ID]
    decode every recorded answer in DIR and compare it with what it should mean;
    read and rewrite every recorded request and compare the meaning";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["replay", dir, rest @ ..] = words.as_slice() {
        replay(dir, rest)
    } else {
        eprintln!("{USAGE}");
        ExitCode::from(2)
    }
}

fn replay(dir: &str, rest: &[&str]) -> ExitCode {
    let flag = |name: &str| {
        let at = rest.iter().position(|word| *word == name)?;
        rest.get(at + 1).map(|value| (*value).to_owned())
    };
    let filter =
        xtask::replay::Filter { provider: flag("--provider"), kind: flag("--kind"), only: flag("--only") };
    match xtask::replay::run(dir.as_ref(), &filter) {
        Ok(report) => {
            print!("{report}");
            if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
