//! Words of a plugin that the protocol has not, where it is likely what was meant.
use super::odd::Slip;
use consort_core::ErrorKind;
use serde_json::{Map, Value};
use std::collections::HashMap;

const ANSWER: &[&str] =
    &["finishReason", "vendorReason", "stopSequence", "usage", "model", "responseId", "content"];
const USAGE: &[&str] = &[
    "inputTokens",
    "outputTokens",
    "cachedInputTokens",
    "cacheWriteTokens",
    "reasoningTokens",
    "totalTokens",
    "details",
];
const REASONS: &[&str] =
    &["stop", "length", "tool_calls", "content_filter", "refusal", "pause", "cancelled", "other"];
const ERROR: &[&str] = &["code", "message", "data"];
const DATA: &[&str] = &[
    "kind",
    "retryAfterMs",
    "status",
    "code",
    "requestId",
    "missing",
    "at",
    "traceback",
    "help",
    "supported",
];
const HELLO: &[&str] = &["protocolVersion", "plugin", "capabilities", "env", "notes"];
const ABLE: &[&str] =
    &["generate", "countTokens", "embed", "tools", "realtime", "check", "templates", "fragments", "commands"];
const LIST: &[&str] = &["models", "needs", "notes"];
const MODEL: &[&str] = &[
    "id",
    "name",
    "description",
    "aliases",
    "kind",
    "capabilities",
    "limits",
    "needs",
    "price",
    "optionsSchema",
];
const MODEL_ABLE: &[&str] = &["stream", "tools", "reasoning", "structuredOutput", "input", "output"];
const NEEDS: &[&str] = &["secrets", "env"];

/// The fields that the protocol names of an answer.
pub(super) fn is_of_answer(name: &str) -> bool {
    ANSWER.contains(&name)
}

/// What the result of `generate` says in other words.
pub(super) fn of_answer(result: &str) -> Vec<Slip> {
    // Most of an answer may be media: only what is looked at is read.
    type Apart<'a> = HashMap<&'a str, &'a serde_json::value::RawValue>;
    let Ok(fields) = serde_json::from_str::<Apart<'_>>(result) else { return Vec::new() };
    let mut slips = misspelt("its answer", fields.keys().copied(), ANSWER);
    let value = |name| fields.get(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    if let Some(Value::Object(usage)) = value("usage") {
        slips.extend(misspelt("its `usage`", usage.keys().map(String::as_str), USAGE));
    }
    if let Some(Value::String(reason)) = value("finishReason")
        && !REASONS.contains(&reason.as_str())
    {
        slips.push(Slip::Word { field: "finishReason", help: one_of(&reason, REASONS), word: reason });
    }
    slips
}

/// What an answer that is an error, which stands in this line, says in other words.
pub(super) fn of_failure(line: &str) -> Vec<Slip> {
    let whole: Value = serde_json::from_str(line).unwrap_or_default();
    let Value::Object(error) = &whole["error"] else { return Vec::new() };
    let is_outside = |name: &&str| !ERROR.contains(name) && DATA.contains(name);
    let names = || error.keys().map(String::as_str);
    let mut slips: Vec<Slip> =
        names().filter(is_outside).map(|name| Slip::Outside(name.to_owned())).collect();
    slips.extend(misspelt("its error", names().filter(|name| !is_outside(name)), ERROR));
    // JSON-RPC lets anything stand in `data`: what is near to a field of ours was meant to be one.
    if let Some(Value::Object(data)) = error.get("data") {
        slips.extend(misspelt("its error's `data`", data.keys().map(String::as_str), DATA));
    }
    if let Some(kind) = whole["error"]["data"]["kind"].as_str()
        && ErrorKind::parse(kind).is_none()
    {
        let kinds = ErrorKind::ALL.map(ErrorKind::as_str);
        slips.push(Slip::Word { field: "kind", help: one_of(kind, &kinds), word: kind.to_owned() });
    }
    slips
}

/// What an answer to `initialize` says in other words, as remarks for the plugin's author.
pub(super) fn of_hello(result: &str) -> Vec<String> {
    let whole: Value = serde_json::from_str(result).unwrap_or_default();
    let places =
        [("its answer to `initialize`", &whole, HELLO), ("its `capabilities`", &whole["capabilities"], ABLE)];
    places.into_iter().flat_map(|(of, value, known)| remarks(of, value, known)).collect()
}

/// The same of an answer to `models/list`.
pub(super) fn of_models(result: &str) -> Vec<String> {
    const MOST: usize = 20;
    let whole: Value = serde_json::from_str(result).unwrap_or_default();
    let mut told = remarks("its answer to `models/list`", &whole, LIST);
    for model in whole["models"].as_array().into_iter().flatten() {
        let name = model["id"].as_str().unwrap_or_default();
        for (part, value, known) in [
            ("", model, MODEL),
            ("`capabilities` of ", &model["capabilities"], MODEL_ABLE),
            ("`needs` of ", &model["needs"], NEEDS),
        ] {
            told.extend(remarks(&format!("{part}the model `{name}`"), value, known));
        }
    }
    told.truncate(MOST);
    told
}

fn remarks(of: &str, value: &Value, known: &'static [&'static str]) -> Vec<String> {
    let names = value.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    let unknown = unknown(names, known);
    unknown.map(|(name, meant)| format!("{of} has no field `{name}`: did you mean `{meant}`?")).collect()
}

fn misspelt<'a>(
    of: &'static str,
    names: impl Iterator<Item = &'a str>,
    known: &'static [&'static str],
) -> Vec<Slip> {
    let slip = |(name, meant): (&str, &'static str)| Slip::Misspelt { of, field: name.to_owned(), meant };
    unknown(names, known).map(slip).collect()
}

/// The names that are not known and near to one that is.
fn unknown<'a>(
    names: impl Iterator<Item = &'a str>,
    known: &'static [&'static str],
) -> impl Iterator<Item = (&'a str, &'static str)> {
    let names = names.filter(move |name| !known.contains(name) && !name.starts_with("x-"));
    names.filter_map(move |name| Some((name, meant(name, known)?)))
}

/// The word that was probably meant.
fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    const ALIKE: f64 = 0.9;
    let plain = |word: &str| word.replace(['_', '-'], "").to_lowercase();
    let word = plain(word);
    let likeness = |known: &str| {
        let known = plain(known);
        let slip = word.len() > 3 && strsim::damerau_levenshtein(&word, &known) == 1;
        strsim::jaro_winkler(&word, &known).max(if slip { ALIKE } else { 0.0 })
    };
    let best = known.iter().max_by(|one, two| likeness(one).total_cmp(&likeness(two)))?;
    (likeness(best) >= ALIKE).then_some(*best)
}

/// What to write in place of a word.
fn one_of(word: &str, known: &[&str]) -> String {
    match meant(word, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_nearly_one_of_the_protocols_is_told_with_that() {
        let told = |slips: Vec<Slip>| format!("{slips:?}");
        let answer = told(of_answer(
            r#"{"finish_reason":"stop","usage":{"input_tokens":1,"cost":2},"x-mood":1,"finishReason":"end_turn"}"#,
        ));
        for word in ["\"finishReason\"", "\"inputTokens\"", "end_turn", "there are stop, length"] {
            assert!(answer.contains(word), "{word}: {answer}");
        }
        assert!(!answer.contains("cost") && !answer.contains("mood"), "{answer}");
        assert_eq!(of_answer(r#"{"finishReason":"stop","usage":{"details":{"a":1}},"content":[]}"#), []);
        let failure =
            told(of_failure(r#"{"error":{"kind":"x","data":{"kind":"ratelimit","retry_after_ms":1}}}"#));
        for word in ["Outside(\"kind\")", "did you mean `rate_limit`?", "\"retryAfterMs\""] {
            assert!(failure.contains(word), "{word}: {failure}");
        }
        assert_eq!(of_failure(r#"{"error":{"code":1,"message":"","data":{"kind":"auth","own":1}}}"#), []);
        assert_eq!(of_failure(r#"{"error":"text"}"#), []);
    }

    #[test]
    fn what_a_plugin_says_of_itself_is_looked_at_too() {
        let hello = of_hello(r#"{"protocolVersion":1,"capabilities":{"count_tokens":true,"x-own":1}}"#);
        assert_eq!(hello, ["its `capabilities` has no field `count_tokens`: did you mean `countTokens`?"]);
        let models = of_models(r#"{"models":[{"id":"a","alias":["b"],"needs":{"secret":["k"]}}]}"#);
        assert_eq!(models.len(), 2, "{models:?}");
        assert!(
            models[0].contains("the model `a` has no field `alias`: did you mean `aliases`?"),
            "{models:?}"
        );
    }

    /// The schema of the protocol is the one list of what it has: these are the same words.
    #[test]
    fn the_words_are_those_of_the_schema() {
        let schema = &consort_plugin::testing::schema()["$defs"];
        let results = &schema["results"]["$defs"];
        for (what, known) in [
            (&results["generate"], ANSWER),
            (&results["initialize"], HELLO),
            (&results["initialize"]["properties"]["capabilities"], ABLE),
            (&results["models/list"], LIST),
            (&schema["usage"], USAGE),
            (&schema["error"], ERROR),
            (&schema["error"]["properties"]["data"], DATA),
            (&schema["model"], MODEL),
            (&schema["model"]["properties"]["capabilities"], MODEL_ABLE),
            (&schema["needs"], NEEDS),
        ] {
            let mut named: Vec<&String> =
                what["properties"].as_object().into_iter().flat_map(Map::keys).collect();
            let mut known = known.to_vec();
            named.sort_unstable();
            known.sort_unstable();
            assert_eq!(known, named, "{what}");
        }
        let reasons = &results["generate"]["properties"]["finishReason"]["enum"];
        assert_eq!(serde_json::json!(REASONS), *reasons);
    }
}
