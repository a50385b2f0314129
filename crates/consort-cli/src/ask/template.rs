//! Templates that plugins load: what is asked, how, and of whom, with places for the user's words and parameters.
use super::loaded::loader;
use crate::exit;
use crate::place::placed;
use crate::setup::Setup;
use crate::stop::wait_for;
use consort_core::{Error, Object};
use consort_plugins::Loads;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::runtime::Runtime;

/// A template, as plugins give it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    prompt: Option<String>,
    system: Option<String>,
    pub(super) model: Option<String>,
    pub(super) options: Object,
    pub(super) schema: Option<Value>,
    pub(super) fragments: Vec<String>,
    pub(super) system_fragments: Vec<String>,
    pub(super) tools: Vec<String>,
    attachments: Vec<String>,
    attachment_types: Vec<Typed>,
    defaults: Object,
    /// What is done with an answer, and code: the program has neither.
    extract: bool,
    extract_last: bool,
    functions: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    mime: String,
    value: String,
}

/// A template with the user's words in it.
pub(super) struct Filled {
    pub(super) prompt: String,
    pub(super) system: Option<String>,
}

impl Template {
    /// The template of a name; an empty one where none is wanted.
    pub(super) fn load(name: Option<&str>, setup: &Setup, runtime: &Runtime) -> Result<Self, Error> {
        let Some(name) = name else { return Ok(Self::default()) };
        let loaded = name.split_once(':').and_then(|(prefix, rest)| {
            Some((loader(Loads::Templates, prefix, setup, runtime)?, prefix, rest))
        });
        let Some((plugin, prefix, rest)) = loaded else {
            return Err(exit::usage(format!("no plugin loads the template `{name}`"))
                .hint("a template is PREFIX:NAME, where a plugin has the prefix"));
        };
        let mut object = wait_for(runtime, plugin.template(prefix, &placed(rest)))?;
        // What is absent may be said to be nothing.
        object.retain(|_, value| !value.is_null());
        serde_json::from_value(Value::Object(object)).map_err(|error| {
            exit::usage(format!("the template `{name}` of the plugin `{}` is wrong: {error}", plugin.id()))
        })
    }

    /// The files and addresses that go with it, with their types where it says them.
    pub(super) fn attachments(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let typed =
            self.attachment_types.iter().map(|typed| (typed.value.as_str(), Some(typed.mime.as_str())));
        self.attachments.iter().map(|place| (place.as_str(), None)).chain(typed)
    }

    /// The parts of it that nothing is done with here.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'static str> {
        let parts = [
            ("extract", self.extract),
            ("extract_last", self.extract_last),
            ("functions", self.functions.is_some()),
        ];
        parts.into_iter().filter_map(|(name, is_there)| is_there.then_some(name))
    }

    /// The prompt and the instructions, with the user's words and these parameters in them. Words that no place is for
    /// follow the template's.
    pub(super) fn fill(&self, input: &str, parameters: &[(&str, &str)]) -> Result<Filled, Error> {
        let mut missing = BTreeSet::new();
        let mut takes_input = false;
        let mut fill = |text: &String| {
            substitute(text, |name| {
                takes_input |= name == "input";
                let given = parameters.iter().rev().find(|(given, _)| *given == name);
                let default = || self.defaults.get(name).map(in_words);
                let found = match name {
                    "input" => Some(input.to_owned()),
                    _ => given.map(|(_, value)| (*value).to_owned()).or_else(default),
                };
                if found.is_none() {
                    missing.insert(name.to_owned());
                }
                found
            })
        };
        let system = self.system.as_ref().map(&mut fill);
        let prompt = self.prompt.as_ref().map(&mut fill);
        if let Some(name) = missing.first() {
            let all: Vec<String> = missing.iter().map(|name| format!("`${name}`")).collect();
            return Err(exit::usage(format!("the template has no value for {}", all.join(", ")))
                .hint(format!("give it one: --param {name} VALUE")));
        }
        let prompt = match prompt {
            None => input.to_owned(),
            Some(prompt) if takes_input || input.is_empty() => prompt,
            Some(prompt) => format!("{prompt}\n{input}"),
        };
        Ok(Filled { prompt, system })
    }
}

fn in_words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Fills the places of a text, each once: `$name`, `${name}`, and `$$` for a dollar. Any other dollar is one.
fn substitute(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        filled.push_str(before);
        if let Some(behind) = behind.strip_prefix('$') {
            filled.push('$');
            rest = behind;
            continue;
        }
        let braced = behind.strip_prefix('{');
        let name = name_at(braced.unwrap_or(behind));
        let after = if let Some(braced) = braced {
            braced[name.len()..].strip_prefix('}')
        } else {
            Some(&behind[name.len()..])
        };
        if let Some(after) = after.filter(|_| !name.is_empty()) {
            filled.push_str(&value(name).unwrap_or_default());
            rest = after;
        } else {
            filled.push('$');
            rest = behind;
        }
    }
    filled.push_str(rest);
    filled
}

/// The name that a text begins with.
fn name_at(text: &str) -> &str {
    let is_in = |(at, letter): (usize, char)| {
        letter == '_' || letter.is_ascii_alphabetic() || (at > 0 && letter.is_ascii_digit())
    };
    let end = text.char_indices().find(|one| !is_in(*one)).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::Template;
    use serde_json::json;

    fn template(fields: serde_json::Value) -> Template {
        serde_json::from_value(fields).expect("a template")
    }

    fn prompt(text: &str, input: &str) -> String {
        let template = template(json!({"prompt": text, "defaults": {"tone": "curt", "n": 3}}));
        template.fill(input, &[]).expect("filled").prompt
    }

    #[test]
    fn each_place_is_filled_once_and_words_stay_as_they_are() {
        assert_eq!(prompt("Say $input, $tone", "hi"), "Say hi, curt");
        assert_eq!(prompt("Review this:", "code"), "Review this:\ncode");
        assert_eq!(prompt("A $input", "hi $tone $$"), "A hi $tone $$");
        assert_eq!(prompt("${input}s cost $$5, $n times", "hat"), "hats cost $5, 3 times");
        assert_eq!(prompt("$5 and ${ and $", "x"), "$5 and ${ and $\nx");
        assert_eq!(Template::default().fill("hi", &[]).expect("filled").prompt, "hi");
    }

    #[test]
    fn instructions_have_places_too_and_what_is_missing_is_said() {
        let one = template(json!({"system": "be $tone to $input"}));
        let error = one.fill("Bo", &[]).err().expect("it has no tone");
        assert!(error.to_string().contains("`$tone`"), "{error}");
        let filled = one.fill("Bo", &[("tone", "kind")]).expect("filled");
        assert_eq!((filled.prompt.as_str(), filled.system.as_deref()), ("Bo", Some("be kind to Bo")));
        let longer = template(json!({"prompt": "$toned", "defaults": {"tone": "x"}}));
        assert!(longer.fill("", &[]).is_err());
    }
}
