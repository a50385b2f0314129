//! Citations: where the vendor found what it says, and the way back.
use super::ID;
use consort_core::{Citation, Object};
use serde_json::{Value, json};

/// The citations of a `groundingMetadata`: one for each source of each claim, or the bare sources.
pub(super) fn citations(grounding: &Value, said: &str) -> Vec<Citation> {
    let sources = list(grounding, "groundingChunks");
    let claims = list(grounding, "groundingSupports");
    if claims.is_empty() {
        return sources.iter().map(source).collect();
    }
    let mut citations = Vec::new();
    for claim in claims {
        let segment = &claim["segment"];
        for index in list(claim, "groundingChunkIndices").iter().filter_map(Value::as_u64) {
            let Some(found) = sources.get(index as usize) else { continue };
            citations.push(Citation {
                quote: segment["text"].as_str().map(str::to_owned),
                // A start of 0 is left out.
                start: segment["endIndex"]
                    .as_u64()
                    .and_then(|_| characters(said, segment["startIndex"].as_u64().unwrap_or(0))),
                end: segment["endIndex"].as_u64().and_then(|end| characters(said, end)),
                ..source(found)
            });
        }
    }
    citations
}

/// The citations of a `citationMetadata`: what the answer recites.
pub(super) fn quotations(metadata: &Value, said: &str) -> Vec<Citation> {
    let sources = ["citationSources", "citations"].iter().flat_map(|key| list(metadata, key));
    let read = |one: &Value| {
        let place = |key: &str| one[key].as_u64().and_then(|at| characters(said, at));
        let mut citation = Citation {
            url: text(&one["uri"]),
            title: text(&one["title"]),
            start: place("startIndex"),
            end: place("endIndex"),
            ..Citation::default()
        };
        keep(&mut citation, one);
        citation
    };
    sources.map(read).collect()
}

/// A `groundingMetadata` for citations of any vendor.
pub(super) fn metadata(citations: &[Citation], said: &str) -> Value {
    let mut chunks: Vec<Value> = Vec::new();
    let mut supports = Vec::new();
    for citation in citations {
        let chunk = json!({"web": {"uri": citation.url, "title": citation.title}});
        let index = chunks.iter().position(|known| *known == chunk).unwrap_or_else(|| {
            chunks.push(chunk);
            chunks.len() - 1
        });
        let mut segment = Object::new();
        let place = |at: Option<u64>| at.map(|at| bytes(said, at));
        crate::json::set(&mut segment, "startIndex", place(citation.start));
        crate::json::set(&mut segment, "endIndex", place(citation.end));
        crate::json::set(&mut segment, "text", citation.quote.as_deref());
        if !segment.is_empty() {
            supports.push(json!({"segment": segment, "groundingChunkIndices": [index]}));
        }
    }
    json!({"groundingChunks": chunks, "groundingSupports": supports})
}

/// One source: a page, a document, a place.
fn source(chunk: &Value) -> Citation {
    let found = ["web", "retrievedContext", "maps", "image"]
        .iter()
        .map(|kind| &chunk[*kind])
        .find(|found| found.is_object())
        .unwrap_or(chunk);
    let mut citation = Citation {
        url: text(&found["uri"]).or_else(|| text(&found["sourceUri"])),
        title: text(&found["title"]),
        ..Citation::default()
    };
    keep(&mut citation, chunk);
    citation
}

fn keep(citation: &mut Citation, value: &Value) {
    if let Value::Object(object) = value {
        citation.vendor.merge(ID, object.clone());
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// How many characters stand before this byte.
fn characters(said: &str, byte: u64) -> Option<u64> {
    said.get(..usize::try_from(byte).ok()?).map(|before| before.chars().count() as u64)
}

/// How many bytes stand before this character.
fn bytes(said: &str, character: u64) -> u64 {
    said.char_indices().nth(character as usize).map_or(said.len(), |(at, _)| at) as u64
}
