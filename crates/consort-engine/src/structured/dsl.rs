//! Schemas in a line: `name, age int, bio: a short text`.
use consort_core::{Error, ErrorKind};
use serde_json::{Map, Value, json};

/// The JSON Schema of a list of fields, written as `name [str|int|float|bool][: description]`, one a line or with commas
/// between them. All are required.
///
/// ```
/// let schema = consort_engine::schema_of_fields("name, age int, bio: a short text").unwrap();
/// assert_eq!(schema["properties"]["age"]["type"], "integer");
/// assert_eq!(schema["properties"]["bio"]["description"], "a short text");
/// ```
pub fn schema_of_fields(text: &str) -> Result<Value, Error> {
    let separator = if text.contains('\n') { '\n' } else { ',' };
    let mut properties = Map::new();
    for field in text.split(separator).map(str::trim).filter(|field| !field.is_empty()) {
        let (head, description) = match field.split_once(':') {
            Some((head, description)) => (head.trim(), Some(description.trim())),
            None => (field, None),
        };
        let mut words = head.split_whitespace();
        let name = words.next().ok_or_else(|| wrong(format!("`{field}` names no field")))?;
        let kind = kind(words.next().unwrap_or("str"), field)?;
        if let Some(more) = words.next() {
            return Err(wrong(format!("`{field}` has a word too many: `{more}`")));
        }
        let mut property = json!({"type": kind});
        if let Some(description) = description.filter(|words| !words.is_empty()) {
            property["description"] = description.into();
        }
        if properties.insert(name.to_owned(), property).is_some() {
            return Err(wrong(format!("the field `{name}` is there twice")));
        }
    }
    if properties.is_empty() {
        return Err(wrong("it names no field".to_owned()));
    }
    let required: Vec<&String> = properties.keys().collect();
    Ok(
        json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false}),
    )
}

fn kind(word: &str, field: &str) -> Result<&'static str, Error> {
    Ok(match word {
        "str" => "string",
        "int" => "integer",
        "float" => "number",
        "bool" => "boolean",
        other => return Err(wrong(format!("`{field}` is of a kind `{other}` that is not known"))),
    })
}

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("the schema cannot be read: {what}"))
        .hint("a field is NAME, NAME int, NAME float or NAME bool, with `: what it is` behind it; commas or lines between")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        schema_of_fields(text).unwrap_err().message().to_owned()
    }

    #[test]
    fn lines_may_hold_commas() {
        let schema = schema_of_fields("name: first, then last\nage int").unwrap();
        assert_eq!(schema["properties"]["name"]["description"], "first, then last");
        assert_eq!(schema["required"], json!(["name", "age"]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(fault("").ends_with("it names no field"));
        assert!(fault("a, a").ends_with("the field `a` is there twice"));
        assert!(fault("a number").ends_with("`a number` is of a kind `number` that is not known"));
        assert!(fault("a int long").ends_with("`a int long` has a word too many: `long`"));
        assert!(fault(": words").ends_with("`: words` names no field"));
    }
}
