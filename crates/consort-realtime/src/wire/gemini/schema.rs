//! JSON Schema in the words of the vendor's own schemas, which are all that live models of each age understand.
use consort_core::Object;
use serde_json::{Value, json};

/// What is said in the same words in both.
const SAME: [&str; 15] = [
    "title",
    "description",
    "default",
    "nullable",
    "required",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "pattern",
    "example",
];
/// The formats that are not refused.
const FORMATS: [&str; 6] = ["date-time", "enum", "float", "double", "int32", "int64"];
/// So deep are schemas told, and so often in one another those that are referred to: one may go into itself.
const DEEPEST: usize = 24;
const MOST_REFERENCES: usize = 3;

/// A schema without what the vendor's have no word for. What it refers to stands in its place.
pub(super) fn schema(schema: &Value) -> Value {
    own(schema, schema, 0, 0)
}

fn own(schema: &Value, root: &Value, depth: usize, references: usize) -> Value {
    let Some(object) = schema.as_object().filter(|_| depth < DEEPEST) else {
        return json!({"type": "OBJECT"});
    };
    let deeper = |schema: &Value| own(schema, root, depth + 1, references);
    if let Some(place) = object.get("$ref").and_then(Value::as_str) {
        let meant = place.strip_prefix('#').and_then(|place| root.pointer(place));
        let mut told = match meant.filter(|_| references < MOST_REFERENCES) {
            Some(meant) => own(meant, root, depth + 1, references + 1),
            None => json!({"type": "OBJECT"}),
        };
        if let Some(description) = object.get("description") {
            told["description"] = description.clone();
        }
        return told;
    }
    let mut told = Object::new();
    for part in list(object, "allOf") {
        if let Value::Object(part) = deeper(part) {
            told.extend(part);
        }
    }
    put_type(object, &mut told);
    for key in SAME {
        if let Some(value) = object.get(key) {
            told.insert(key.into(), value.clone());
        }
    }
    if let Some(format) = object.get("format").filter(|format| FORMATS.iter().any(|known| *format == known)) {
        told.insert("format".into(), format.clone());
    }
    put_values(object, &mut told);
    if let Some(Value::Object(properties)) = object.get("properties") {
        let properties: Object =
            properties.iter().map(|(name, schema)| (name.clone(), deeper(schema))).collect();
        told.insert("properties".into(), properties.into());
    }
    if let Some(items) = object.get("items") {
        told.insert("items".into(), deeper(items));
    }
    put_choices(object, deeper, &mut told);
    if !told.contains_key("type") && !told.contains_key("anyOf") {
        let word = if told.contains_key("enum") { "STRING" } else { "OBJECT" };
        told.insert("type".into(), word.into());
    }
    told.into()
}

fn list<'a>(object: &'a Object, key: &str) -> impl Iterator<Item = &'a Value> {
    object.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// One type; nothing is a mark beside it, and others are choices.
fn put_type(object: &Object, told: &mut Object) {
    let word = |kind: &Value| kind.as_str().map(str::to_uppercase);
    if let Some(word) = object.get("type").and_then(word) {
        told.insert("type".into(), word.into());
        return;
    }
    let mut words: Vec<String> = list(object, "type").filter_map(word).collect();
    let count = words.len();
    words.retain(|word| word != "NULL");
    if words.len() < count {
        told.insert("nullable".into(), true.into());
    }
    match words.as_slice() {
        [] => {}
        [one] => {
            told.insert("type".into(), one.clone().into());
        }
        _ => {
            let choices: Vec<Value> = words.iter().map(|word| json!({"type": word})).collect();
            told.insert("anyOf".into(), choices.into());
        }
    }
}

/// Only texts can be listed.
fn put_values(object: &Object, told: &mut Object) {
    let one: Vec<&Value> = object.get("const").into_iter().collect();
    let values: Vec<&Value> = if one.is_empty() { list(object, "enum").collect() } else { one };
    let texts: Vec<&Value> = values.iter().copied().filter(|value| value.is_string()).collect();
    let others = values.iter().filter(|value| !value.is_string() && !value.is_null()).count();
    if !texts.is_empty() && others == 0 {
        told.insert("enum".into(), texts.into_iter().cloned().collect());
    }
}

/// Of several schemas, one of which is nothing, the other may be nothing.
fn put_choices(object: &Object, deeper: impl Fn(&Value) -> Value, told: &mut Object) {
    let all: Vec<&Value> = list(object, "anyOf").chain(list(object, "oneOf")).collect();
    let choices: Vec<Value> =
        all.iter().copied().filter(|choice| choice["type"] != "null").map(deeper).collect();
    if choices.len() < all.len() {
        told.insert("nullable".into(), true.into());
    }
    match <[Value; 1]>::try_from(choices) {
        Ok([Value::Object(one)]) => {
            for (key, value) in one {
                told.entry(key).or_insert(value);
            }
        }
        Ok(_) => {}
        Err(choices) if choices.is_empty() => {}
        Err(choices) => {
            told.insert("anyOf".into(), choices.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_keep_what_can_be_said() {
        let check = |told: Value, wanted: Value| assert_eq!(schema(&told), wanted, "{told}");
        check(
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false,
                "properties": {"city": {"type": "string", "minLength": 1, "format": "city"},
                    "when": {"type": ["string", "null"], "format": "date-time"},
                    "days": {"type": "array", "items": {"type": "integer", "enum": [1, 2]}}},
                "required": ["city"]}),
            json!({"type": "OBJECT", "required": ["city"], "properties": {
                "city": {"type": "STRING", "minLength": 1},
                "when": {"nullable": true, "type": "STRING", "format": "date-time"},
                "days": {"type": "ARRAY", "items": {"type": "INTEGER"}}}}),
        );
        check(
            json!({"$defs": {"Unit": {"enum": ["c", "f"]}}, "type": "object",
                "properties": {"unit": {"$ref": "#/$defs/Unit", "description": "Which."}, "other": {"$ref": "#/none"}}}),
            json!({"type": "OBJECT", "properties": {
                "unit": {"enum": ["c", "f"], "type": "STRING", "description": "Which."}, "other": {"type": "OBJECT"}}}),
        );
        check(
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
            json!({"nullable": true, "type": "STRING"}),
        );
        check(
            json!({"oneOf": [{"type": "string"}, {"const": "x"}]}),
            json!({"anyOf": [{"type": "STRING"}, {"enum": ["x"], "type": "STRING"}]}),
        );
        check(
            json!({"type": ["string", "number"]}),
            json!({"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}),
        );
        check(
            json!({"allOf": [{"type": "object", "properties": {}}], "description": "d"}),
            json!({"type": "OBJECT", "properties": {}, "description": "d"}),
        );
        check(json!(true), json!({"type": "OBJECT"}));
        // One that goes into itself ends.
        let told = schema(&json!({"type": "object", "properties": {"more": {"$ref": "#"}}}));
        assert!(told.to_string().len() < 1_000, "{told}");
    }
}
