//! The settings `[voice]` and `[voices.NAME]`: which ears and voices make a chat model one that talks.
use crate::Problem;
use crate::located::{Lines, Section};
use crate::settings::Source;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// The tables of the user's own file, by name.
pub(crate) fn read(
    source: &Source<'_>,
    table: &DeTable<'_>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Section> {
    let (lines, mut named) = (Lines(source.text), BTreeMap::new());
    for (name, value) in table {
        let DeValue::Table(fields) = value.get_ref() else {
            let what = format!("the voice `{}` must be a table", name.get_ref());
            let help = "[voices.NAME] names a talking model; [voice] says what all of them start from";
            problems.push(source.problem(value.span(), what).help(help));
            continue;
        };
        named.insert(name.get_ref().to_string(), section(source, &lines, name.span().start, fields));
    }
    named
}

pub(crate) fn section(source: &Source<'_>, lines: &Lines<'_>, start: usize, table: &DeTable<'_>) -> Section {
    let (file, line) = (source.path.to_owned(), lines.of(start));
    Section { file, line, fields: lines.fields(table), of_project: false }
}
