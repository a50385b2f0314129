//! Where live sessions are served, in which format, and where its clients put their key.
use crate::wire::{GeminiServed, OpenAiServed, ServedWire};

/// One address at which live sessions are served.
#[derive(Debug, Clone, Copy)]
pub struct LiveApi {
    pub path: &'static str,
    /// Whether the address names the model, by `model` behind its question mark; else the client's first message does.
    pub names_model: bool,
    /// Where clients put their key, beside `Authorization: Bearer`: a header, a name behind the question mark, the start of
    /// a sub-protocol's name, which is all that a page in a browser can say.
    pub key_header: Option<&'static str>,
    pub key_query: Option<&'static str>,
    pub key_protocol: Option<&'static str>,
    /// The sub-protocol that is agreed on with whoever offers it.
    pub protocol: Option<&'static str>,
    wire: fn(&str, &str) -> Box<dyn ServedWire>,
}

impl LiveApi {
    /// The format of one connection: for this model where the address names one, under a name that no other connection has.
    pub fn wire(&self, model: &str, name: &str) -> Box<dyn ServedWire> {
        (self.wire)(model, name)
    }

    /// What is served at a path.
    pub fn at(path: &str) -> Option<&'static Self> {
        APIS.iter().find(|api| api.path == path)
    }
}

const OPENAI: LiveApi = LiveApi {
    path: "/v1/realtime",
    names_model: true,
    key_header: Some("api-key"),
    key_query: None,
    key_protocol: Some("openai-insecure-api-key."),
    protocol: Some("realtime"),
    wire: |model, name| Box::new(OpenAiServed::new(model, name)),
};

const GEMINI: LiveApi = LiveApi {
    path: "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    names_model: false,
    key_header: Some("x-goog-api-key"),
    key_query: Some("key"),
    key_protocol: None,
    protocol: None,
    wire: |_, name| Box::new(GeminiServed::new(name)),
};

/// All of them.
pub const APIS: [LiveApi; 3] = [
    OPENAI,
    GEMINI,
    LiveApi {
        path: "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent",
        ..GEMINI
    },
];
