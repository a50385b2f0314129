//! Reads one table of settings: each field by its type, and what is wrong with its line.
use consort_settings::{Field, Located, LocatedValue, Problem};
use std::path::Path;
use std::time::Duration;

/// The longest time that can be set: a day.
const LONGEST: f64 = 86_400.0;

/// One table while it is read. What nobody asked for in the end is unknown.
pub(super) struct Reader<'a> {
    file: &'a Path,
    fields: Vec<&'a Field>,
    /// What the table may hold, in the order of the documentation.
    known: Vec<&'static str>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, fields: &'a [Field]) -> Self {
        Self { file, fields: fields.iter().collect(), known: Vec::new(), problems: Vec::new() }
    }

    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    /// Where a field stands that was not read yet.
    pub(super) fn line_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.line)
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<&'a Field> {
        self.known.push(name);
        let at = self.fields.iter().position(|field| field.name == name)?;
        Some(self.fields.remove(at))
    }

    pub(super) fn wrong(&mut self, line: usize, message: impl Into<String>) {
        self.problems.push(Problem::new(self.file, message).at_line(line));
    }

    fn must(&mut self, field: &Field, what: &str) {
        self.wrong(field.value.line, format!("`{}` must be {what}", field.name));
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<(&'a str, usize)> {
        let field = self.take(name)?;
        if let LocatedValue::Text(text) = &field.value.value {
            Some((text, field.value.line))
        } else {
            self.must(field, "a text");
            None
        }
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (text, line) = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let list: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            self.wrong(line, format!("`{name}` must be {}", list.join(" or ")));
        }
        found
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let field = self.take(name)?;
        if let LocatedValue::Bool(yes) = field.value.value {
            Some(yes)
        } else {
            self.must(field, "true or false");
            None
        }
    }

    /// A whole number from `least` on.
    pub(super) fn count(&mut self, name: &'static str, least: u32, most: u32) -> Option<u32> {
        let field = self.take(name)?;
        match field.value.value {
            LocatedValue::Integer(number) if (i64::from(least)..=i64::from(most)).contains(&number) => {
                u32::try_from(number).ok()
            }
            _ => {
                self.must(field, &format!("a whole number from {least} to {most}"));
                None
            }
        }
    }

    pub(super) fn seconds(&mut self, name: &'static str) -> Option<Duration> {
        let field = self.take(name)?;
        let seconds = number(&field.value);
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST) {
            Some(Duration::from_secs_f64(seconds))
        } else {
            self.must(field, "a number of seconds, more than 0 and at most a day");
            None
        }
    }

    pub(super) fn dollars(&mut self, name: &'static str) -> Option<f64> {
        let field = self.take(name)?;
        let dollars = number(&field.value).filter(|dollars| *dollars >= 0.0 && *dollars <= 1e9);
        if dollars.is_none() {
            self.must(field, "a number of dollars, 0 or more");
        }
        dollars
    }

    /// The items of a list.
    pub(super) fn list(&mut self, name: &'static str) -> Option<&'a [Located]> {
        let field = self.take(name)?;
        if let LocatedValue::List(items) = &field.value.value {
            Some(items)
        } else {
            self.must(field, "a list");
            None
        }
    }

    pub(super) fn table(&mut self, name: &'static str) -> Option<&'a [Field]> {
        let field = self.take(name)?;
        if let LocatedValue::Table(fields) = &field.value.value {
            Some(fields)
        } else {
            self.must(field, "a table");
            None
        }
    }

    /// Reads a table inside this one.
    pub(super) fn inner<T>(&mut self, fields: &'a [Field], read: impl FnOnce(&mut Self) -> T) -> T {
        let mut inner = Self::new(self.file, fields);
        let found = read(&mut inner);
        inner.end();
        self.problems.append(&mut inner.problems);
        found
    }

    /// Tells every field that nobody asked for.
    pub(super) fn end(&mut self) {
        for field in std::mem::take(&mut self.fields) {
            let problem = Problem::new(self.file, format!("`{}` is not a field here", field.name));
            let known = self.known.join(", ");
            self.problems.push(problem.at_line(field.line).help(format!("the fields are {known}")));
        }
    }
}

pub(super) fn number(value: &Located) -> Option<f64> {
    match value.value {
        LocatedValue::Integer(number) => Some(number as f64),
        LocatedValue::Float(number) => Some(number),
        _ => None,
    }
}
