//! Completion: commands, models as they are known at this moment, files, tools.
use super::command::{ALL, Command, What};
use super::names::ModelNames;
use super::session::Session;
use reedline::{Completer, CompletionResult, Span, Suggestion};
use std::path::Path;

pub(super) struct Names {
    models: ModelNames,
}

impl Names {
    pub(super) fn of(session: &Session) -> Self {
        Self { models: session.names.clone() }
    }
}

impl Completer for Names {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let typed = line.get(..position).unwrap_or(line);
        CompletionResult::fresh(self.suggestions(typed))
    }
}

impl Names {
    fn suggestions(&self, typed: &str) -> Vec<Suggestion> {
        if !typed.starts_with('/') {
            return Vec::new();
        }
        let Some(blank) = typed.find(' ') else {
            let commands = ALL.iter().filter(|(_, name, ..)| name.starts_with(typed));
            return commands
                .map(|(_, name, _, about)| suggestion(name, Some(about), 0, typed.len()))
                .collect();
        };
        let from = blank + 1;
        let begun = &typed[from..];
        let names = match Command::read(&typed[..blank]).ok().flatten().map(|command| command.what) {
            Some(What::Model) => self.models.matching(begun),
            Some(What::Attach | What::Save) => files(begun),
            _ => Vec::new(),
        };
        names.iter().map(|name| suggestion(name, None, from, typed.len())).collect()
    }
}

fn suggestion(value: &str, about: Option<&str>, start: usize, end: usize) -> Suggestion {
    Suggestion {
        value: value.to_owned(),
        display_override: None,
        description: about.map(str::to_owned),
        style: None,
        extra: None,
        span: Span::new(start, end),
        append_whitespace: about.is_some(),
        match_indices: None,
    }
}

/// Files whose path begins so.
fn files(begun: &str) -> Vec<String> {
    /// More would fill the screen.
    const MOST: usize = 40;
    let (folder, name) = begun.rsplit_once('/').map_or(("", begun), |(folder, name)| (folder, name));
    let place = match (folder, begun.starts_with('/')) {
        ("", true) => Path::new("/"),
        ("", false) => Path::new("."),
        (folder, _) => Path::new(folder),
    };
    let before = &begun[..begun.len() - name.len()];
    let mut found: Vec<String> = std::fs::read_dir(place)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let found = entry.file_name().into_string().ok()?;
            let wanted = found.starts_with(name)
                && (name.starts_with('.') || !found.starts_with('.'))
                && !found.contains(char::is_control);
            let end = if entry.path().is_dir() { "/" } else { "" };
            wanted.then(|| format!("{before}{found}{end}"))
        })
        .collect();
    found.sort();
    found.truncate(MOST);
    found
}
