//! One recorded exchange, and which wire it is for.
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use consort_wire::{MaxTokensField, Quirks, ReasoningRequest, ResponseHead, ToolChoiceWord, WireRequest};
use serde_json::Value;
use std::path::Path;

pub(crate) struct Recording {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) kind: String,
    pub(crate) stream: bool,
    pub(crate) expect: Value,
    api_path: String,
    whole: Value,
}

impl Recording {
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let bytes = std::fs::read(file).map_err(|error| told(&error))?;
        Ok(Self::of(serde_json::from_slice(&bytes).map_err(|error| told(&error))?))
    }

    pub(crate) fn of(whole: Value) -> Self {
        let text = |key: &str| whole[key].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("id"),
            provider: text("provider"),
            kind: text("kind"),
            stream: whole["stream"].as_bool().unwrap_or_default(),
            expect: whole["expect"].clone(),
            api_path: text("api_path"),
            whole,
        }
    }

    /// The id of the wire, or nothing for a kind that none is for.
    pub(crate) fn wire(&self) -> Option<&'static str> {
        let path = self.api_path.as_str();
        let wire = match self.kind.as_str() {
            "messages" => "anthropic",
            "responses" => "openai-responses",
            "converse" => "bedrock",
            "generate" if self.provider.starts_with("ollama") => "ollama",
            "generate" => "gemini",
            "chat" => self.vendor_wire().unwrap_or("openai-chat"),
            "embeddings" => self.vendor_wire().unwrap_or("openai"),
            "models" => match self.provider.as_str() {
                "anthropic-messages" => "anthropic",
                _ => self.vendor_wire().unwrap_or("openai-chat"),
            },
            "count-tokens" if self.provider.starts_with("anthropic") || path.contains("messages") => {
                "anthropic"
            }
            "count-tokens" => self.vendor_wire().unwrap_or("openai-responses"),
            _ => return None,
        };
        Some(wire)
    }

    fn vendor_wire(&self) -> Option<&'static str> {
        match self.provider.as_str() {
            "cohere" => Some("cohere"),
            "ollama" => Some("ollama"),
            "gemini" | "gemini-vertex" => Some("gemini"),
            _ => None,
        }
    }

    /// The messages of a live session, of both sides and in order.
    pub(crate) fn frames(&self) -> &[Value] {
        self.whole["frames"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn head(&self) -> ResponseHead {
        let response = &self.whole["response"];
        let headers = response["headers"].as_object().into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        ResponseHead::new(response["status"].as_u64().unwrap_or(200) as u16, headers)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let body = self.whole["response"]["body"].as_str().unwrap_or_default();
        if self.whole["response"]["body_encoding"] == "base64" {
            STANDARD.decode(body).unwrap_or_default()
        } else {
            body.as_bytes().to_vec()
        }
    }

    /// Whether a request for an answer was kept.
    pub(crate) fn has_chat_request(&self) -> bool {
        let chat = matches!(self.kind.as_str(), "chat" | "messages" | "responses" | "generate" | "converse");
        chat && self.whole["request"]["body"].is_object()
    }

    pub(crate) fn request_body(&self) -> &Value {
        &self.whole["request"]["body"]
    }

    pub(crate) fn request(&self) -> WireRequest {
        let request = &self.whole["request"];
        let headers = request["headers"].as_object().into_iter().flatten();
        WireRequest {
            method: "POST",
            path: request["path"].as_str().unwrap_or_default().trim_start_matches('/').to_owned(),
            headers: headers
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
            body: Bytes::from(request["body"].to_string()),
        }
    }

    /// The dialect that the request was written in, so that it can be written in it again.
    pub(crate) fn quirks(&self) -> Quirks {
        let body = self.request_body();
        let has = |key: &str| !body[key].is_null();
        Quirks {
            cache_marks: true,
            tool_result_images: true,
            stream_usage: body["stream_options"]["include_usage"] == true,
            max_tokens_field: if has("max_completion_tokens") {
                MaxTokensField::MaxCompletionTokens
            } else {
                MaxTokensField::MaxTokens
            },
            seed_field: if has("random_seed") { "random_seed" } else { "seed" }.into(),
            reasoning_request: if body["reasoning"].is_object() {
                ReasoningRequest::Object
            } else if body["thinking"].is_object() && !has("reasoning_effort") {
                ReasoningRequest::Thinking
            } else {
                ReasoningRequest::Effort
            },
            tool_choice: if body["tool_choice"] == "any" { ToolChoiceWord::Any } else { ToolChoiceWord::All },
            ..Quirks::default()
        }
    }
}
