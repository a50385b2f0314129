//! The commands of a chat: one table, from which help and completion follow.
use crate::exit;
use consort_core::Error;

/// A command as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command<'a> {
    pub(super) what: What,
    /// What stands behind its name.
    pub(super) rest: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Model,
    System,
    Tools,
    Attach,
    Retry,
    Edit,
    Branches,
    Save,
    New,
    Conversations,
    Cost,
    Help,
    Quit,
}

/// Each with its name, what follows it, and what it does.
pub(super) const ALL: [(What, &str, &str, &str); 13] = [
    (What::Model, "/model", "[MODEL]", "the model that answers; Tab completes"),
    (What::System, "/system", "[TEXT|-]", "the instructions; `-` takes them away"),
    (What::Tools, "/tools", "[NAME ...|-]", "the tools that the model may use; `-` takes them away"),
    (What::Attach, "/attach", "FILE|URL", "send a file with the next message"),
    (What::Retry, "/retry", "", "answer the last message once more, as a branch"),
    (What::Edit, "/edit", "", "change the last message in your editor, as a branch"),
    (What::Branches, "/branches", "[NUMBER]", "the branches of this conversation, or go to one"),
    (What::Save, "/save", "FILE.md|.json|.html", "write the conversation to a file"),
    (What::New, "/new", "", "begin a new conversation"),
    (What::Conversations, "/conversations", "[ID|WORDS]", "older conversations, or go on with one"),
    (What::Cost, "/cost", "", "what this conversation cost so far"),
    (What::Help, "/help", "", "this list"),
    (What::Quit, "/quit", "", "leave; so does Ctrl+D"),
];

impl<'a> Command<'a> {
    /// The command of a line; nothing where it is words for the model.
    pub(super) fn read(line: &'a str) -> Result<Option<Self>, Error> {
        let line = line.trim();
        // Several lines are a paste, and a path has a second stroke.
        let name = line.split_whitespace().next().unwrap_or_default();
        if !line.starts_with('/') || line.contains('\n') || name.matches('/').count() > 1 || name.len() < 2 {
            return Ok(None);
        }
        let rest = line[name.len()..].trim();
        if let Some((what, ..)) = ALL.iter().find(|(_, known, ..)| *known == name) {
            return Ok(Some(Self { what: *what, rest }));
        }
        let mut begun = ALL.iter().filter(|(_, known, ..)| known.starts_with(name));
        if let (Some((what, ..)), None) = (begun.next(), begun.next()) {
            return Ok(Some(Self { what: *what, rest }));
        }
        let error = exit::usage(format!("there is no command `{name}`"));
        let near = ALL
            .iter()
            .map(|(_, known, ..)| (strsim::damerau_levenshtein(known, name), known))
            .filter(|(slips, _)| *slips <= 2)
            .min();
        let error = match near {
            Some((_, near)) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        Err(error.hint("/help lists them; a message that begins with / needs a blank before it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_or_words() {
        let read = |line| Command::read(line).map(|found| found.map(|command| (command.what, command.rest)));
        assert_eq!(read("/model  demo "), Ok(Some((What::Model, "demo"))));
        assert_eq!(read("/q"), Ok(Some((What::Quit, ""))));
        for words in ["hello", "/usr/bin is a folder", "/", "/model\nis a command", "a /model"] {
            assert_eq!(read(words), Ok(None), "{words}");
        }
        assert!(read("/e").is_ok() && read("/s").is_err() && read("/modle").is_err());
    }
}
