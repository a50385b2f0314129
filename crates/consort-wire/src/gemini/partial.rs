//! A call whose arguments come in pieces, each with the place where it belongs.
use consort_core::{Object, PartKey};
use serde_json::Value;

/// No place is deeper, and no list longer: a vendor cannot make the host build an endless value.
const DEEPEST: usize = 32;
const LONGEST: usize = 10_000;

#[derive(Debug)]
pub(super) struct PartialCall {
    key: PartKey,
    arguments: Value,
}

#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

impl PartialCall {
    pub(super) fn new(key: PartKey) -> Self {
        Self { key, arguments: Value::Object(Object::new()) }
    }

    /// Takes the pieces of one chunk.
    pub(super) fn take(&mut self, call: &Object) {
        if let (Some(Value::Object(whole)), Value::Object(mine)) = (call.get("args"), &mut self.arguments) {
            mine.extend(whole.clone());
        }
        for piece in call.get("partialArgs").and_then(Value::as_array).into_iter().flatten() {
            let place = piece["jsonPath"].as_str().and_then(steps);
            if let Some(slot) = place.and_then(|place| slot(&mut self.arguments, place)) {
                put(slot, piece);
            }
        }
    }

    /// The arguments as JSON text.
    pub(super) fn done(self) -> (PartKey, String) {
        (self.key, self.arguments.to_string())
    }
}

/// Text is appended, anything else replaced.
fn put(slot: &mut Value, piece: &Value) {
    if let Some(text) = piece["stringValue"].as_str() {
        match slot {
            Value::String(old) => old.push_str(text),
            slot => *slot = text.into(),
        }
        return;
    }
    for key in ["numberValue", "boolValue"] {
        if !piece[key].is_null() {
            *slot = piece[key].clone();
        }
    }
}

/// The value at a place; what is missing on the way is made.
fn slot(root: &mut Value, place: Vec<Step>) -> Option<&mut Value> {
    let mut here = root;
    for step in place {
        here = match step {
            Step::Key(key) => {
                if !here.is_object() {
                    *here = Value::Object(Object::new());
                }
                here.as_object_mut()?.entry(key).or_insert(Value::Null)
            }
            Step::Index(at) => {
                if !here.is_array() {
                    *here = Value::Array(Vec::new());
                }
                let list = here.as_array_mut()?;
                if at >= LONGEST {
                    return None;
                }
                if list.len() <= at {
                    list.resize(at + 1, Value::Null);
                }
                list.get_mut(at)?
            }
        };
    }
    Some(here)
}

/// Reads `$.operations[0].action` and `$['a key'][1]`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == DEEPEST {
            return None;
        }
        if let Some(inside) = rest.strip_prefix('[') {
            let quote = inside.chars().next().filter(|c| "'\"".contains(*c));
            if let Some(quote) = quote {
                let (key, after) = inside[1..].split_once(&format!("{quote}]"))?;
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            } else {
                let (index, after) = inside.split_once(']')?;
                steps.push(Step::Index(index.parse().ok()?));
                rest = after;
            }
            continue;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        steps.push(Step::Key(rest[..end].to_owned()));
        rest = &rest[end..];
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(pieces: Value, expected: Value) {
        let mut call = PartialCall::new(PartKey(0));
        for piece in pieces.as_array().unwrap() {
            call.take(json!({ "partialArgs": [piece] }).as_object().unwrap());
        }
        assert_eq!(serde_json::from_str::<Value>(&call.done().1).unwrap(), expected);
    }

    #[test]
    fn pieces_come_together() {
        check(json!([]), json!({}));
        check(
            json!([
                {"jsonPath": "$.a[0].b", "stringValue": "x", "willContinue": true},
                {"jsonPath": "$.a[0].b", "stringValue": "y"},
                {"jsonPath": "$.a[1]['c d']", "numberValue": 0.5},
                {"jsonPath": "$.on", "boolValue": false},
                {"jsonPath": "$.none", "nullValue": "NULL_VALUE"},
            ]),
            json!({"a": [{"b": "xy"}, {"c d": 0.5}], "on": false, "none": null}),
        );
    }

    #[test]
    fn odd_places_are_left_out() {
        check(json!([{"jsonPath": "$.a[99999999999]", "stringValue": "x"}]), json!({"a": []}));
        check(
            json!([{"jsonPath": "$.a[x", "stringValue": "x"}, {"jsonPath": "$..", "stringValue": "x"}]),
            json!({}),
        );
        check(json!([{"jsonPath": format!("${}", ".a".repeat(999)), "stringValue": "x"}]), json!({}));
    }
}
