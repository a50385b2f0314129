//! What a Python file is and needs, from its text alone. Nothing is run, and nothing is parsed in earnest: the
//! worker finds out the rest.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, dialect: Option<Dialect>) {
        assert_eq!(sniff(source).dialect, dialect, "{source}");
    }

    #[test]
    fn drop_in_files() {
        let dialect = Some(Dialect::DropIn);
        check("from llm_utils import LLMClient\nclass A(LLMClient):\n  pass\n", dialect);
        check("import llm_utils\nclass A(llm_utils.LLMClient): pass", dialect);
        check("from .llm_utils import (\n  LLMClient,\n)\n", dialect);
        check("from mine import LLMClient\nclass A(\n    Other,\n    LLMClient,\n):\n    pass\n", dialect);
        check("try:\n    import json, llm_utils as u\nexcept ImportError:\n    pass\n", dialect);
        check("import llm\nfrom llm_utils import LLMClient\n", dialect);
    }

    #[test]
    fn a_client_by_way_of_a_helper_beside_it() {
        let body = "    def generate_response(self, a, b, c, d): return 'x'\n";
        let dialect = Some(Dialect::DropIn);
        check(&format!("from _base import Common\nclass A(Common):\n{body}"), dialect);
        check(&format!("import _base as b\nclass A(b.Common):\n{body}"), dialect);
        check(&format!("from ._base import Common as C\nclass A(C):\n    async {}", &body[4..]), dialect);
        check(&format!("from abc import ABC\nclass A(ABC):\n{body}"), None);
        check(&format!("from _base import Common\nclass A:\n{body}"), None);
        check("from _base import Common\nclass A(Common):\n    pass\n", None);
    }

    #[test]
    fn llm_files() {
        let dialect = Some(Dialect::Llm);
        check("import llm\n@llm.hookimpl\ndef register_models(register): pass\n", dialect);
        check("from llm import hookimpl, Model\n@hookimpl(specname='x')\ndef f(register): pass\n", dialect);
        check("import llm.utils as u\nfrom llm import hookimpl as h\nx = llm.hookimpl(f)\n", dialect);
        check("import llm\nfrom llm import hookimpl\n", None);
        assert!(sniff("import llm\n").imports_llm);
    }

    #[test]
    fn what_only_looks_like_a_plugin() {
        check("\"\"\"from llm_utils import LLMClient\nclass A(LLMClient): pass\n\"\"\"\n", None);
        check("# import llm_utils\nx = 'import llm_utils'\n", None);
        check("class LLMClient:\n    pass\nclass A(MyLLMClient): pass\n", None);
        check("import llm_utilsx\nimport llmx\n", None);
        check("", None);
    }

    #[test]
    fn bruno_files() {
        let dialect = Some(Dialect::Bruno);
        check("from bruno_core.interfaces import LLMInterface\n", dialect);
        check("from mine import Base\nimport bruno_core\nclass A(Base): pass\n", dialect);
        check("from typing import *\nclass A(LLMInterface):\n    pass\n", dialect);
    }

    #[test]
    fn vision_files() {
        let dialect = Some(Dialect::Vision);
        check("from vision_agents.core.llm import realtime\nclass A(realtime.Realtime): pass\n", dialect);
        check("from vision_agents.core.llm.llm import LLM\nclass A(LLM[int]):\n  pass\n", dialect);
        check("import getstream.x\n", dialect);
        check("from mine import LLM\nclass A(LLM):\n  pass\n", None);
    }

    #[test]
    fn the_first_model_of_two_dialects_counts() {
        let bruno = "class A(LLMInterface):\n  pass\n";
        let vision = "from vision_agents.core.llm import LLM\nclass B(LLM):\n  pass\n";
        check(&format!("{bruno}{vision}"), Some(Dialect::Bruno));
        check(&format!("{vision}{bruno}"), Some(Dialect::Vision));
        check(&format!("from llm_utils import LLMClient\n{vision}"), Some(Dialect::Vision));
        check("import vision_agents\nclass C(LLMInterface, LLM):\n  pass\n", Some(Dialect::Bruno));
        let hook = "import llm\n@llm.hookimpl\ndef f(register): pass\n";
        check(&format!("{vision}{hook}"), Some(Dialect::Llm));
    }

    #[test]
    fn keys_that_are_arguments() {
        let found = sniff(
            "class A(LLMInterface):\n  def __init__(self, openai_api_key: str, api_key='x', *,\n      token=None):\n    pass\n  \
             def other(self, access_token): pass\nasync def create_llm(api_key): pass\n",
        );
        assert_eq!(found.key_arguments, ["openai_api_key", "api_key", "token"]);
    }

    #[test]
    fn a_syntax_error_hides_nothing() {
        check("x = (\nfrom llm_utils import LLMClient\n", Some(Dialect::DropIn));
        check("'''open\nfrom llm_utils import LLMClient\n", Some(Dialect::DropIn));
    }

    #[test]
    fn imports_are_those_of_the_file_itself() {
        let source = "import os, json.tool as j\nfrom a.b import c\nif x:\n  import d\ndef f():\n  import hidden\n\
            class C:\n  import too\n  def g(self): pass\nimport os.path\nfrom . import e\nx = 1; import g\n";
        assert_eq!(sniff(source).imports, ["os", "json", "a", "d", "g"]);
    }

    #[test]
    fn what_may_lie_beside_it() {
        let source = "import words.more, json\nfrom .a import b\nfrom . import c\nfrom llm_plugins import d\n\
            def f():\n  from llm_plugins.e import x\n  import g.h as i\n";
        assert_eq!(sniff(source).near, ["words", "json", "a", "c", "llm_plugins", "d", "e", "g"]);
    }

    #[test]
    fn the_keys_of_models() {
        let found = sniff(
            "needs_key = 'outside'\nclass A(llm.KeyModel):\n  needs_key = \"acme\"\n  key_env_var: str = 'ACME_KEY'\n\
             class B(A):\n  needs_key = 'acme'\n  key_env_var = NAME\n\
             class C:\n  needs_key = None\n  key_env_var = 'no variable'\n",
        );
        assert_eq!((found.needs_key, found.key_env), (vec!["acme".to_owned()], vec!["ACME_KEY".to_owned()]));
    }
}
