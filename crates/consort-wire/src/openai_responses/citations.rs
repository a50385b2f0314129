//! Citations: the annotations of a text.
use super::ID;
use super::layout::without;
use crate::json;
use consort_core::{Citation, Object};
use serde_json::{Value, json};

/// Reads an annotation. What it says beyond an address, or all of it, is kept as the vendor's.
pub(super) fn read(annotation: Value) -> Option<Citation> {
    let Value::Object(mut object) = annotation else { return None };
    let mut citation = Citation::default();
    if object.get("type").is_some_and(|kind| kind == "url_citation") {
        citation.url = json::take_text(&mut object, "url");
        citation.title = json::take_text(&mut object, "title");
        citation.start = json::take(&mut object, "start_index");
        citation.end = json::take(&mut object, "end_index");
        let rest = if citation.url.is_some() { without(object, &["type"]) } else { object };
        citation.vendor.merge(ID, rest);
    } else {
        citation.title = object.get("filename").and_then(Value::as_str).map(str::to_owned);
        citation.vendor.merge(ID, object);
    }
    Some(citation)
}

/// Writes a citation as an annotation, where it can be one: this format cites addresses, and its own files.
pub(super) fn write(citation: &Citation) -> Option<Value> {
    let own = citation.vendor.of(ID);
    if let Some(own) = own
        && own.get("type").is_some_and(|kind| kind != "url_citation")
    {
        return Some(Value::Object(own.clone()));
    }
    let mut annotation = Object::new();
    annotation.insert("type".into(), json!("url_citation"));
    json::set(&mut annotation, "url", citation.url.clone());
    json::set(&mut annotation, "title", citation.title.clone());
    json::set(&mut annotation, "start_index", citation.start);
    json::set(&mut annotation, "end_index", citation.end);
    for (key, value) in own.into_iter().flatten() {
        if !annotation.contains_key(key) {
            annotation.insert(key.clone(), value.clone());
        }
    }
    annotation.contains_key("url").then_some(Value::Object(annotation))
}
