//! How people name tools: `tool`, `owner:tool`, and a toolbox with its settings, in the ways that `llm` has.
use crate::exit;
use consort_core::Error;
use serde_json::{Deserializer, Map, Value};

#[derive(Debug, PartialEq)]
pub(super) struct Name<'a> {
    pub(super) owner: Option<&'a str>,
    pub(super) tool: &'a str,
    pub(super) settings: Settings,
}

/// What stands in the brackets.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Settings {
    Named(Map<String, Value>),
    /// In the order in which the toolbox has them.
    Placed(Vec<Value>),
}

impl<'a> Name<'a> {
    pub(super) fn read(given: &'a str) -> Result<Self, Error> {
        let (path, brackets) = match given.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((path, brackets)) => (path, brackets.trim()),
            None => (given, ""),
        };
        let settings = Settings::read(brackets).ok_or_else(|| {
            exit::usage(format!("the settings in the brackets of `{given}` cannot be read"))
                .hint("for instance -T 'files:Folder({\"path\": \".\"})', -T 'files:Folder(path=\".\")' or -T 'files:Folder(\".\")'; values are JSON")
        })?;
        let (owner, tool) = match path.split_once(':') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, path),
        };
        Ok(Self { owner, tool, settings })
    }
}

impl Name<'_> {
    /// What is no toolbox has nothing to set.
    pub(super) fn sets_nothing(&self) -> Result<(), Error> {
        match &self.settings {
            Settings::Named(named) if named.is_empty() => Ok(()),
            _ => Err(exit::usage(format!("`{}` takes no settings", self.tool))),
        }
    }
}

impl Settings {
    /// An object, `name=VALUE, ...` or `VALUE, ...`.
    fn read(brackets: &str) -> Option<Self> {
        if brackets.is_empty() {
            return Some(Self::Named(Map::new()));
        }
        if brackets.starts_with('{')
            && let Ok(named) = serde_json::from_str(brackets)
        {
            return Some(Self::Named(named));
        }
        let is_named = brackets.split_once('=').is_some_and(|(name, _)| is_name(name.trim()));
        let (mut named, mut placed) = (Map::new(), Vec::new());
        let mut rest = brackets;
        loop {
            if is_named {
                let (name, value) = rest.split_once('=')?;
                let (value, behind) = first(value)?;
                named.insert(Some(name.trim()).filter(|name| is_name(name))?.to_owned(), value);
                rest = behind;
            } else {
                let (value, behind) = first(rest)?;
                placed.push(value);
                rest = behind;
            }
            match rest.strip_prefix(',') {
                Some(more) => rest = more.trim_start(),
                None => break,
            }
        }
        let settings = if is_named { Self::Named(named) } else { Self::Placed(placed) };
        rest.is_empty().then_some(settings)
    }
}

/// The value that a text begins with, and what stands behind it.
fn first(text: &str) -> Option<(Value, &str)> {
    let mut values = Deserializer::from_str(text).into_iter();
    let value = values.next()?.ok()?;
    Some((value, text[values.byte_offset()..].trim_start()))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_have_owners_and_settings() {
        let read = |given| {
            let Name { owner, tool, settings } = Name::read(given).unwrap();
            let settings = match settings {
                Settings::Named(named) => Value::from(named),
                Settings::Placed(placed) => placed.into(),
            };
            (owner, tool, settings)
        };
        assert_eq!(read("time"), (None, "time", json!({})));
        assert_eq!(read("a:b"), (Some("a"), "b", json!({})));
        assert_eq!(read("B()"), (None, "B", json!({})));
        assert_eq!(read("a:B({\"x\": 1})"), (Some("a"), "B", json!({"x": 1})));
        assert_eq!(read("B(\"x.db\")"), (None, "B", json!(["x.db"])));
        assert_eq!(read("B( \"a, b\" , 2,[3] )"), (None, "B", json!(["a, b", 2, [3]])));
        assert_eq!(read("a:B(path=\"a=b\", most = 3)"), (Some("a"), "B", json!({"path": "a=b", "most": 3})));
        assert_eq!(read("B(\"a=b\")"), (None, "B", json!(["a=b"])));
        for odd in ["B(x)", "B(1,)", "B(1 2)", "B(a=1, 2)", "B(1, a=2)", "B(=1)", "B({)", "B('x')"] {
            assert!(Name::read(odd).is_err(), "{odd}");
        }
    }
}
