//! Where this wire keeps what belongs to it on a part: the fields of the part's item, the fields of the
//! part itself, and two marks.
//!
//! An item's own fields (its id, its status, ...) lie flat in the vendor data of each of its parts. What
//! belongs to one part of its content lies below [`PART`].
use super::ID;
use consort_core::{Object, Part, VendorData};
use serde_json::Value;

/// The fields of one part of an item's content.
pub(super) const PART: &str = "part";
/// Which list of a reasoning item the text stands in: `summary` or `content`.
pub(super) const THINKING: &str = "thinking";
/// Marks a native part that stands in a message's content and is not an item itself.
pub(super) const WITHIN: &str = "within";

/// What the parts of an item say themselves: such fields are never kept as the item's own.
pub(super) const MESSAGE: &[&str] = &["type", "role", "content"];
pub(super) const REASONING: &[&str] = &["type", "summary", "content", "encrypted_content"];
pub(super) const CALL: &[&str] = &["type", "call_id", "name", "arguments"];
pub(super) const CUSTOM_CALL: &[&str] = &["call_id", "name", "input"];
pub(super) const RESULT: &[&str] = &["type", "call_id", "output"];
pub(super) const CUSTOM_RESULT: &[&str] = &["call_id", "output"];

/// The type of a tool call whose input is free text. The mark stays in the call's vendor data.
pub(super) const CUSTOM_CALL_TYPE: &str = "custom_tool_call";
pub(super) const CUSTOM_RESULT_TYPE: &str = "custom_tool_call_output";

/// The item's own fields.
pub(super) fn item_fields(vendor: &VendorData) -> Object {
    let mut fields = vendor.of(ID).cloned().unwrap_or_default();
    for mark in [PART, THINKING, WITHIN] {
        fields.shift_remove(mark);
    }
    fields
}

/// The part's own fields.
pub(super) fn part_fields(vendor: &VendorData) -> Option<&Object> {
    vendor.get(ID, PART)?.as_object()
}

/// An object less the named fields.
pub(super) fn without(mut object: Object, names: &[&str]) -> Object {
    object.retain(|name, _| !names.contains(&name.as_str()));
    object
}

/// Whether the fields are those of an item of this type.
pub(super) fn is_type(vendor: &VendorData, kind: &str) -> bool {
    vendor.text(ID, "type") == Some(kind)
}

/// Whether a reasoning part stands in the item's content; otherwise it is a summary.
pub(super) fn is_content(part: &Part) -> bool {
    part.vendor.text(ID, THINKING) == Some("content")
}

/// A part with an item's fields and its own.
pub(super) fn own(mut part: Part, item: &Object, fields: Object) -> Part {
    part.vendor.merge(ID, item.clone());
    if !fields.is_empty() {
        part.vendor.set(ID, PART, Value::Object(fields));
    }
    part
}
