//! Messages and the parts they are made of.
use crate::{Media, VendorData};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions in the middle of a conversation. Those at its start are [`Request::instructions`](crate::Request).
    System,
    User,
    Assistant,
    /// Results of tool calls, and nothing else.
    Tool,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// The participant who spoke, where several share a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "VendorData::is_empty")]
    pub vendor: VendorData,
}

impl Message {
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None, vendor: VendorData::default() }
    }

    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Part::text(text)])
    }

    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Part::text(text)])
    }

    /// All text parts, joined.
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect()
    }
}

/// One part of a message: its body, and what travels with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    #[serde(flatten)]
    pub body: Body,
    /// Opaque state that the vendor wants back unchanged. It can stand on any part, even an empty one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Asks the vendor to cache the prompt up to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    #[serde(default, skip_serializing_if = "VendorData::is_empty")]
    pub vendor: VendorData,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    Text {
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Citation>,
    },
    Media(Media),
    /// Thinking that the vendor shows, or (with `redacted`) only stands for by its signature.
    Reasoning {
        text: String,
        #[serde(default)]
        redacted: bool,
    },
    ToolCall(ToolCall),
    ToolResult(ToolResult),
    Refusal {
        text: String,
    },
    /// An item that only one wire knows, kept whole: a vendor-side tool call, its result, and the like.
    Native {
        wire: String,
        kind: String,
        value: Value,
    },
}

impl From<Body> for Part {
    fn from(body: Body) -> Self {
        Self { body, signature: None, cache: None, vendor: VendorData::default() }
    }
}

impl Part {
    pub fn text(text: impl Into<String>) -> Self {
        Body::Text { text: text.into(), citations: Vec::new() }.into()
    }

    pub fn media(media: Media) -> Self {
        Body::Media(media).into()
    }

    pub fn reasoning(text: impl Into<String>) -> Self {
        Body::Reasoning { text: text.into(), redacted: false }.into()
    }

    pub fn tool_call(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<Arguments>,
    ) -> Self {
        Body::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }).into()
    }

    pub fn tool_result(call_id: impl Into<String>, name: impl Into<String>, text: impl Into<String>) -> Self {
        Body::ToolResult(ToolResult {
            call_id: call_id.into(),
            name: name.into(),
            content: vec![Self::text(text)],
            is_error: false,
        })
        .into()
    }

    pub fn native(wire: impl Into<String>, kind: impl Into<String>, value: Value) -> Self {
        Body::Native { wire: wire.into(), kind: kind.into(), value }.into()
    }

    pub fn signed(mut self, wire: impl Into<String>, value: impl Into<String>) -> Self {
        self.signature = Some(Signature { wire: wire.into(), value: value.into() });
        self
    }

    pub fn cached(mut self) -> Self {
        self.cache = Some(Cache::default());
        self
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.body {
            Body::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn as_tool_call(&self) -> Option<&ToolCall> {
        match &self.body {
            Body::ToolCall(call) => Some(call),
            _ => None,
        }
    }

    /// The signature, if it was made by this wire.
    pub fn signature_for(&self, wire: &str) -> Option<&str> {
        self.signature
            .as_ref()
            .filter(|signature| signature.wire == wire)
            .map(|signature| signature.value.as_str())
    }
}

/// Opaque state of one part, and the wire that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub wire: String,
    pub value: String,
}

/// A mark that asks for prompt caching up to this part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// How long, in the vendor's words (`5m`, `1h`); the vendor's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// Where a piece of text comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The words that are quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// Where in the answer's text the claim starts and ends, in characters, where the vendor says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The vendor's own object.
    #[serde(default, skip_serializing_if = "VendorData::is_empty")]
    pub vendor: VendorData,
}

/// The model asks for a tool to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The durable id that the result must name. Minted by the decoder where the vendor sends none.
    pub id: String,
    pub name: String,
    pub arguments: Arguments,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    pub call_id: String,
    /// The tool's name; some wires match results by it.
    #[serde(default)]
    pub name: String,
    pub content: Vec<Part>,
    #[serde(default)]
    pub is_error: bool,
}

impl ToolResult {
    /// All text of the result, joined.
    pub fn text(&self) -> String {
        self.content.iter().filter_map(Part::as_text).collect()
    }
}

/// The arguments of a tool call, as the JSON text that came. They may be cut, or not JSON at all.
///
/// Two are equal when they mean the same JSON, or are the same text.
///
/// ```
/// # use consort_core::Arguments;
/// assert_eq!(Arguments::new(r#"{"a": 1}"#), Arguments::new(r#"{"a":1}"#));
/// assert!(Arguments::new("").value().unwrap().as_object().unwrap().is_empty());
/// assert!(Arguments::new(r#"{"a": "#).value().is_err());
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arguments(String);

impl Arguments {
    pub fn new(raw: impl Into<String>) -> Self {
        Self(raw.into())
    }

    /// The text as it came.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The text for a wire that wants JSON text: never empty.
    pub fn json_text(&self) -> &str {
        if self.is_blank() { "{}" } else { &self.0 }
    }

    /// What the text means. No text, and `null`, mean an empty object: vendors send both for a call without arguments.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        if self.is_blank() {
            return Ok(Value::Object(crate::Object::new()));
        }
        serde_json::from_str(&self.0)
    }

    fn is_blank(&self) -> bool {
        matches!(self.0.trim(), "" | "null")
    }
}

impl PartialEq for Arguments {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || matches!((self.value(), other.value()), (Ok(mine), Ok(theirs)) if mine == theirs)
    }
}

impl From<&Value> for Arguments {
    fn from(value: &Value) -> Self {
        Self(value.to_string())
    }
}

impl From<Value> for Arguments {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl From<&str> for Arguments {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}
