//! A schema without references and conjunctions: one set of keywords, and the choices that are left.
use consort_core::Object;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// One set of keywords, the choices that must still be made, and what to check at the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Flat {
    pub(super) keys: Object,
    /// Branches of each `anyOf` and `oneOf`: one of each must be picked.
    pub(super) choices: Vec<Vec<Value>>,
    /// Schemas with the keywords that are checked rather than followed.
    pub(super) checks: Vec<Value>,
}

/// How many references may follow each other without a value between them.
const CHAIN: usize = 32;

impl Flat {
    /// Flattens a schema; nothing when no value can fit it. `opened` gets the references that were followed.
    pub(super) fn of(root: &Value, schema: &Value, opened: &mut Vec<String>) -> Option<Self> {
        if opened.len() > CHAIN {
            return None;
        }
        let keys = match schema {
            Value::Bool(false) => return None,
            Value::Object(keys) => keys,
            _ => return Some(Self::default()),
        };
        let mut flat = Self::default();
        for (name, value) in keys {
            match name.as_str() {
                "$ref" | "$dynamicRef" | "allOf" | "$defs" | "definitions" => {}
                "anyOf" => flat.choices.push(value.as_array()?.clone()),
                "oneOf" => {
                    flat.choices.push(value.as_array()?.clone());
                    flat.checks.push(json!({"oneOf": value}));
                }
                "not" => flat.checks.push(json!({"not": value})),
                "if" => {
                    let branch = |name: &str| keys.get(name).cloned().unwrap_or(Value::Bool(true));
                    let (then, other) = (branch("then"), branch("else"));
                    flat.checks.push(json!({"if": value, "then": then, "else": other}));
                    flat.choices.push(vec![json!({"allOf": [value, then]}), other]);
                }
                "dependentSchemas" | "dependencies" => {
                    flat.checks.push(Value::Object(Map::from_iter([(name.clone(), value.clone())])));
                    flat.keys.insert(name.clone(), value.clone());
                }
                _ => {
                    flat.keys.insert(name.clone(), value.clone());
                }
            }
        }
        if let Some(reference) = keys.get("$ref").or_else(|| keys.get("$dynamicRef")) {
            let reference = reference.as_str()?;
            opened.push(reference.to_owned());
            flat = flat.and(Self::of(root, resolve(root, reference)?, opened)?)?;
        }
        for part in keys.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            flat = flat.and(Self::of(root, part, opened)?)?;
        }
        Some(flat)
    }

    /// Both at once; nothing where they contradict each other.
    pub(super) fn and(mut self, other: Self) -> Option<Self> {
        for (name, theirs) in other.keys {
            let both = match self.keys.get(&name) {
                None => theirs,
                Some(mine) if *mine == theirs => continue,
                Some(mine) => both(&name, mine, &theirs)?,
            };
            self.keys.insert(name, both);
        }
        self.choices.extend(other.choices);
        self.checks.extend(other.checks);
        Some(self)
    }
}

/// What a reference within the document points to.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let fragment = reference.strip_prefix('#').or_else(|| {
        let id = root.get("$id")?.as_str()?;
        reference.strip_prefix(id)?.strip_prefix('#')
    })?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(&unescape(fragment));
    }
    ["$defs", "definitions"].iter().find_map(|place| {
        let all = root.get(place)?.as_object()?;
        all.values().find(|one| {
            ["$anchor", "$dynamicAnchor"]
                .iter()
                .any(|name| one.get(*name).is_some_and(|anchor| anchor == fragment))
        })
    })
}

/// Undoes the percent-escapes of a URL's fragment.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|two| std::str::from_utf8(two).ok());
        if let Some(byte) = code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One keyword that holds for both of two schemas.
fn both(name: &str, mine: &Value, theirs: &Value) -> Option<Value> {
    let larger = |larger: bool| {
        let (a, b) = (mine.as_f64()?, theirs.as_f64()?);
        Some(if (a > b) == larger { mine.clone() } else { theirs.clone() })
    };
    match name {
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" | "minContains" => {
            larger(true)
        }
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => larger(false),
        "multipleOf" => match (mine.as_u64(), theirs.as_u64()) {
            (Some(a), Some(b)) if a > 0 && b > 0 => Some(json!(a / gcd(a, b) * b)),
            _ => larger(true),
        },
        "uniqueItems" => Some(Value::Bool(mine == &Value::Bool(true) || theirs == &Value::Bool(true))),
        "required" => {
            let all = mine.as_array()?.iter().chain(
                theirs
                    .as_array()?
                    .iter()
                    .filter(|name| !mine.as_array().is_some_and(|mine| mine.contains(name))),
            );
            Some(all.cloned().collect())
        }
        "properties" | "patternProperties" => {
            let mut all = mine.as_object()?.clone();
            for (name, schema) in theirs.as_object()? {
                let schema = match all.get(name) {
                    Some(old) => json!({"allOf": [old, schema]}),
                    None => schema.clone(),
                };
                all.insert(name.clone(), schema);
            }
            Some(Value::Object(all))
        }
        "items" | "additionalProperties" | "additionalItems" | "contains" | "propertyNames" => {
            Some(json!({"allOf": [mine, theirs]}))
        }
        "prefixItems" => {
            let (mine, theirs) = (mine.as_array()?, theirs.as_array()?);
            let both = (0..mine.len().max(theirs.len())).map(|at| match (mine.get(at), theirs.get(at)) {
                (Some(a), Some(b)) => json!({"allOf": [a, b]}),
                (one, other) => one.or(other).cloned().unwrap_or(Value::Bool(true)),
            });
            Some(both.collect())
        }
        "enum" => {
            let theirs = theirs.as_array()?;
            Some(mine.as_array()?.iter().filter(|value| theirs.contains(value)).cloned().collect())
        }
        "const" => None,
        "type" => types_of(mine, theirs),
        // Two patterns: the first is followed, and the check at the end decides.
        _ => Some(mine.clone()),
    }
}

/// The types that both allow.
fn types_of(mine: &Value, theirs: &Value) -> Option<Value> {
    let list = |value: &Value| match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(one) => vec![one.clone()],
        _ => Vec::new(),
    };
    let (mine, theirs) = (list(mine), list(theirs));
    let allows = |all: &[String], one: &str| {
        all.iter().any(|kind| kind == one || (kind == "number" && one == "integer"))
    };
    let shared: BTreeSet<String> = mine
        .iter()
        .filter(|one| allows(&theirs, one))
        .chain(theirs.iter().filter(|one| allows(&mine, one)))
        .cloned()
        .collect();
    (!shared.is_empty()).then(|| shared.into_iter().map(Value::String).collect())
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The schemas of an array's first items, and that of the rest, in the words of any draft.
pub(super) fn items(keys: &Object) -> (&[Value], Option<&Value>) {
    match (keys.get("prefixItems"), keys.get("items")) {
        (Some(Value::Array(first)), rest) => (first, rest),
        (_, Some(Value::Array(first))) => (first, keys.get("additionalItems")),
        (_, rest) => (&[], rest),
    }
}

/// The schema of properties that are not named.
pub(super) fn others(keys: &Object) -> Value {
    let patterns = keys.get("patternProperties").and_then(Value::as_object);
    match patterns.and_then(|all| all.values().next()) {
        Some(schema) => schema.clone(),
        None => keys.get("additionalProperties").cloned().unwrap_or(Value::Bool(true)),
    }
}

/// The names that must be there, with those that they bring along.
pub(super) fn required(keys: &Object, properties: &Object, lean: bool) -> Vec<String> {
    let listed = keys.get("required").and_then(Value::as_array).into_iter().flatten();
    let mut all: Vec<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    let brings = ["dependentRequired", "dependencies"].map(|name| keys.get(name).and_then(Value::as_object));
    let mut at = 0;
    // Optional properties are made too unless lean, so what they bring along is needed as well.
    let mut present: Vec<String> =
        if lean { all.clone() } else { all.iter().chain(properties.keys()).cloned().collect() };
    while let Some(name) = present.get(at).cloned() {
        at += 1;
        for more in brings.iter().flatten().filter_map(|map| map.get(&name)?.as_array()).flatten() {
            let Some(more) = more.as_str() else { continue };
            if !all.iter().any(|name| name == more) {
                all.push(more.to_owned());
                present.push(more.to_owned());
            }
        }
    }
    all
}
