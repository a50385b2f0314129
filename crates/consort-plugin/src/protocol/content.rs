//! Messages and their parts, as the protocol writes them.
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{self as core, Arguments, Body, Media, MediaSource, Part, Role, ToolCall, ToolResult};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: String,
    #[serde(default)]
    pub content: Vec<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One part. Its `type` says which of the fields are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Content {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Self>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// The word and value of a `native` part, which only the plugin itself understands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Value>,
}

impl Message {
    /// A message for the plugin whose wire is named; `None` where nothing of it is left.
    pub fn for_plugin(message: &core::Message, wire: &str) -> Option<Self> {
        let content: Vec<Content> =
            message.parts.iter().filter_map(|part| Content::for_plugin(part, wire)).collect();
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        (!content.is_empty()).then(|| Self { role: role.into(), content, name: message.name.clone() })
    }

    /// The contract's message. An unknown role is an error that says so.
    pub fn into_core(self, wire: &str) -> Result<core::Message, String> {
        let role = match self.role.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            other => return Err(format!("a message has the role `{other}`")),
        };
        let parts = self.content.into_iter().map(|part| part.into_core(wire)).collect::<Result<_, _>>()?;
        let mut message = core::Message::new(role, parts);
        message.name = self.name;
        Ok(message)
    }
}

impl Content {
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: "text".into(), text: Some(text.into()), ..Self::default() }
    }

    /// A part for the plugin whose wire is named. What belongs to another wire alone is left out.
    pub fn for_plugin(part: &Part, wire: &str) -> Option<Self> {
        let opaque = part.signature_for(wire).map(opaque_of);
        let mut content = match &part.body {
            Body::Text { text, .. } => Self::text(text),
            Body::Media(media) => Self::of_media(media)?,
            Body::Reasoning { text, redacted } => {
                // Redacted thinking is nothing without its state.
                if *redacted && opaque.is_none() {
                    return None;
                }
                Self { redacted: *redacted, ..Self::words("reasoning", text) }
            }
            Body::ToolCall(call) => Self {
                kind: "tool_call".into(),
                id: Some(call.id.clone()),
                name: Some(call.name.clone()),
                arguments: Some(call.arguments.value().unwrap_or_else(|_| call.arguments.raw().into())),
                ..Self::default()
            },
            Body::ToolResult(result) => Self::of_result(result, wire),
            Body::Refusal { text } => Self::words("refusal", text),
            Body::Native { wire: its, kind, value } => {
                if its != wire {
                    return None;
                }
                Self {
                    kind: "native".into(),
                    native: Some(kind.clone()),
                    value: Some(value.clone()),
                    ..Self::default()
                }
            }
        };
        content.opaque = opaque;
        Some(content)
    }

    fn words(kind: &str, text: &str) -> Self {
        Self { kind: kind.into(), text: Some(text.to_owned()), ..Self::default() }
    }

    /// Media, by whatever says where they are. A file at another vendor means nothing here.
    pub fn of_media(media: &Media) -> Option<Self> {
        let mut content = Self {
            kind: core::Modality::of_mime(&media.mime).as_str().into(),
            mime: Some(media.mime.clone()).filter(|mime| !mime.is_empty()),
            name: media.name.clone(),
            ..Self::default()
        };
        // Files of text are files here: a `text` part has its words inside.
        if content.kind == "text" {
            content.kind = "file".into();
        }
        match &media.source {
            MediaSource::Bytes(bytes) => content.data = Some(STANDARD.encode(bytes)),
            MediaSource::Path(path) => content.path = Some(path.to_string_lossy().into_owned()),
            MediaSource::Url(url) => content.url = Some(url.clone()),
            MediaSource::File { .. } => return None,
        }
        Some(content)
    }

    fn of_result(result: &ToolResult, wire: &str) -> Self {
        let only_text = result.content.iter().all(|part| part.as_text().is_some());
        let content = if only_text {
            Vec::new()
        } else {
            result.content.iter().filter_map(|part| Self::for_plugin(part, wire)).collect()
        };
        Self {
            kind: "tool_result".into(),
            id: Some(result.call_id.clone()),
            name: Some(result.name.clone()).filter(|name| !name.is_empty()),
            text: Some(result.text()),
            content,
            is_error: result.is_error,
            ..Self::default()
        }
    }

    /// The contract's part.
    pub fn into_core(self, wire: &str) -> Result<Part, String> {
        let opaque = self.opaque.clone();
        let text = || self.text.clone().unwrap_or_default();
        let body = match self.kind.as_str() {
            "text" => Body::Text { text: text(), citations: Vec::new() },
            "reasoning" => Body::Reasoning { text: text(), redacted: self.redacted },
            "refusal" => Body::Refusal { text: text() },
            "tool_call" => Body::ToolCall(ToolCall {
                id: self.id.clone().unwrap_or_default(),
                name: self.name.clone().unwrap_or_default(),
                arguments: arguments(self.arguments.clone()),
            }),
            "tool_result" => {
                let content = if self.content.is_empty() {
                    vec![Part::text(text())]
                } else {
                    self.content.into_iter().map(|part| part.into_core(wire)).collect::<Result<_, _>>()?
                };
                Body::ToolResult(ToolResult {
                    call_id: self.id.unwrap_or_default(),
                    name: self.name.unwrap_or_default(),
                    content,
                    is_error: self.is_error,
                })
            }
            "native" => Body::Native {
                wire: wire.to_owned(),
                kind: self.native.clone().unwrap_or_default(),
                value: self.value.clone().unwrap_or_default(),
            },
            _ if self.data.is_some() || self.path.is_some() || self.url.is_some() => {
                Body::Media(self.media()?)
            }
            other => return Err(format!("a part has the unknown type `{other}`")),
        };
        let mut part = Part::from(body);
        part.signature = opaque.map(|value| signature(wire, &value));
        Ok(part)
    }

    /// The media that the part holds.
    pub fn media(&self) -> Result<Media, String> {
        let source = match self {
            Self { data: Some(data), .. } => {
                let bytes = STANDARD.decode(data).map_err(|error| format!("media are no base64: {error}"))?;
                MediaSource::Bytes(bytes.into())
            }
            Self { path: Some(path), .. } => MediaSource::Path(path.into()),
            Self { url: Some(url), .. } => MediaSource::Url(url.clone()),
            _ => return Err("media have no data, no path and no url".into()),
        };
        Ok(Media { source, mime: self.mime.clone().unwrap_or_default(), name: self.name.clone() })
    }
}

/// Arguments as an object, or as the text that a model wrote.
pub(super) fn arguments(value: Option<Value>) -> Arguments {
    match value {
        None => Arguments::default(),
        Some(Value::String(text)) => Arguments::new(text),
        Some(value) => Arguments::from(value),
    }
}

/// A plugin's opaque value may be any JSON; a signature is a text.
pub(super) fn signature(wire: &str, opaque: &Value) -> core::Signature {
    core::Signature { wire: wire.to_owned(), value: opaque.to_string() }
}

fn opaque_of(signature: &str) -> Value {
    serde_json::from_str(signature).unwrap_or_else(|_| json!(signature))
}
