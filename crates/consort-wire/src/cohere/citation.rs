//! Citations: they stand beside the content and point into it.
use super::ID;
use consort_core::{Citation, Object};
use serde_json::{Value, json};

/// Reads one citation; the whole object is kept.
pub(super) fn read(object: Object) -> Citation {
    let number = |key: &str| object.get(key).and_then(super::count);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let document = object
        .get("sources")
        .and_then(|sources| sources.as_array()?.first())
        .map_or(&Value::Null, |source| &source["document"]);
    let mut citation = Citation {
        url: text(&document["url"]),
        title: text(&document["title"]),
        quote: object.get("text").and_then(text),
        start: number("start"),
        end: number("end"),
        ..Citation::default()
    };
    citation.vendor.merge(ID, object);
    citation
}

/// Writes one citation; another vendor's is told in this vendor's words.
pub(super) fn write(citation: &Citation) -> Object {
    if let Some(own) = citation.vendor.of(ID) {
        return own.clone();
    }
    let mut document = Object::new();
    crate::json::set(&mut document, "title", citation.title.clone());
    crate::json::set(&mut document, "url", citation.url.clone());
    let id = citation.url.as_ref().or(citation.title.as_ref());
    let mut object = Object::new();
    crate::json::set(&mut object, "start", citation.start);
    crate::json::set(&mut object, "end", citation.end);
    crate::json::set(&mut object, "text", citation.quote.clone());
    object.insert("sources".into(), json!([{"type": "document", "id": id, "document": document}]));
    object.insert("type".into(), "TEXT_CONTENT".into());
    object
}

/// The place in the content that a citation belongs to: where it says, if text is there, or the first text.
pub(super) fn home(object: &Object, is_text: &[bool]) -> Option<usize> {
    let said = object.get("content_index").and_then(super::count).map(|index| index as usize);
    said.filter(|index| is_text.get(*index) == Some(&true))
        .or_else(|| is_text.iter().position(|is_text| *is_text))
}
