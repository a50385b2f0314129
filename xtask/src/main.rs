//! `cargo xtask`: the tasks of this repository.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the terminal")]
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask replay DIR [--provider NAME] [--kind KIND] [--only ID]
    decode every recorded answer in DIR and compare it with what it should mean;
    read and rewrite every recorded request and compare the meaning
cargo xtask fuzz-seeds DIR
    make seeds for the fuzz targets out of the recordings in DIR
cargo xtask dist
    build the web page, and put what crates take from elsewhere in the repository beside them, for `cargo package`
cargo xtask archive DIR
    build the program for release, and pack it with its licences and a checksum into DIR (after `dist`)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["replay", dir, rest @ ..] => replay(dir, rest),
        ["fuzz-seeds", dir] => told(
            xtask::seeds::write(dir.as_ref(), "fuzz/corpus".as_ref())
                .map(|count| format!("{count} seeds below fuzz/corpus\n")),
        ),
        ["dist"] => told(xtask::stage::stage(&root())),
        ["archive", dir] => told(xtask::archive::archive(&root(), dir.as_ref())),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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
