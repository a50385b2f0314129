//! Requests: what a wire writes, it reads again as what it can carry.
use crate::generate;
use consort_core::Request;
use consort_wire::{
    MaxTokensField, Quirks, ReasoningRequest, SchemaSupport, ToolChoiceWord, WIRES, Wire, WireRequest,
};
use proptest::prelude::*;

/// The dialects under which the property must hold.
fn dialects() -> Vec<Quirks> {
    let plain = Quirks::default();
    vec![
        Quirks { cache_marks: true, tool_result_images: true, ..plain.clone() },
        Quirks {
            max_tokens_field: MaxTokensField::MaxCompletionTokens,
            reasoning_field: "reasoning".into(),
            reasoning_request: ReasoningRequest::Object,
            tool_choice: ToolChoiceWord::Any,
            seed_field: "random_seed".into(),
            stream_usage: false,
            ..plain.clone()
        },
        Quirks {
            reasoning_field: String::new(),
            reasoning_request: ReasoningRequest::Thinking,
            tool_choice: ToolChoiceWord::AutoOnly,
            schema: SchemaSupport::JsonObject,
            parallel_tools: false,
            refuses: vec!["temperature".into(), "seed".into()],
            ..plain.clone()
        },
        plain,
    ]
}

/// Writes, reads, and compares with what the wire says it can carry.
fn check(wire: &dyn Wire, request: &Request, quirks: &Quirks) -> Result<(), TestCaseError> {
    let id = wire.id();
    let (written, normalised) = wire
        .encode_request(request, quirks)
        .map_err(|error| TestCaseError::fail(format!("{id}: {error:?}")))?;
    let body = String::from_utf8_lossy(&written.body).into_owned();
    let read = wire
        .decode_request(&written)
        .map_err(|error| TestCaseError::fail(format!("{id}: {error:?} {body}")))?;
    same(&read, &normalised.request, &format!("{id}: read again from {} {body}", written.path))?;
    same(
        &wire.normalise(&normalised.request, quirks).request,
        &normalised.request,
        &format!("{id}: normalised twice"),
    )
}

/// Compares, and tells the difference as JSON: a `Debug` of requests fills pages.
fn same(one: &Request, two: &Request, what: &str) -> Result<(), TestCaseError> {
    let told = |request: &Request| serde_json::to_string(request).unwrap_or_default();
    prop_assert!(one == two, "{what}\n   got {}\nwanted {}", told(one), told(two));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(request in generate::request()) {
        for quirks in dialects() {
            for wire in WIRES {
                check(*wire, &request, &quirks)?;
            }
        }
    }

    #[test]
    fn a_broken_request_is_an_error_and_no_panic(body in "\\PC{0,60}", json in arb_json()) {
        for wire in WIRES {
            for body in [&body, &json] {
                let request = WireRequest {
                    method: "POST",
                    path: "models/x:generateContent".into(),
                    headers: Vec::new(),
                    body: body.clone().into_bytes().into(),
                };
                let _ = wire.decode_request(&request);
            }
        }
    }
}

/// Objects with the right names and the wrong values.
fn arb_json() -> impl Strategy<Value = String> {
    const NAMES: [&str; 14] = [
        "messages",
        "input",
        "contents",
        "system",
        "tools",
        "role",
        "content",
        "parts",
        "type",
        "text",
        "function",
        "tool_calls",
        "name",
        "toolConfig",
    ];
    let leaf = prop_oneof![
        Just(serde_json::json!(null)),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        proptest::sample::select(vec!["user", "assistant", "tool", "text", "function", "system", ""])
            .prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::vec((proptest::sample::select(NAMES.to_vec()), inner), 0..5).prop_map(
                |pairs| {
                    pairs
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect::<serde_json::Map<_, _>>()
                        .into()
                }
            ),
        ]
    });
    value.prop_map(|value| value.to_string())
}

/// More where there is time: `PROPTEST_CASES`.
pub(crate) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48)
}
