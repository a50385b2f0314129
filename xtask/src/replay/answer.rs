//! Judges a recorded answer: what the decoder makes of it against what it should mean.
use super::recording::Recording;
use super::special;
use consort_core::{Accumulator, Error, Event, Response, Usage};
use serde_json::{Value, json};

/// What is wrong; empty when all is right.
pub(crate) fn check(recording: &Recording, wire: &str) -> Vec<String> {
    let Some(codec) = consort_wire::wire(wire) else { return vec![format!("no wire `{wire}`")] };
    let body = recording.body();
    let decode = |piece: usize| {
        let mut decoder = codec.decoder(recording.head(), &recording.quirks());
        let mut events = Vec::new();
        let fed = body.chunks(piece).try_for_each(|bytes| decoder.feed(bytes, &mut events));
        (events.clone(), fed.and_then(|()| decoder.end(&mut events)), events)
    };
    let (_, result, events) = decode(body.len().max(1));
    let (_, result_of_pieces, events_of_pieces) = decode(7);
    let mut wrong = Wrong::default();
    if events != events_of_pieces || result != result_of_pieces {
        wrong.say("split", "one piece", "pieces of 7 bytes");
    }
    check_order(&events, result.is_ok(), &mut wrong);
    let mut fold = Accumulator::default();
    events.into_iter().for_each(|event| fold.push(event));
    let response = fold.partial();
    let expect = &recording.expect;
    match (&expect["error"], result) {
        (Value::Null, Err(error)) => wrong.say("error", "none", &format!("{error:?}")),
        (Value::Null, Ok(())) => compare(recording, wire, &response, &mut wrong),
        (expected, Err(error)) => {
            compare_error(expected, &error, &mut wrong);
            // What came before the error counts.
            for (field, ours) in [("text", response.text()), ("reasoning", response.reasoning())] {
                if let Some(expected) = expect[field].as_str() {
                    wrong.unless_equal(field, expected, &ours);
                }
            }
        }
        (expected, Ok(())) => wrong.say("error", &expected.to_string(), "success"),
    }
    wrong.0
}

/// The grammar of events: started first, finished last and once, no delta outside its part.
fn check_order(events: &[Event], finished: bool, wrong: &mut Wrong) {
    let mut open = Vec::new();
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Started { .. } if at != 0 => wrong.say("order", "started first", "started later"),
            Event::PartStart { part, .. } => open.push(*part),
            Event::PartDelta { part, .. } if !open.contains(part) => {
                wrong.say("order", "an open part", "a delta");
            }
            Event::PartEnd { part } => match open.iter().position(|key| key == part) {
                Some(at) => drop(open.swap_remove(at)),
                None => wrong.say("order", "an open part", "an end"),
            },
            Event::Finished(_) if at + 1 != events.len() => {
                wrong.say("order", "finished last", "finished earlier");
            }
            _ => {}
        }
    }
    if finished && !open.is_empty() {
        wrong.say("order", "all parts ended", &format!("{} open", open.len()));
    }
    let ends = events.iter().filter(|event| matches!(event, Event::Finished(_))).count();
    if ends != usize::from(finished) {
        wrong.say("order", &usize::from(finished).to_string(), &format!("{ends} finished events"));
    }
}

fn compare(recording: &Recording, wire: &str, response: &Response, wrong: &mut Wrong) {
    let expect = &recording.expect;
    wrong.unless_equal("text", word(&expect["text"]), &response.text());
    wrong.unless_equal("reasoning", word(&expect["reasoning"]), &special::reasoning(wire, response));
    compare_calls(expect["tool_calls"].as_array(), response, wrong);
    wrong.unless_equal(
        "finish_reason",
        word(&expect["finish_reason"]),
        response.finish.vendor_reason.as_deref().unwrap_or_default(),
    );
    for (field, ours) in [("resolved_model", &response.resolved_model), ("id", &response.response_id)] {
        if !expect[field].is_null() {
            wrong.unless_equal(field, word(&expect[field]), ours.as_deref().unwrap_or_default());
        }
    }
    wrong.unless_equal("refusal", word(&expect["refusal"]), &response.refusal().unwrap_or_default());
    wrong.unless_equal(
        "stop_sequence",
        word(&expect["stop_sequence"]),
        response.finish.stop_sequence.as_deref().unwrap_or_default(),
    );
    compare_usage(&expect["usage"], response.usage.as_ref(), wrong);
    compare_others(expect["other_choices"].as_array(), response, wrong);
    special::check(wire, expect, response, wrong);
}

fn compare_calls(expected: Option<&Vec<Value>>, response: &Response, wrong: &mut Wrong) {
    let expected = expected.map(Vec::as_slice).unwrap_or_default();
    // Gemini's SDK does not put streamed arguments together: a call without a name goes on with the last one.
    let in_pieces = |at: usize| expected.get(at + 1).is_some_and(|next| next["name"].is_null());
    let expected: Vec<(bool, &Value)> = expected
        .iter()
        .enumerate()
        .filter(|(_, call)| !call["name"].is_null())
        .map(|(at, call)| (in_pieces(at), call))
        .collect();
    let ours: Vec<_> = response.tool_calls().collect();
    if expected.len() != ours.len() {
        wrong.say("tool_calls", &expected.len().to_string(), &ours.len().to_string());
        return;
    }
    for ((in_pieces, expected), ours) in expected.into_iter().zip(ours) {
        // Where the vendor sends no id, one is minted.
        if let Some(id) = expected["id"].as_str().filter(|id| !id.is_empty()) {
            wrong.unless_equal("tool_call.id", id, &ours.id);
        }
        wrong.unless_equal("tool_call.name", word(&expected["name"]), &ours.name);
        let arguments = ours.arguments.value().unwrap_or(Value::Null);
        let blank = matches!(expected["arguments_raw"].as_str(), Some("" | "null"));
        if !blank && !in_pieces && !same_json(&expected["arguments"], &arguments) {
            wrong.say("tool_call.arguments", &expected["arguments"].to_string(), &arguments.to_string());
        }
        if let Some(raw) = expected["arguments_raw"].as_str() {
            wrong.unless_equal("tool_call.arguments_raw", raw, ours.arguments.raw());
        }
    }
}

fn compare_usage(expected: &Value, ours: Option<&Usage>, wrong: &mut Wrong) {
    let Some(expected) = expected.as_object() else { return };
    let none = Usage::default();
    let ours = ours.unwrap_or(&none);
    for (name, number) in expected {
        let mine = match name.as_str() {
            "input" => ours.input,
            "output" => ours.output,
            "cached" => ours.cached,
            "cache_write" => ours.cache_write,
            "reasoning" => ours.reasoning,
            "total" => ours.total,
            _ => special::usage(name, ours.vendor.as_deref()),
        };
        if number.as_f64() != mine.map(|number| number as f64) {
            wrong.say(&format!("usage.{name}"), &number.to_string(), &json!(mine).to_string());
        }
    }
}

fn compare_others(expected: Option<&Vec<Value>>, response: &Response, wrong: &mut Wrong) {
    // Some SDKs read only the first answer.
    let Some(expected) = expected else { return };
    if expected.len() != response.others.len() {
        wrong.say("other_choices", &expected.len().to_string(), &response.others.len().to_string());
    }
    for (expected, ours) in expected.iter().zip(&response.others) {
        wrong.unless_equal("other_choices.text", word(&expected["text"]), &ours.text());
        wrong.unless_equal(
            "other_choices.finish_reason",
            word(&expected["finish_reason"]),
            ours.vendor_reason.as_deref().unwrap_or_default(),
        );
    }
}

/// The vendor's own message, type and code must be found on the error.
pub(crate) fn compare_error(expected: &Value, ours: &Error, wrong: &mut Wrong) {
    let message = word(&expected["message"]);
    let mine = ours.message();
    // Long messages are shortened for people.
    let same =
        message.trim() == mine || mine.strip_suffix('…').is_some_and(|start| message.starts_with(start));
    if !same && !message.is_empty() {
        wrong.say("error.message", message, mine);
    }
    for (field, mine) in [("type", ours.vendor_type()), ("code", ours.vendor_code())] {
        let expected = match &expected[field] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // An SDK that finds no code says the status.
        let status = ours.http_status().map(|status| status.to_string());
        let other = if field == "code" { ours.vendor_type() } else { None };
        if mine != Some(expected.as_str())
            && status.as_ref() != Some(&expected)
            && other != Some(expected.as_str())
        {
            wrong.say(&format!("error.{field}"), &expected, mine.unwrap_or("nothing"));
        }
    }
}

/// What is wrong with one recording.
#[derive(Default)]
pub(crate) struct Wrong(pub(crate) Vec<String>);

impl Wrong {
    pub(crate) fn say(&mut self, field: &str, expected: &str, ours: &str) {
        self.0.push(format!("{field}: expected {}, got {}", short(expected), short(ours)));
    }

    pub(crate) fn unless_equal(&mut self, field: &str, expected: &str, ours: &str) {
        if expected != ours {
            self.say(field, &format!("{expected:?}"), &format!("{ours:?}"));
        }
    }
}

/// The same JSON, whether a number is written `1` or `1.0`.
pub(crate) fn same_json(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => one == two || one.as_f64() == two.as_f64(),
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same_json(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(key, one)| two.get(key).is_some_and(|two| same_json(one, two)))
        }
        _ => one == two,
    }
}

pub(crate) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn short(text: &str) -> String {
    const LONGEST: usize = 160;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
