//! The prompt: the arguments, then what is piped in.
use crate::args::Ask;
use crate::exit;
use consort_core::Error;
use std::io::{self, IsTerminal, Read};

/// The text of the question. `others` is how many things come with it: with one, no words are needed. Nor are they
/// where the conversation goes on by itself, which is asked only then.
pub(super) fn prompt(
    ask: &Ask,
    others: usize,
    goes_on: impl FnOnce() -> Result<bool, Error>,
) -> Result<String, Error> {
    let words = ask.prompt.join(" ");
    let taken = ask.attachments().iter().any(|(place, _)| *place == "-");
    let piped = if taken || io::stdin().is_terminal() { String::new() } else { piped()? };
    let whole = match (words.trim().is_empty(), piped.trim().is_empty()) {
        (false, false) => format!("{words}\n\n{piped}"),
        (false, true) => words,
        (true, _) => piped,
    };
    if whole.trim().is_empty() && others == 0 && !goes_on()? {
        return Err(exit::usage("there is nothing to ask: the prompt is empty")
            .hint("consort \"why is the sky blue\"")
            .hint("or pipe text in: git diff | consort \"write a commit message\""));
    }
    Ok(if whole.trim().is_empty() { String::new() } else { whole })
}

/// What is piped in, which must be text.
fn piped() -> Result<String, Error> {
    let mut bytes = Vec::new();
    io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| exit::usage(format!("stdin cannot be read: {error}")))?;
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(exit::usage("what is piped in is not text")
            .hint("attach it instead: consort -a - \"what is this\"")
            .hint("if its type is not found: consort --attachment-type - MIME \"what is this\"")),
    }
}
