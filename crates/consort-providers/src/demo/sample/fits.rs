//! Whether a value fits a schema, for every keyword that the sampler decides on. Patterns and formats are met
//! by how values are made and are not looked at again.
use super::flat::{items, resolve};
use super::leaf::bounds;
use consort_core::Object;
use serde_json::Value;

pub(super) fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    check(root, schema, value, 0)
}

/// How deep schemas may nest: a reference to itself must end somewhere.
const DEEPEST: usize = 64;

fn check(root: &Value, schema: &Value, value: &Value, depth: usize) -> bool {
    let keys = match schema {
        Value::Bool(yes) => return *yes,
        Value::Object(keys) => keys,
        _ => return true,
    };
    if depth > DEEPEST {
        return false;
    }
    let sub = |schema: &Value, value: &Value| check(root, schema, value, depth + 1);
    let here = |schema: &Value| sub(schema, value);
    let list = |name: &str| keys.get(name).and_then(Value::as_array);
    keys.get("$ref")
        .and_then(Value::as_str)
        .is_none_or(|reference| resolve(root, reference).is_some_and(here))
        && keys.get("type").is_none_or(|kinds| is_of(kinds, value))
        && list("enum").is_none_or(|all| all.iter().any(|one| same(one, value)))
        && keys.get("const").is_none_or(|one| same(one, value))
        && list("allOf").is_none_or(|all| all.iter().all(here))
        && list("anyOf").is_none_or(|all| all.iter().any(here))
        && list("oneOf").is_none_or(|all| all.iter().filter(|one| here(one)).count() == 1)
        && keys.get("not").is_none_or(|not| !here(not))
        && keys
            .get("if")
            .is_none_or(|condition| keys.get(if here(condition) { "then" } else { "else" }).is_none_or(here))
        && match value {
            Value::Number(number) => number.as_f64().is_none_or(|number| number_fits(keys, number)),
            Value::String(text) => size_fits(keys, "minLength", "maxLength", text.chars().count()),
            Value::Array(all) => array_fits(keys, all, &sub),
            Value::Object(object) => object_fits(keys, object, value, &sub),
            _ => true,
        }
}

/// Equal as JSON: 1 and 1.0 are the same number.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && other.is_number() && one.as_f64() == other.as_f64())
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match kinds {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

fn number_fits(keys: &Object, number: f64) -> bool {
    let (low, high) = bounds(keys);
    let step = keys.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
    let whole = |step: f64| {
        let times = number / step;
        (times - times.round()).abs() < 1e-9
    };
    low.is_none_or(|low| if low.open { number > low.at } else { number >= low.at })
        && high.is_none_or(|high| if high.open { number < high.at } else { number <= high.at })
        && step.is_none_or(whole)
}

fn size_fits(keys: &Object, least: &str, most: &str, size: usize) -> bool {
    let limit = |name: &str| keys.get(name).and_then(Value::as_f64);
    limit(least).is_none_or(|least| size as f64 >= least)
        && limit(most).is_none_or(|most| size as f64 <= most)
}

fn array_fits(keys: &Object, all: &[Value], sub: &impl Fn(&Value, &Value) -> bool) -> bool {
    let (first, rest) = items(keys);
    let each = |(at, value): (usize, &Value)| first.get(at).or(rest).is_none_or(|schema| sub(schema, value));
    let different = |(at, value): (usize, &Value)| !all[..at].contains(value);
    size_fits(keys, "minItems", "maxItems", all.len())
        && all.iter().enumerate().all(each)
        && (keys.get("uniqueItems") != Some(&Value::Bool(true)) || all.iter().enumerate().all(different))
        && keys.get("contains").is_none_or(|wanted| {
            let held = all.iter().filter(|value| sub(wanted, value)).count();
            let limit = |name: &str| keys.get(name).and_then(Value::as_u64);
            held as u64 >= limit("minContains").unwrap_or(1)
                && limit("maxContains").is_none_or(|most| held as u64 <= most)
        })
}

fn object_fits(keys: &Object, object: &Object, value: &Value, sub: &impl Fn(&Value, &Value) -> bool) -> bool {
    let map = |name: &str| keys.get(name).and_then(Value::as_object);
    let named = map("properties");
    let known = |name: &String| named.is_some_and(|all| all.contains_key(name));
    let property = |(name, value): (&String, &Value)| {
        named.and_then(|all| all.get(name)).is_none_or(|schema| sub(schema, value))
            // Where there are patterns, which names are additional is theirs to say.
            && (map("patternProperties").is_some()
                || known(name)
                || keys.get("additionalProperties").is_none_or(|schema| sub(schema, value)))
            && keys.get("propertyNames").is_none_or(|schema| sub(schema, &Value::String(name.clone())))
    };
    let has = |name: &Value| name.as_str().is_none_or(|name| object.contains_key(name));
    let brought = |(name, brings): (&String, &Value)| {
        !object.contains_key(name)
            || match brings {
                Value::Array(brought) => brought.iter().all(has),
                schema => sub(schema, value),
            }
    };
    size_fits(keys, "minProperties", "maxProperties", object.len())
        && keys.get("required").and_then(Value::as_array).is_none_or(|all| all.iter().all(has))
        && object.iter().all(property)
        && ["dependentRequired", "dependentSchemas", "dependencies"]
            .iter()
            .filter_map(|name| map(name))
            .all(|all| all.iter().all(brought))
}
