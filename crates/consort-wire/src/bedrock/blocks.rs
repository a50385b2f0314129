//! Content blocks: the parts of messages, in both directions.
use super::{ID, media};
use crate::json;
use consort_core::{Arguments, Body, Cache, Citation, Error, Object, Part, ToolCall, ToolResult};
use serde_json::{Value, json};

/// The mark of text that is for a guardrail to judge, with what is said of it.
pub(super) const GUARDED: &str = "guardContent";
/// The mark of a tool result's text that was given as JSON.
pub(super) const AS_JSON: &str = "as_json";

/// The block of a cache mark, which follows what it is on.
const CACHE_POINT: &str = "cachePoint";

/// Writes parts, each with its cache point behind it.
pub(super) fn write_all<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Result<Vec<Value>, Error> {
    let mut blocks = Vec::new();
    for part in parts {
        let Some((name, value)) = write(part)? else { continue };
        blocks.push(block(&name, value));
        blocks.extend(part.cache.as_ref().map(cache_point));
    }
    Ok(blocks)
}

pub(super) fn block(name: &str, value: impl Into<Value>) -> Value {
    let mut block = Object::new();
    block.insert(name.to_owned(), value.into());
    Value::Object(block)
}

pub(super) fn cache_point(cache: &Cache) -> Value {
    let mut point = json!({"type": "default"});
    if let Some(ttl) = &cache.ttl {
        point["ttl"] = json!(ttl);
    }
    block(CACHE_POINT, point)
}

fn write(part: &Part) -> Result<Option<(String, Value)>, Error> {
    let written = match &part.body {
        Body::Text { text, citations } => write_text(part, text, citations),
        Body::Refusal { text } => ("text", text.as_str().into()),
        Body::Reasoning { text, redacted } => {
            let signature = part.signature_for(ID);
            let thinking = if *redacted {
                let Some(data) = signature else { return Ok(None) };
                json!({"redactedContent": data})
            } else {
                let mut told = json!({"text": text});
                if let Some(signature) = signature {
                    told["signature"] = json!(signature);
                }
                json!({"reasoningText": told})
            };
            ("reasoningContent", thinking)
        }
        Body::Media(media) => match media::write(media, part)? {
            Some((name, object)) => (name, Value::Object(object)),
            None => return Ok(None),
        },
        Body::ToolCall(call) => {
            let told = json!({"toolUseId": call.id, "name": call.name, "input": input(&call.arguments)});
            ("toolUse", with_vendor(told, part))
        }
        Body::ToolResult(result) => ("toolResult", with_vendor(write_result(result)?, part)),
        Body::Native { wire, value: Value::Object(object), .. } if wire == ID => {
            return Ok(object.iter().next().map(|(name, value)| (name.clone(), value.clone())));
        }
        Body::Native { .. } => return Ok(None),
    };
    Ok(Some((written.0.to_owned(), written.1)))
}

fn write_text(part: &Part, text: &str, citations: &[Citation]) -> (&'static str, Value) {
    let cited: Vec<Value> = citations.iter().filter_map(write_citation).collect();
    if !cited.is_empty() {
        return ("citationsContent", json!({"content": [{"text": text}], "citations": cited}));
    }
    if let Some(Value::Object(said)) = part.vendor.get(ID, GUARDED) {
        let mut guarded = said.clone();
        guarded.insert("text".into(), text.into());
        return (GUARDED, json!({"text": guarded}));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if part.vendor.get(ID, AS_JSON).is_some() => ("json", value),
        _ => ("text", text.into()),
    }
}

/// The vendor's own object; another vendor's citation of a page is told in this vendor's words.
pub(super) fn write_citation(citation: &Citation) -> Option<Value> {
    if let Some(own) = citation.vendor.of(ID) {
        return Some(Value::Object(own.clone()));
    }
    let mut told = json!({"location": {"web": {"url": citation.url.as_deref()?}}});
    if let Some(title) = &citation.title {
        told["title"] = json!(title);
    }
    if let Some(quote) = &citation.quote {
        told["sourceContent"] = json!([{"text": quote}]);
    }
    Some(told)
}

fn write_result(result: &ToolResult) -> Result<Value, Error> {
    let mut told = json!({"toolUseId": result.call_id, "content": write_all(&result.content)?});
    if result.is_error {
        told["status"] = json!("error");
    }
    Ok(told)
}

fn with_vendor(mut told: Value, part: &Part) -> Value {
    if let Value::Object(object) = &mut told {
        for (key, value) in part.vendor.of(ID).into_iter().flatten() {
            object.entry(key.as_str()).or_insert_with(|| value.clone());
        }
    }
    told
}

/// Arguments as the object that the format wants. What is none is shown as it came.
pub(super) fn input(arguments: &Arguments) -> Value {
    match arguments.value() {
        Ok(value @ Value::Object(_)) => value,
        _ => json!({"invalid_json": arguments.raw()}),
    }
}

/// Reads a list of blocks; a cache point goes to the part before it.
pub(super) fn read_all(blocks: &[Value], assistant: bool) -> Vec<Part> {
    fold_cache_points(blocks.iter().filter_map(Value::as_object).map(|block| read(block, assistant)))
}

pub(super) fn fold_cache_points(parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
    let mut folded: Vec<Part> = Vec::new();
    for part in parts {
        let point = cache_of(&part);
        match (folded.last_mut(), point) {
            (Some(last), Some(cache)) if last.cache.is_none() && cache_of(last).is_none() => {
                last.cache = Some(cache);
            }
            _ => folded.push(part),
        }
    }
    folded
}

/// The mark that a native cache point stands for.
fn cache_of(part: &Part) -> Option<Cache> {
    let Body::Native { wire, kind, value } = &part.body else { return None };
    (wire == ID && kind == CACHE_POINT).then(|| read_cache_point(value))?
}

pub(super) fn read_cache_point(block: &Value) -> Option<Cache> {
    let point = block.get(CACHE_POINT)?.as_object()?;
    let ttl = match point.get("ttl") {
        None | Some(Value::Null) => None,
        Some(ttl) => Some(ttl.as_str()?.to_owned()),
    };
    let known = point.keys().all(|key| key == "type" || key == "ttl");
    (known && point.get("type").is_some_and(|kind| kind == "default")).then_some(Cache { ttl })
}

/// Reads one block. What only this wire knows is kept whole.
pub(super) fn read(block: &Object, assistant: bool) -> Part {
    // Unknown members beside the one that counts would be an SDK's (`SDK_UNKNOWN_MEMBER`).
    let Some((name, value)) = block.iter().find(|(_, value)| !value.is_null()) else {
        return Part::native(ID, "", Value::Object(Object::new()));
    };
    read_known(name, value, assistant)
        .unwrap_or_else(|| Part::native(ID, name.as_str(), self::block(name, value.clone())))
}

fn read_known(name: &str, value: &Value, assistant: bool) -> Option<Part> {
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    match name {
        "text" => Some(Part::text(value.as_str()?)),
        "json" => {
            let mut part = Part::text(value.to_string());
            part.vendor.set(ID, AS_JSON, true);
            Some(part)
        }
        GUARDED => {
            let object = value.as_object().filter(|object| object.len() == 1)?;
            let mut said = object.get("text")?.as_object()?.clone();
            let mut part = Part::text(json::take_text(&mut said, "text")?);
            part.vendor.set(ID, GUARDED, said);
            Some(part)
        }
        "citationsContent" => {
            let words = texts(value.get("content")?);
            let citations = value.get("citations")?.as_array()?.iter().filter_map(citation).collect();
            Some(Body::Text { text: words, citations }.into())
        }
        "reasoningContent" => read_reasoning(value.as_object()?),
        "image" | "document" | "video" | "audio" => media::read(name, value.as_object()?),
        "toolUse" if text("type").as_deref() != Some("server_tool_use") => {
            let call = ToolCall {
                id: text("toolUseId")?,
                name: text("name")?,
                arguments: match value.get("input") {
                    None | Some(Value::Null) => Arguments::new(""),
                    Some(input) => Arguments::from(input),
                },
            };
            Some(rest(Body::ToolCall(call).into(), value, &["toolUseId", "name", "input"]))
        }
        // An assistant's results are of tools that the vendor ran.
        "toolResult" if !assistant => {
            let result = ToolResult {
                call_id: text("toolUseId")?,
                name: String::new(),
                content: value.get("content")?.as_array().map(|blocks| read_all(blocks, false))?,
                is_error: text("status").as_deref() == Some("error"),
            };
            Some(rest(Body::ToolResult(result).into(), value, &["toolUseId", "content", "status"]))
        }
        _ => None,
    }
}

/// Files the fields that Consort has no word for.
fn rest(mut part: Part, value: &Value, known: &[&str]) -> Part {
    for (key, value) in value.as_object().into_iter().flatten() {
        if !known.contains(&key.as_str()) && !value.is_null() {
            part.vendor.set(ID, key, value.clone());
        }
    }
    part
}

fn read_reasoning(object: &Object) -> Option<Part> {
    if let Some(Value::String(data)) = object.get("redactedContent") {
        let part: Part = Body::Reasoning { text: String::new(), redacted: true }.into();
        return Some(part.signed(ID, data));
    }
    let told = object.get("reasoningText")?;
    let part = Part::reasoning(told.get("text")?.as_str()?);
    Some(match told.get("signature").and_then(Value::as_str) {
        Some(signature) => part.signed(ID, signature),
        None => part,
    })
}

/// What a citation says in words that all wires share, and the vendor's own object.
pub(super) fn citation(value: &Value) -> Option<Citation> {
    let object = value.as_object()?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let location = object.get("location");
    let web = location.and_then(|location| location.get("web")).and_then(|web| web.get("url"));
    let source = text(object.get("source")).filter(|source| source.starts_with("http"));
    let mut citation = Citation {
        url: text(web).or(source),
        title: text(object.get("title")),
        quote: object.get("sourceContent").map(texts).filter(|words| !words.is_empty()),
        ..Citation::default()
    };
    citation.vendor.merge(ID, object.clone());
    Some(citation)
}

/// All texts of a list, joined.
fn texts(list: &Value) -> String {
    list.as_array().into_iter().flatten().filter_map(|item| item["text"].as_str()).collect()
}
