//! Values of a settings file with the lines that they stand in, for what is understood elsewhere.
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of a settings file that another crate understands.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    pub file: PathBuf,
    pub line: usize,
    pub fields: Vec<Field>,
    /// Whether the file came with a folder rather than from the user.
    pub of_project: bool,
}

/// A name in a table, and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    /// Where the name stands.
    pub line: usize,
    pub value: Located,
}

/// A value and its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    pub line: usize,
    pub value: LocatedValue,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LocatedValue {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Located>),
    Table(Vec<Field>),
    /// A date, or a number that does not fit: nothing that anybody asked for.
    Other,
}

/// Counts lines in a text.
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl Lines<'_> {
    pub(crate) fn of(&self, offset: usize) -> usize {
        1 + self.0.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    pub(crate) fn fields(&self, table: &DeTable<'_>) -> Vec<Field> {
        let field = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name: &Spanned<std::borrow::Cow<'_, str>> = name;
            Field {
                name: name.get_ref().to_string(),
                line: self.of(name.span().start),
                value: self.located(value),
            }
        };
        table.iter().map(field).collect()
    }

    fn located(&self, value: &Spanned<DeValue<'_>>) -> Located {
        use LocatedValue as Value;
        let line = self.of(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other, Value::Integer)
            }
            DeValue::Float(number) => number.as_str().parse().map_or(Value::Other, Value::Float),
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.located(item)).collect()),
            DeValue::Table(table) => Value::Table(self.fields(table)),
            DeValue::Datetime(_) => Value::Other,
        };
        Located { line, value }
    }
}
