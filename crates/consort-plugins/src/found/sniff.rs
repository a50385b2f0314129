//! What a Python file is and needs, from its text alone. Nothing is run, and nothing is parsed in earnest: the
//! worker finds out the rest.
#[cfg(test)]
mod tests;

use super::manifest::Dialect;
use super::python::{self, Statement, is_name};
use super::variables;
use std::collections::BTreeSet;

/// The package that a drop-in file may call its own folder by.
pub(super) const PACKAGE: &str = "llm_plugins";

/// What a Python file's text tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sniffed {
    /// Absent where it defines no model.
    pub(super) dialect: Option<Dialect>,
    /// Its own classes or hooks say so, and not only what it imports.
    pub(super) is_plain: bool,
    /// It imports `llm`, whether or not it has a hook.
    pub(super) imports_llm: bool,
    /// The modules that are imported when the file is, without what is below them.
    pub(super) imports: Vec<String>,
    /// What may lie beside it of all that it imports, wherever it does.
    pub(super) near: Vec<String>,
    /// The environment variables that it reads.
    pub(super) env: Vec<String>,
    /// The keys that its models name in `needs_key`.
    pub(super) needs_key: Vec<String>,
    /// The variables that its models name in `key_env_var`.
    pub(super) key_env: Vec<String>,
    /// The arguments that are keys, of its constructors and factory: `api_key`, `openai_api_key`.
    pub(super) key_arguments: Vec<String>,
}

/// Looks through a Python file.
pub(super) fn sniff(source: &str) -> Sniffed {
    let mask = python::mask(source);
    let mut look = Look { source, ..Look::default() };
    for statement in python::statements(&mask) {
        look.at(&statement);
    }
    let Look { mut found, seen, mut names, .. } = look;
    found.imports_llm = seen.llm;
    found.dialect = seen.dialect();
    found.is_plain = (seen.llm && seen.hook) || seen.class.is_some();
    names.add(&mut found.env, source, &mask);
    found
}

/// Whether a text can name an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    name.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
        && name.starts_with(|letter: char| !letter.is_ascii_digit())
}

#[derive(Default)]
struct Look<'a> {
    source: &'a str,
    found: Sniffed,
    seen: Seen,
    names: variables::Names,
    /// Names that are imported, and not from modules whose classes are nobody's client.
    foreign: BTreeSet<&'a str>,
    /// The indent of the function or class that the statements are in, if they are in one.
    inside: Option<usize>,
}

/// What speaks for a dialect.
#[derive(Debug, Default)]
pub(super) struct Seen {
    llm: bool,
    hook: bool,
    llm_utils: bool,
    bruno: bool,
    vision: bool,
    /// A class derives from one of another file, which may be a client: the worker finds out.
    foreign_base: bool,
    generates: bool,
    /// Of the first class that is a model.
    class: Option<Dialect>,
}

impl Seen {
    /// Of a file of two dialects: a hook of `llm` counts before all, then the first class that is a model, and imports
    /// only where there is none.
    fn dialect(&self) -> Option<Dialect> {
        if self.llm && self.hook {
            Some(Dialect::Llm)
        } else if self.class.is_some() {
            self.class
        } else if self.llm_utils {
            Some(Dialect::DropIn)
        } else if self.bruno {
            Some(Dialect::Bruno)
        } else if self.vision {
            Some(Dialect::Vision)
        } else if self.foreign_base && self.generates {
            Some(Dialect::DropIn)
        } else {
            None
        }
    }

    /// What a class is that derives from this one. `LLM` alone says little: many files have one of their own.
    pub(super) fn of_base(&self, base: &str) -> Option<Dialect> {
        let name = base.split('[').next().unwrap_or_default();
        match name.rsplit('.').next().unwrap_or_default() {
            "LLMClient" => Some(Dialect::DropIn),
            "LLMInterface" => Some(Dialect::Bruno),
            "LLM" | "AudioLLM" | "VideoLLM" | "OmniLLM" | "Realtime" if self.vision => Some(Dialect::Vision),
            _ => None,
        }
    }

    pub(super) fn module(&mut self, module: &str) {
        match top(module) {
            "llm" => self.llm = true,
            "llm_utils" => self.llm_utils = true,
            "bruno_core" | "bruno_llm" => self.bruno = true,
            "vision_agents" | "getstream" => self.vision = true,
            _ => {}
        }
    }
}

pub(super) fn top(module: &str) -> &str {
    module.split('.').next().unwrap_or_default()
}

impl<'a> Look<'a> {
    fn at(&mut self, statement: &Statement<'a>) {
        if self.inside.is_some_and(|indent| statement.indent <= indent) {
            self.inside = None;
        }
        let (word, rest) = statement.word();
        match word {
            "import" => {
                for (module, known_as) in names(rest) {
                    self.import(module);
                    self.foreign(module, top(known_as));
                }
            }
            "from" => self.import_from(rest),
            "class" => {
                let found = bases(rest).find_map(|base| self.seen.of_base(base));
                self.seen.class = self.seen.class.or(found);
                self.seen.foreign_base |= bases(rest).any(|base| self.foreign.contains(top(base)));
                self.inside.get_or_insert(statement.indent);
            }
            "def" | "async" => {
                self.arguments(rest);
                let name = rest.trim_start().trim_start_matches("def ").trim_start();
                self.seen.generates |= self.inside.is_some() && name.starts_with("generate_response(");
                self.inside.get_or_insert(statement.indent);
            }
            "needs_key" | "key_env_var" => self.key(word, rest, statement),
            _ => {}
        }
        self.seen.hook |= !matches!(word, "import" | "from") && has_word(statement.code, "hookimpl");
    }

    fn import(&mut self, module: &str) {
        self.seen.module(module);
        self.near(module);
        let module = top(module);
        if self.inside.is_none() && !module.is_empty() {
            variables::keep(&mut self.found.imports, module);
        }
    }

    /// Takes note of what may lie beside the file.
    fn near(&mut self, module: &str) {
        let inside = module.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('.'));
        let name = top(inside.unwrap_or(module));
        if !name.is_empty() && name.chars().all(is_name) {
            variables::keep(&mut self.found.near, name);
        }
    }

    /// Takes note of a name that may be a class of the plugin's own helpers.
    fn foreign(&mut self, module: &str, name: &'a str) {
        const OTHERS: [&str; 8] = [
            "abc",
            "typing",
            "typing_extensions",
            "enum",
            "dataclasses",
            "collections",
            "pydantic",
            "threading",
        ];
        if !OTHERS.contains(&top(module)) {
            self.foreign.insert(name);
        }
    }

    fn import_from(&mut self, rest: &'a str) {
        let rest = rest.trim_start();
        let end = rest.find(|letter: char| letter.is_whitespace()).unwrap_or(rest.len());
        let (module, rest) = rest.split_at(end);
        let Some(list) = rest.trim_start().strip_prefix("import") else { return };
        // `from .llm_utils import LLMClient` means the same module, beside the file.
        let plain = module.trim_start_matches('.');
        if plain.len() == module.len() {
            self.import(plain);
        } else {
            self.seen.module(plain);
            self.near(plain);
        }
        // `from . import words` and `from llm_plugins import words`.
        if plain.is_empty() || plain == PACKAGE {
            names(list).for_each(|(name, _)| self.near(name));
        }
        for (_, known_as) in names(list) {
            self.foreign(module, known_as);
        }
        if module == "os" {
            for (name, known_as) in names(list) {
                self.names.import(name, known_as);
            }
        }
    }

    /// `def __init__(self, api_key: str)`: what the worker fills with a key.
    fn arguments(&mut self, rest: &str) {
        let Some((name, list)) = rest.split_once('(') else { return };
        if !matches!(name.trim(), "__init__" | "create_llm") {
            return;
        }
        for argument in list.split(',') {
            let end =
                argument.trim_start().find(|letter| !is_name(letter)).unwrap_or(argument.trim_start().len());
            let name = &argument.trim_start()[..end];
            if matches!(name, "api_key" | "apikey" | "api_token" | "access_token" | "token")
                || name.ends_with("_api_key")
            {
                variables::keep(&mut self.found.key_arguments, name);
            }
        }
    }

    /// `needs_key = "acme"` in the body of a model.
    fn key(&mut self, word: &str, rest: &str, statement: &Statement<'_>) {
        let Some(equals) = rest.find('=').filter(|_| self.inside.is_some()) else { return };
        let at = statement.at + word.len() + equals + 1;
        let Some(text) = variables::literal(self.source, at) else { return };
        let list = if word == "needs_key" { &mut self.found.needs_key } else { &mut self.found.key_env };
        let good = if word == "needs_key" { !text.chars().any(char::is_control) } else { is_variable(text) };
        if good {
            variables::keep(list, text);
        }
    }
}

/// The names of an import list, and what each is known as.
pub(super) fn names(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(',').filter_map(|item| {
        let mut words = item
            .trim_matches(|letter: char| "()\\".contains(letter) || letter.is_whitespace())
            .split_whitespace();
        let name = words.next()?;
        Some((name, words.nth(1).unwrap_or(name)))
    })
}

/// The classes that a class derives from, as they are written.
pub(super) fn bases(rest: &str) -> impl Iterator<Item = &str> {
    let list = rest.split_once('(').map_or("", |(_, list)| list);
    let list = list.rsplit_once(')').map_or(list, |(list, _)| list);
    list.split(',').map(str::trim)
}

/// Whether a word stands in a code, not as a part of a longer one.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(is_name)
            && !code[at + word.len()..].chars().next().is_some_and(is_name)
    })
}
