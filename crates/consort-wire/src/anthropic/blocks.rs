//! Content blocks: the parts of messages, in both directions.
use super::{ID, media};
use crate::json;
use consort_core::{
    Arguments, Body, Cache, Citation, Error, Media, Object, Part, ToolCall, ToolResult, VendorData,
};
use serde_json::{Value, json};

/// Writes one part; nothing for what this wire cannot say.
pub(super) fn write(part: &Part) -> Result<Option<Value>, Error> {
    let mut block = Object::new();
    match &part.body {
        Body::Text { text, citations } => {
            block.insert("type".into(), "text".into());
            block.insert("text".into(), text.as_str().into());
            let cited = write_citations(citations);
            if !cited.is_empty() {
                block.insert("citations".into(), cited.into());
            }
        }
        Body::Refusal { text } => {
            block.insert("type".into(), "text".into());
            block.insert("text".into(), text.as_str().into());
        }
        Body::Reasoning { redacted: true, .. } => {
            let Some(data) = part.signature_for(ID) else { return Ok(None) };
            block.insert("type".into(), "redacted_thinking".into());
            block.insert("data".into(), data.into());
        }
        Body::Reasoning { text, .. } => {
            block.insert("type".into(), "thinking".into());
            block.insert("thinking".into(), text.as_str().into());
            json::set(&mut block, "signature", part.signature_for(ID));
        }
        Body::Media(media) => media::write(media, &mut block)?,
        Body::ToolCall(call) => {
            block.insert("type".into(), "tool_use".into());
            block.insert("id".into(), call.id.as_str().into());
            block.insert("name".into(), call.name.as_str().into());
            block.insert("input".into(), input(&call.arguments));
        }
        Body::ToolResult(result) => write_result(result, &mut block)?,
        Body::Native { wire, value, .. } => match value {
            Value::Object(object) if wire == ID => block.clone_from(object),
            _ => return Ok(None),
        },
    }
    add_cache(&mut block, part.cache.as_ref());
    add_vendor(&mut block, &part.vendor);
    Ok(Some(Value::Object(block)))
}

pub(super) fn write_all<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Result<Vec<Value>, Error> {
    parts.into_iter().filter_map(|part| write(part).transpose()).collect()
}

fn write_result(result: &ToolResult, block: &mut Object) -> Result<(), Error> {
    block.insert("type".into(), "tool_result".into());
    block.insert("tool_use_id".into(), result.call_id.as_str().into());
    let content = write_all(&result.content)?;
    if !content.is_empty() {
        block.insert("content".into(), content.into());
    }
    if result.is_error {
        block.insert("is_error".into(), true.into());
    }
    Ok(())
}

/// The vendor's own objects; another vendor's citation of a page is told as a page that was found.
pub(super) fn write_citations(citations: &[Citation]) -> Vec<Value> {
    let written = |citation: &Citation| match citation.vendor.of(ID) {
        Some(own) => Some(Value::Object(own.clone())),
        None => Some(json!({
            "type": "web_search_result_location",
            "url": citation.url.as_deref()?,
            "title": citation.title,
            "cited_text": citation.quote.as_deref().unwrap_or_default(),
            "encrypted_index": "",
        })),
    };
    citations.iter().filter_map(written).collect()
}

/// Whether the vendor would know a citation again: not one that was told in its words for another vendor.
pub(super) fn is_own(citation: &Citation) -> bool {
    citation.vendor.of(ID).is_some() && citation.vendor.text(ID, "encrypted_index") != Some("")
}

/// Arguments as the object that the format wants. What is none is shown as it came.
pub(super) fn input(arguments: &Arguments) -> Value {
    match arguments.value() {
        Ok(value @ Value::Object(_)) => value,
        _ => json!({"invalid_json": arguments.raw()}),
    }
}

pub(super) fn add_cache(block: &mut Object, cache: Option<&Cache>) {
    if let Some(cache) = cache {
        let mut mark = json!({"type": "ephemeral"});
        if let Some(ttl) = &cache.ttl {
            mark["ttl"] = json!(ttl);
        }
        block.insert("cache_control".into(), mark);
    }
}

/// Adds what was carried for this wire, next to what is there already.
pub(super) fn add_vendor(block: &mut Object, vendor: &VendorData) {
    for (key, value) in vendor.of(ID).into_iter().flatten() {
        block.entry(key.as_str()).or_insert_with(|| value.clone());
    }
}

/// Takes a cache mark out of a block; one that says more than Consort can hold stays.
pub(super) fn take_cache(block: &mut Object) -> Option<Cache> {
    let mark = block.get("cache_control")?.as_object()?;
    let known = mark.keys().all(|key| key == "type" || key == "ttl");
    let ttl = match mark.get("ttl") {
        None | Some(Value::Null) => None,
        Some(ttl) => Some(ttl.as_str()?.to_owned()),
    };
    if !known || mark.get("type").is_none_or(|kind| kind != "ephemeral") {
        return None;
    }
    block.shift_remove("cache_control");
    Some(Cache { ttl })
}

/// Reads one content block. What only this wire knows is kept whole.
pub(super) fn read(mut block: Object) -> Part {
    let cache = take_cache(&mut block);
    if let Some(mut part) = read_known(&block) {
        part.cache = cache;
        let owned = keys(&part.body);
        block.retain(|key, value| !owned.contains(&key.as_str()) && !value.is_null());
        part.vendor.merge(ID, block);
        return part;
    }
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut part = Part::native(ID, kind, Value::Object(block));
    part.cache = cache;
    part
}

/// The fields that the writer writes for such a part; all others are the vendor's.
pub(super) fn keys(body: &Body) -> &'static [&'static str] {
    match body {
        Body::Text { .. } | Body::Refusal { .. } => &["type", "text", "citations"],
        Body::Reasoning { redacted: true, .. } => &["type", "data"],
        Body::Reasoning { .. } => &["type", "thinking", "signature"],
        Body::Media(Media { mime, .. }) if mime.starts_with("image/") => &["type", "source"],
        Body::Media(_) => &["type", "source", "title"],
        Body::ToolCall(_) => &["type", "id", "name", "input"],
        Body::ToolResult(_) => &["type", "tool_use_id", "content", "is_error"],
        Body::Native { .. } => &[],
    }
}

fn read_known(block: &Object) -> Option<Part> {
    let text = |key: &str| block.get(key).and_then(Value::as_str);
    let kind = text("type")?;
    let part = match kind {
        "text" => {
            let citations = match block.get("citations") {
                None | Some(Value::Null) => Vec::new(),
                Some(cited) => cited.as_array()?.iter().filter_map(citation).collect(),
            };
            Body::Text { text: text("text")?.to_owned(), citations }.into()
        }
        "thinking" => {
            let part = Part::reasoning(text("thinking")?);
            match text("signature") {
                Some(signature) => part.signed(ID, signature),
                None => part,
            }
        }
        "redacted_thinking" => {
            let part: Part = Body::Reasoning { text: String::new(), redacted: true }.into();
            part.signed(ID, text("data")?)
        }
        "image" | "document" => {
            let media = media::read(kind, block)?;
            // A URL without a known ending is an image here, whatever the block said.
            let written = if media.family() == "image" || media.mime.is_empty() && kind == "image" {
                "image"
            } else {
                "document"
            };
            (written == kind).then(|| Part::media(media))?
        }
        "tool_use" => {
            let input = match block.get("input") {
                None | Some(Value::Null) => Arguments::new(""),
                Some(input) => Arguments::from(input),
            };
            Body::ToolCall(ToolCall {
                id: text("id")?.to_owned(),
                name: text("name")?.to_owned(),
                arguments: input,
            })
            .into()
        }
        "tool_result" => Body::ToolResult(read_result(block)?).into(),
        _ => return None,
    };
    Some(part)
}

fn read_result(block: &Object) -> Option<ToolResult> {
    let content = match block.get("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(content) => read_content(content)?,
    };
    Some(ToolResult {
        call_id: block.get("tool_use_id")?.as_str()?.to_owned(),
        name: String::new(),
        content,
        is_error: block.get("is_error").and_then(Value::as_bool).unwrap_or_default(),
    })
}

/// Reads a text, or a list of blocks.
pub(super) fn read_content(content: &Value) -> Option<Vec<Part>> {
    match content {
        Value::String(text) if text.is_empty() => Some(Vec::new()),
        Value::String(text) => Some(vec![Part::text(text)]),
        Value::Array(blocks) => Some(
            blocks
                .iter()
                .filter_map(|block| match block {
                    Value::Object(block) => Some(read(block.clone())),
                    Value::String(text) => Some(Part::text(text)),
                    _ => None,
                })
                .collect(),
        ),
        _ => None,
    }
}

/// What a citation says in words that all wires share, and the vendor's own object.
pub(super) fn citation(value: &Value) -> Option<Citation> {
    let object = value.as_object()?;
    let text = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key)?.as_str()).map(str::to_owned);
    let mut citation = Citation {
        url: text(&["url", "source"]),
        title: text(&["title", "document_title"]),
        quote: text(&["cited_text"]),
        ..Citation::default()
    };
    citation.vendor.merge(ID, object.clone());
    Some(citation)
}
