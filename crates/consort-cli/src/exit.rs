//! How a command ends: exit codes, and the error as people and programs see it.
use crate::terminal::{Style, tamed};
use consort_core::{Error, ErrorKind};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{self, Write};

pub(crate) const OK: u8 = 0;
pub(crate) const USAGE: u8 = 2;
pub(crate) const CUT: u8 = 8;
const OTHER: u8 = 1;
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    Error(Error),
    /// Output went nowhere: mostly a reader that has seen enough.
    Output(io::Error),
}

pub(crate) type Done = Result<u8, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Ends the program from a thread that is not its main one.
#[allow(clippy::exit, reason = "whoever ends it so has nobody left to return to")]
#[cfg(unix)]
pub(crate) fn now(code: u8) -> ! {
    std::process::exit(code.into())
}

/// An error in how Consort was called.
pub(crate) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// The exit code of an error.
pub(crate) fn code(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Setup | ErrorKind::Auth | ErrorKind::Permission => 3,
        ErrorKind::ModelNotFound => 4,
        ErrorKind::Server
        | ErrorKind::Overloaded
        | ErrorKind::Protocol
        | ErrorKind::Interrupted
        | ErrorKind::ContextLength
        | ErrorKind::PluginCrash
        | ErrorKind::PluginBug => 5,
        // What a vendor refuses as invalid has its status; the rest is found before anything is sent.
        ErrorKind::InvalidRequest if error.http_status().is_some() => 5,
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => USAGE,
        ErrorKind::RateLimit | ErrorKind::Quota => 6,
        ErrorKind::Timeout | ErrorKind::Network => 7,
        ErrorKind::ContentFilter => CUT,
        ErrorKind::Cancelled => INTERRUPTED,
    }
}

/// Writes an error for people: what happened, then what to do.
pub(crate) fn tell(error: &Error) -> io::Result<()> {
    let mut to = anstream::stderr().lock();
    if error.kind() == ErrorKind::Cancelled {
        return writeln!(to, "{}", Style::Dim.paint("(stopped: the answer is not whole)"));
    }
    writeln!(to, "{} {}", Style::Error.paint("error:"), tamed(&error.to_string()))?;
    for hint in error.hints() {
        let label = if hint.starts_with("did you mean") { "tip:" } else { "help:" };
        writeln!(to, "  {} {}", Style::Help.paint(label), tamed(hint))?;
    }
    Ok(())
}

/// An error for programs.
pub(crate) fn to_json(error: &Error) -> Value {
    let mut object = json!({"code": error.kind().as_str(), "message": error.message()});
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object[name] = value;
        }
    };
    set("provider", error.provider_id().map(Value::from));
    set("status", error.http_status().map(Value::from));
    set("phase", error.phase().and_then(|phase| serde_json::to_value(phase).ok()));
    set("vendor_code", error.vendor_code().map(Value::from));
    set("vendor_type", error.vendor_type().map(Value::from));
    set("request_id", error.vendor_request_id().map(Value::from));
    set("retry_after_s", error.retry_after().map(|wait| Value::from(wait.as_secs_f64())));
    set("hint", (!error.hints().is_empty()).then(|| Value::from(error.hints().join("\n"))));
    object
}

/// Tells what is wrong with the arguments, or shows the help or the version that they ask for. A program that
/// asked for JSON gets its object here too.
pub(crate) fn of_arguments(error: &clap::Error, mut arguments: impl Iterator<Item = OsString>) -> u8 {
    let told = error.print().and_then(|()| tip(error));
    if !error.use_stderr() {
        return settle(told.map(|()| OK).map_err(Failure::from));
    }
    if arguments.any(|argument| argument == "--json") {
        // The first line says what is wrong; the rest is for people.
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let object = json!({"error": to_json(&usage(message).hint("consort --help"))});
        return settle(writeln!(io::stdout(), "{object}").map(|()| USAGE).map_err(Failure::from));
    }
    USAGE
}

/// Options that hold for every command stand behind its name. One that stands before it looks as if it were a question's.
fn tip(error: &clap::Error) -> io::Result<()> {
    use clap::error::{ContextKind, ContextValue};
    let (Some(ContextValue::String(command)), Some(before)) =
        (error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::PriorArg))
    else {
        return Ok(());
    };
    let before = before.to_string();
    let option = before.split(' ').next().unwrap_or_default();
    if !["--plugins", "--color"].contains(&option) {
        return Ok(());
    }
    let label = Style::Help.paint("tip:");
    writeln!(anstream::stderr(), "\n  {label} `{option}` goes behind `{command}`")
}

/// The exit code of a command, after its error was told.
pub(crate) fn settle(done: Done) -> u8 {
    match done {
        Ok(code) => code,
        // The reader has gone: nobody is left to tell.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => OK,
        Err(Failure::Output(error)) => {
            // The exit code says it where stderr is closed too.
            let _ = writeln!(anstream::stderr(), "error: the output cannot be written: {error}");
            OTHER
        }
        Err(Failure::Error(error)) => {
            let _ = tell(&error);
            code(&error)
        }
    }
}
