//! Tests of this program, run again in processes of their own.
use std::path::Path;
use std::process::Command;

/// A command that runs one test, an ignored one, on this database.
pub(crate) fn child(test: &str, database: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("STORE_UNDER_TEST", database);
    command
}
