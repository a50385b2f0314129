//! What comes into a prompt from elsewhere: fragments, and templates that plugins load.
use crate::exit;
use crate::setup::Setup;
use crate::stop::wait_for;
use consort_core::{Error, Media, Object};
use consort_plugins::{Fragment, Loads, Plugin};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The texts and media of all fragments, in their order.
pub(super) fn fragments(
    wanted: &[String],
    setup: &Setup,
    runtime: &Runtime,
) -> Result<(Vec<String>, Vec<Media>), Error> {
    let (mut texts, mut media) = (Vec::new(), Vec::new());
    for name in wanted {
        let loader = name.split_once(':').and_then(|(prefix, rest)| {
            Some((loader(Loads::Fragments, prefix, setup, runtime)?, prefix, rest))
        });
        match loader {
            Some((plugin, prefix, argument)) => {
                for fragment in wait_for(runtime, plugin.fragments(prefix, argument))? {
                    match fragment {
                        Fragment::Text { text, .. } => texts.push(text),
                        Fragment::Media(found) => media.push(found),
                    }
                }
            }
            None => texts.push(file(name)?),
        }
    }
    Ok((texts, media))
}

fn file(name: &str) -> Result<String, Error> {
    let unknown = || {
        exit::usage(format!("`{name}` is no file, and no plugin loads it"))
            .hint("a fragment is a text file, or PREFIX:NAME of a plugin: `consort plugins why NAME` shows its prefixes")
    };
    if !Path::new(name).is_file() {
        return Err(unknown());
    }
    std::fs::read_to_string(name).map_err(|error| {
        exit::usage(format!("`{name}` cannot be read as text: {error}")).hint("attach it instead: -a FILE")
    })
}

/// The plugin that loads what begins with a prefix. Those that nobody looked at yet are, if no other does.
fn loader(loads: Loads, prefix: &str, setup: &Setup, runtime: &Runtime) -> Option<Arc<Plugin>> {
    let plugins = setup.plugins.as_ref()?;
    plugins
        .loader(loads, prefix)
        .or_else(|| setup.check_plugins(None, runtime).then(|| plugins.loader(loads, prefix)).flatten())
}

/// A template: what is asked, how, and of whom.
#[derive(Default)]
pub(super) struct Template {
    prompt: Option<String>,
    pub(super) system: Option<String>,
    pub(super) model: Option<String>,
    pub(super) options: Object,
    defaults: Object,
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
        let object = wait_for(runtime, plugin.template(prefix, rest))?;
        let text = |field: &str| object.get(field).and_then(Value::as_str).map(str::to_owned);
        let table = |field: &str| object.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Self {
            prompt: text("prompt"),
            system: text("system"),
            model: text("model"),
            options: table("options"),
            defaults: table("defaults"),
        })
    }

    /// The prompt with the user's words in it, and whether they stand in it already.
    pub(super) fn filled(&self, input: &str) -> String {
        let fill = |text: &str| {
            let mut filled = text.replace("$input", input);
            for (name, value) in &self.defaults {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                filled = filled.replace(&format!("${name}"), &value);
            }
            filled
        };
        match &self.prompt {
            None => input.to_owned(),
            Some(prompt) if prompt.contains("$input") || input.is_empty() => fill(prompt),
            Some(prompt) => format!("{}\n{input}", fill(prompt)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn the_prompt_fills_the_template() {
        let template = |prompt: &str| Template {
            prompt: Some(prompt.to_owned()),
            defaults: serde_json::from_str(r#"{"tone": "curt"}"#).unwrap_or_default(),
            ..Template::default()
        };
        assert_eq!(template("Say $input, $tone").filled("hi"), "Say hi, curt");
        assert_eq!(template("Review this:").filled("code"), "Review this:\ncode");
        assert_eq!(Template::default().filled("hi"), "hi");
    }
}
