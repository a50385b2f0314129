//! The sampler against an independent validator.
use super::sample;
use proptest::prelude::*;
use serde_json::{Value, json};

#[track_caller]
fn check(schema: Value) -> Value {
    let value = sample(&schema, "").unwrap_or_else(|| panic!("no value for {schema}"));
    assert_valid(&schema, &value);
    value
}

#[track_caller]
fn assert_valid(schema: &Value, value: &Value) {
    let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{value} does not fit {schema}: {errors:?}");
}

#[test]
fn single_keywords() {
    for schema in [
        json!(true),
        json!({}),
        json!({"type": "null"}),
        json!({"type": ["null", "integer"]}),
        json!({"const": {"a": [1]}}),
        json!({"enum": [1, "x", null], "type": "string"}),
        json!({"type": "integer", "minimum": 5, "exclusiveMaximum": 7}),
        json!({"type": "integer", "multipleOf": 7, "minimum": 50}),
        json!({"type": "integer", "multipleOf": 0.5, "minimum": -3, "maximum": -2}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.01}),
        json!({"type": "number", "multipleOf": 0.01, "minimum": 0.295}),
        json!({"type": "number", "maximum": -1e9}),
        json!({"type": "string", "minLength": 40}),
        json!({"type": "string", "maxLength": 2}),
        json!({"type": "string", "maxLength": 0}),
        json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{4,}$", "minLength": 12}),
        json!({"type": "string", "pattern": "^(foo|bar)+(\\.[a-z]+)?$"}),
        json!({"type": "string", "pattern": "x", "minLength": 9}),
        json!({"type": "string", "pattern": "^\\p{L}+$"}),
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "items": false}),
        json!({"type": "array", "contains": {"const": 7}, "minContains": 2}),
        json!({"type": "array", "maxItems": 0, "items": {"type": "string"}}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3}),
        json!({"type": "object", "patternProperties": {"^x-[a-z]+$": {"type": "integer"}}, "additionalProperties": false, "minProperties": 1}),
        json!({"type": "object", "propertyNames": {"pattern": "^[a-c]{4}$"}, "minProperties": 2}),
        json!({"properties": {"a": {}, "b": false}, "required": ["a", "z"], "additionalProperties": {"type": "null"}}),
        json!({"properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 2, "required": ["c"]}),
        json!({"properties": {"a": {"type": "string"}}, "dependentRequired": {"a": ["b"]}}),
        json!({"not": {"type": "string"}}),
        json!({"not": {"type": ["string", "number", "object"]}}),
        json!({"allOf": [{"minimum": 3}, {"maximum": 4}, {"type": "integer"}]}),
        json!({"anyOf": [false, {"type": "integer"}]}),
        json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
        json!({"properties": {"a": {}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        json!({"type": "object", "properties": {"kind": {"enum": ["x", "y"]}}, "required": ["kind"],
            "if": {"properties": {"kind": {"const": "x"}}}, "then": {"required": ["n"]}, "else": {"required": ["m"]}}),
    ] {
        check(schema);
    }
}

#[test]
fn formats() {
    for format in [
        "date-time",
        "date",
        "time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "uuid",
        "json-pointer",
        "relative-json-pointer",
        "regex",
        "iri",
        "unheard-of",
    ] {
        check(json!({"type": "string", "format": format}));
        check(
            json!({"type": "array", "items": {"type": "string", "format": format}, "minItems": 3, "uniqueItems": true}),
        );
    }
}

#[test]
fn recursion_ends() {
    let tree = check(json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "left": {"$ref": "#/$defs/node"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}
            },
            "required": ["name", "children"],
            "additionalProperties": false
        }}
    }));
    assert!(tree["children"].is_array());
    check(json!({
        "$ref": "#/definitions/expression%20tree",
        "definitions": {"expression tree": {"anyOf": [
            {"type": "object", "properties": {"and": {"type": "array", "minItems": 2, "items": {"$ref": "#/definitions/expression%20tree"}}}, "required": ["and"]},
            {"type": "integer"}
        ]}}
    }));
    let endless = json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}}});
    assert_eq!(sample(&endless, ""), None);
    let circle =
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}});
    assert_eq!(sample(&circle, ""), None);
}

#[test]
fn the_impossible_is_not_answered() {
    for schema in [
        json!(false),
        json!({"type": "integer", "minimum": 2, "maximum": 1}),
        json!({"allOf": [{"const": 1}, {"const": 2}]}),
        json!({"allOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"enum": []}),
        json!({"$ref": "#/nowhere"}),
        json!({"type": "array", "items": {"type": "boolean"}, "minItems": 3, "uniqueItems": true}),
    ] {
        assert_eq!(sample(&schema, ""), None, "{schema}");
    }
}

#[test]
fn words_of_the_prompt_are_used() {
    let schema = json!({"type": "object", "properties": {
        "a": {"type": "number"}, "b": {"type": "integer", "maximum": 10}, "city": {"type": "string"}}});
    let value = sample(&schema, r#"add 2.5 and 300 and 3 in "Paris"."#).unwrap();
    assert_eq!(value, json!({"a": 2.5, "b": 3, "city": "Paris"}));
    let value = sample(&schema, r#"call it with {"a": 1, "b": 2, "city": "Rome"} please"#).unwrap();
    assert_eq!(value, json!({"a": 1, "b": 2, "city": "Rome"}));
}

/// Schemas that have a value, nested.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "null"})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "string", "format": "date"})),
        (0..20u32, 0..20u32).prop_map(|(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more})),
        (0..4u32, 0..4u32).prop_map(|(a, b)| json!({"type": "string", "pattern": format!("^[a-f]{{{a},{}}}x*$", a + b)})),
        (-50..50i32, 0..50i32, 1..9i32).prop_map(|(low, more, step)| json!({"type": "integer", "minimum": low, "maximum": low + step + more, "multipleOf": step})),
        (-50.0..50.0f64, 0.1..9.0f64).prop_map(|(low, more)| json!({"type": "number", "exclusiveMinimum": low, "maximum": low + more})),
        prop::collection::vec(0..9u8, 1..4).prop_map(|all| json!({"enum": all})),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let object = |inner: BoxedStrategy<Value>| {
            (prop::collection::btree_map("[a-d]{1,2}", inner, 0..5), any::<prop::sample::Index>(), any::<bool>())
                .prop_map(|(properties, index, open)| {
                    let required: Vec<&String> =
                        properties.keys().take(if properties.is_empty() { 0 } else { index.index(properties.len()) }).collect();
                    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": open})
                })
        };
        prop_oneof![
            object(inner.clone().boxed()),
            (inner.clone(), 0..4u32, 0..3u32).prop_map(|(items, least, more)| json!({"type": "array", "items": items, "minItems": least, "maxItems": least + more})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| json!({"anyOf": all})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({"type": "array", "prefixItems": all})),
            (inner.clone(), inner).prop_map(|(a, b)| json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"],
                "allOf": [{"properties": {"b": b}, "required": ["b"]}], "$defs": {"a": a}})),
        ]
    })
}

/// Moves the definitions of every depth to the root, where references look for them.
fn hoist(schema: Value) -> Value {
    fn walk(value: &mut Value, defs: &mut Vec<Value>) {
        if let Some(mut own) = value.as_object_mut().and_then(|object| object.remove("$defs")) {
            let mut target = own["a"].take();
            walk(&mut target, defs);
            defs.push(target);
            value["properties"]["a"] = json!({"$ref": format!("#/$defs/d{}", defs.len() - 1)});
        }
        match value {
            Value::Object(object) => object.values_mut().for_each(|value| walk(value, defs)),
            Value::Array(all) => all.iter_mut().for_each(|value| walk(value, defs)),
            _ => {}
        }
    }
    let (mut schema, mut defs) = (schema, Vec::new());
    walk(&mut schema, &mut defs);
    let defs: Value =
        Value::Object(defs.into_iter().enumerate().map(|(at, one)| (format!("d{at}"), one)).collect());
    schema["$defs"] = defs;
    schema
}

proptest! {
    #[test]
    fn every_value_fits(schema in schemas(), prompt in "[a-z0-9 \"]{0,20}") {
        let schema = hoist(schema);
        let value = sample(&schema, &prompt);
        prop_assert!(value.is_some(), "no value for {}", schema);
        assert_valid(&schema, &value.unwrap());
    }

    #[test]
    fn nothing_panics(schema in any_json()) {
        let _ = sample(&schema, "1 \"x\"");
    }
}

/// Any JSON, with the keywords of schemas in the wrong places.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "multipleOf",
        "pattern",
        "format",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "$ref",
        "#",
        "#/a",
        "string",
        "integer",
        "object",
        "array",
        "uniqueItems",
        "minLength",
        "minProperties",
        "propertyNames",
        "patternProperties",
        "dependencies",
        "contains",
        "(",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6).prop_map(|all| Value::Object(
                all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}
