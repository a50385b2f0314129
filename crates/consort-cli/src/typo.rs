//! A prompt that is a command, or one word that is nearly one, is probably a slip: better to ask than to send it.
use crate::args::{Ask, Cli};
use crate::exit;
use clap::CommandFactory;
use consort_core::Error;
use std::ffi::OsString;

/// Refuses a bare word that is a command or nearly one, unless `--` stands before it.
pub(crate) fn check(ask: &Ask, mut arguments: impl Iterator<Item = OsString>) -> Result<(), Error> {
    let Some((word, more)) = ask.prompt.split_first() else { return Ok(()) };
    if word.contains(char::is_whitespace) || arguments.any(|argument| argument == "--") {
        return Ok(());
    }
    let commands = Cli::command();
    if let Some(second) = more.first() {
        // Options before a command make a prompt of it.
        let whole = commands.find_subcommand(word).and_then(|command| command.find_subcommand(second));
        return whole.map_or(Ok(()), |_| {
            Err(exit::usage(format!("`{word} {second}` is a command, and commands come first"))
                .hint(format!("its options come after it: consort {word} {second} ..."))
                .hint(format!("to send it as a prompt: consort -- {word} {second} ...")))
        });
    }
    let near = commands.get_subcommands().map(clap::Command::get_name).find(|name| is_near(word, name));
    match near {
        None => Ok(()),
        Some(name) if name == word => {
            Err(exit::usage(format!("`{word}` is a command, and commands come first"))
                .hint(format!("run it: consort {name} ..."))
                .hint(format!("to send it as a prompt: consort -- {word}")))
        }
        Some(name) => Err(exit::usage(format!("`{word}` is nearly a command"))
            .hint(format!("did you mean `consort {name}`?"))
            .hint(format!("to send it as a prompt: consort -- {word}"))),
    }
}

/// One slip in a short word, two in a longer one.
fn is_near(word: &str, name: &str) -> bool {
    const SHORT: usize = 5;
    let slips = if name.len() <= SHORT { 1 } else { 2 };
    strsim::damerau_levenshtein(&word.to_lowercase(), name) <= slips
}
