//! Opaque data that belongs to one vendor's wire and is carried back to that wire only.
use crate::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Vendor JSON, filed under the id of the wire it came from. Another wire never sees it.
///
/// ```
/// # use consort_core::VendorData;
/// let mut data = VendorData::default();
/// data.set("gemini", "thoughtSignature", "c2ln");
/// assert_eq!(data.get("gemini", "thoughtSignature").unwrap(), "c2ln");
/// assert!(data.of("anthropic").is_none());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VendorData(BTreeMap<String, Object>);

impl VendorData {
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Object::is_empty)
    }

    /// All that is filed under one wire.
    pub fn of(&self, wire: &str) -> Option<&Object> {
        self.0.get(wire).filter(|object| !object.is_empty())
    }

    pub fn get(&self, wire: &str, key: &str) -> Option<&Value> {
        self.of(wire)?.get(key)
    }

    /// The text filed under a key, if it is text.
    pub fn text(&self, wire: &str, key: &str) -> Option<&str> {
        self.get(wire, key)?.as_str()
    }

    pub fn set(&mut self, wire: &str, key: &str, value: impl Into<Value>) {
        self.0.entry(wire.to_owned()).or_default().insert(key.to_owned(), value.into());
    }

    /// Adds all keys of `object`, replacing those that are there.
    pub fn merge(&mut self, wire: &str, object: Object) {
        if !object.is_empty() {
            self.0.entry(wire.to_owned()).or_default().extend(object);
        }
    }

    pub fn remove(&mut self, wire: &str, key: &str) -> Option<Value> {
        let object = self.0.get_mut(wire)?;
        let removed = object.shift_remove(key);
        if object.is_empty() {
            self.0.remove(wire);
        }
        removed
    }

    /// Drops what belongs to other wires.
    pub fn keep_only(&mut self, wire: &str) {
        self.0.retain(|name, object| name == wire && !object.is_empty());
    }

    /// The ids of the wires that something is filed under.
    pub fn wires(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
