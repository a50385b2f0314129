//! Reads typed fields out of TOML and says, with the line, which of them are wrong.
use consort_core::Object;
use consort_settings::Problem;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A piece of TOML while it is read.
pub(super) struct Fields<'a> {
    file: &'a Path,
    text: &'a str,
    /// How many lines of the file stand before the text.
    before: usize,
    /// With where it stands in the text. Which line that is, is found out for those that are told.
    problems: Vec<(usize, Problem)>,
}

/// As many problems of one manifest are told.
const ENOUGH: usize = 8;

type Value<'a> = Spanned<DeValue<'a>>;

impl<'a> Fields<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, before: usize) -> Self {
        Self { file, text, before, problems: Vec::new() }
    }

    /// The whole text as a table; nothing where it is no TOML.
    pub(super) fn table(&mut self) -> Option<DeTable<'a>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(table.into_inner()),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                // A parser may say a problem in several lines; a row has one.
                let message = error.message().lines().collect::<Vec<_>>().join("; ");
                self.wrong(at..at, message, "mend this line");
                None
            }
        }
    }

    /// What was found wrong, in the order of the lines.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|(at, _)| *at);
        let told = self.problems.into_iter().take(ENOUGH).map(|(at, problem)| {
            let problem = problem.at_offset(self.text, at);
            let line = problem.line.unwrap_or(1) + self.before;
            problem.at_line(line)
        });
        told.collect()
    }

    /// Notes a problem at a place of the text.
    pub(super) fn wrong(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push((span.start, Problem::new(self.file, message).help(help)));
    }

    /// Notes a field that nobody knows, and the one that may have been meant.
    pub(super) fn unknown(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>, known: &[&str], place: &str) {
        let shown = name.get_ref().escape_debug().to_string();
        self.wrong(name.span(), format!("`{shown}` is no field of {place}"), near(&shown, known));
    }

    pub(super) fn text(&mut self, name: &str, value: &Value<'_>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) if is_plain(text) => Some(text.to_string()),
            _ => {
                let message = format!("`{name}` must be a text on one line, and not empty");
                self.wrong(value.span(), message, format!("for instance {name} = \"...\""));
                None
            }
        }
    }

    pub(super) fn texts(&mut self, name: &str, value: &Value<'_>) -> Option<Vec<String>> {
        let DeValue::Array(items) = value.get_ref() else {
            let message = format!("`{name}` must be a list of texts");
            self.wrong(value.span(), message, format!("for instance {name} = [\"...\"]"));
            return None;
        };
        items.iter().map(|item| self.text(name, item)).collect()
    }

    pub(super) fn number(&mut self, name: &str, value: &Value<'_>, least: u64) -> Option<u64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| *number >= least);
        if number.is_none() {
            let message = format!("`{name}` must be a whole number, {least} or more");
            self.wrong(value.span(), message, format!("for instance {name} = {}", least.max(8)));
        }
        number
    }

    /// A table of texts.
    pub(super) fn words(&mut self, name: &str, value: &Value<'_>) -> Option<BTreeMap<String, String>> {
        let DeValue::Table(table) = value.get_ref() else {
            let message = format!("`{name}` must be a table of texts");
            self.wrong(value.span(), message, format!("for instance {name} = {{ NAME = \"...\" }}"));
            return None;
        };
        let mut words = BTreeMap::new();
        for (key, value) in table {
            words.insert(key.get_ref().to_string(), self.text(name, value)?);
        }
        Some(words)
    }

    /// A table of anything.
    pub(super) fn object(&mut self, name: &str, value: &Value<'_>) -> Option<Object> {
        if let Some(Json::Object(object)) = json(value.get_ref()) {
            return Some(object);
        }
        let message = format!("`{name}` must be a table of texts, numbers, lists and tables");
        self.wrong(value.span(), message, format!("for instance {name} = {{ model = \"large\" }}"));
        None
    }
}

/// Whether a text can be shown as it is: escape codes of a terminal, say, cannot.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// What to do about a word that nobody knows.
pub(super) fn near(word: &str, known: &[&str]) -> String {
    const ALIKE: f64 = 0.8;
    let word = word.to_lowercase();
    // One slip in a short word leaves little that is alike.
    let likeness = |name: &str| {
        let slip = strsim::damerau_levenshtein(&word, name) == 1;
        strsim::jaro_winkler(&word, name).max(if slip { ALIKE } else { 0.0 })
    };
    let best = known.iter().max_by(|one, two| likeness(one).total_cmp(&likeness(two)));
    match best.filter(|name| likeness(name) >= ALIKE) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// The same value in JSON; nothing where it holds a number that JSON has not. A date becomes its text.
fn json(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.into(),
        DeValue::Float(number) => Json::Number(serde_json::Number::from_f64(number.as_str().parse().ok()?)?),
        DeValue::Boolean(yes) => (*yes).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(items) => {
            Json::Array(items.iter().map(|item| json(item.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => Json::Object(
            table
                .iter()
                .map(|(name, value)| Some((name.get_ref().to_string(), json(value.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
    })
}
