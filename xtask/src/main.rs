//! `cargo xtask`: the tasks of this repository.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the terminal")]
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask replay DIR [--provider NAME] [--kind KIND] [--only ID]
    decode every recorded answer in DIR and compare it with what it should mean;
    read and rewrite every recorded request and compare the meaning
cargo xtask fuzz-seeds DIR
    make seeds for the fuzz targets out of the recordings in DIR";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["replay", dir, rest @ ..] => replay(dir, rest),
        ["fuzz-seeds", dir] => told(
            xtask::seeds::write(dir.as_ref(), "fuzz/corpus".as_ref())
                .map(|count| format!("{count} seeds below fuzz/corpus\n")),
        ),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn told(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
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
