//! Embedders: text in, vectors out.
use crate::{BoxFuture, Context, Error, ModelCard, Object, Usage};
use serde::{Deserialize, Serialize};

/// Turns texts into vectors.
pub trait Embedder: Send + Sync {
    fn card(&self) -> &ModelCard;
    fn embed(&self, request: EmbedRequest, context: Context) -> BoxFuture<'_, Result<Embeddings, Error>>;
}

/// Texts to embed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmbedRequest {
    /// The model's name at its provider. An embedder fills it in with its own name.
    pub model: String,
    pub inputs: Vec<String>,
    pub dimensions: Option<u32>,
    /// What the vectors are for, in the vendor's words (`search_document`, `RETRIEVAL_QUERY`).
    pub task: Option<String>,
    /// Vendor JSON, merged into the outgoing body.
    pub options: Object,
}

impl EmbedRequest {
    pub fn new(inputs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { inputs: inputs.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

/// One vector for each input, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    pub model: Option<String>,
    pub usage: Option<Usage>,
}
