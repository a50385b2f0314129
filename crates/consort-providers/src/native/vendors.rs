//! The vendors that have a call of their own, and its names.
use super::{JsonStream, Vendor, streaming};
use consort_core::{Error, Secret};
use consort_settings::Env;
use consort_wire::Framing;
use serde_json::Value;

/// What all of them share: how one is made, and where it is.
macro_rules! vendor {
    ($(#[$about:meta])* $name:ident, $id:literal, $framing:expr) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $name {
            vendor: Vendor,
            client: reqwest::Client,
            env: Env,
        }

        impl $name {
            /// With the caller's own client and key. Nothing is read from the environment.
            pub fn new(client: reqwest::Client, key: impl Into<String>) -> Self {
                let env = Env::default();
                let vendor = Vendor::new($id, client.clone(), Secret::new(key), &env, $framing);
                Self { vendor, client, env }
            }

            /// The same at another address.
            pub fn base_url(mut self, base_url: &str) -> Self {
                self.vendor = self.vendor.at(self.client.clone(), &self.env, base_url);
                self
            }

            /// Calls end with this context: its deadline and its cancellation. Its credentials are not used.
            pub fn within(mut self, context: consort_core::Context) -> Self {
                let credentials = self.vendor.context.credentials.clone();
                self.vendor.context = consort_core::Context { credentials, ..context };
                self
            }
        }
    };
}

vendor!(
    /// OpenAI, and whoever speaks like it at another base URL.
    OpenAi, "openai", Framing::Sse
);

impl OpenAi {
    /// `POST /chat/completions`
    pub async fn create_chat_completion(&self, body: Value) -> Result<Value, Error> {
        self.vendor.call("chat/completions", body).await
    }

    /// The same as a stream of chunks.
    pub fn stream_chat_completion(&self, body: Value) -> JsonStream {
        self.vendor.stream("chat/completions".into(), streaming(body))
    }

    /// `POST /responses`
    pub async fn create_response(&self, body: Value) -> Result<Value, Error> {
        self.vendor.call("responses", body).await
    }

    /// The same as a stream of events.
    pub fn stream_response(&self, body: Value) -> JsonStream {
        self.vendor.stream("responses".into(), streaming(body))
    }

    /// `POST /embeddings`
    pub async fn create_embedding(&self, body: Value) -> Result<Value, Error> {
        self.vendor.call("embeddings", body).await
    }
}

vendor!(
    /// Anthropic.
    Anthropic, "anthropic", Framing::Sse
);

impl Anthropic {
    /// `POST /v1/messages`
    pub async fn create_message(&self, body: Value) -> Result<Value, Error> {
        self.vendor.call("v1/messages", body).await
    }

    /// The same as a stream of events.
    pub fn stream_message(&self, body: Value) -> JsonStream {
        self.vendor.stream("v1/messages".into(), streaming(body))
    }

    /// `POST /v1/messages/count_tokens`
    pub async fn count_tokens(&self, body: Value) -> Result<Value, Error> {
        self.vendor.call("v1/messages/count_tokens", body).await
    }
}

vendor!(
    /// Google's Gemini API.
    Gemini, "gemini", Framing::Sse
);

impl Gemini {
    /// `POST models/MODEL:generateContent`
    pub async fn generate_content(&self, model: &str, body: Value) -> Result<Value, Error> {
        self.vendor.call(&format!("models/{model}:generateContent"), body).await
    }

    /// `POST models/MODEL:streamGenerateContent`
    pub fn stream_generate_content(&self, model: &str, body: Value) -> JsonStream {
        self.vendor.stream(format!("models/{model}:streamGenerateContent?alt=sse"), body)
    }

    /// `POST models/MODEL:embedContent`
    pub async fn embed_content(&self, model: &str, body: Value) -> Result<Value, Error> {
        self.vendor.call(&format!("models/{model}:embedContent"), body).await
    }
}

vendor!(
    /// Amazon Bedrock, with a bearer token.
    Bedrock, "bedrock", Framing::EventStream
);

impl Bedrock {
    /// In another region than us-east-1.
    pub fn region(self, region: &str) -> Self {
        self.base_url(&format!("https://bedrock-runtime.{region}.amazonaws.com"))
    }

    /// `POST /model/MODEL/converse`
    pub async fn converse(&self, model: &str, body: Value) -> Result<Value, Error> {
        self.vendor.call(&format!("model/{}/converse", escaped(model)), body).await
    }

    /// `POST /model/MODEL/converse-stream`; each event is an object with its name as the only key.
    pub fn converse_stream(&self, model: &str, body: Value) -> JsonStream {
        self.vendor.stream(format!("model/{}/converse-stream", escaped(model)), body)
    }
}

/// Model ids hold colons, and ARNs slashes.
fn escaped(model: &str) -> String {
    model.replace('%', "%25").replace(':', "%3A").replace('/', "%2F")
}

vendor!(
    /// Ollama, here or in its cloud. A local server takes any key.
    Ollama, "ollama", Framing::Ndjson
);

impl Ollama {
    /// `POST /api/chat`
    pub async fn chat(&self, mut body: Value) -> Result<Value, Error> {
        // Without this word the server streams.
        body["stream"] = false.into();
        self.vendor.call("api/chat", body).await
    }

    /// The same as a stream of objects.
    pub fn stream_chat(&self, body: Value) -> JsonStream {
        self.vendor.stream("api/chat".into(), streaming(body))
    }

    /// `POST /api/embed`
    pub async fn embed(&self, body: Value) -> Result<Value, Error> {
        self.vendor.call("api/embed", body).await
    }
}
