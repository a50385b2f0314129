//! A plugin's embedding model as an embedder like any other.
use crate::plugin::Plugin;
use consort_core::{BoxFuture, Context, EmbedRequest, Embedder, Embeddings, Error, ErrorKind, ModelCard};
use consort_plugin::protocol::{EmbedParams, EmbedResult, Vector};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a batch may take where the caller sets no limit.
const LIMIT: Duration = Duration::from_mins(10);

/// An embedding model of a plugin.
pub struct PluginEmbedder {
    card: ModelCard,
    plugin: Arc<Plugin>,
}

impl PluginEmbedder {
    pub(crate) fn new(card: ModelCard, plugin: Arc<Plugin>) -> Self {
        Self { card, plugin }
    }
}

impl Embedder for PluginEmbedder {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn embed(&self, request: EmbedRequest, context: Context) -> BoxFuture<'_, Result<Embeddings, Error>> {
        Box::pin(async move {
            self.plugin.has_key_for(&self.card.name, &context).await?;
            let supervisor = self.plugin.supervisor();
            let connection = supervisor.connection().await?;
            let wanted = request.inputs.len();
            let params = EmbedParams {
                secrets: supervisor.secrets_for(&self.card.name, &context).await?,
                model: self.card.name.clone(),
                inputs: request.inputs,
                dimensions: request.dimensions,
                task: request.task,
                options: request.options,
            };
            let limit = context.remaining().unwrap_or(LIMIT);
            let cancelled = context.cancel.cancelled();
            let call = connection.call::<EmbedResult>("embed", params, limit);
            let result = tokio::select! {
                result = call => result?,
                () = cancelled => return Err(Error::cancelled().provider(self.plugin.id())),
            };
            let wrong = |what: String| Error::new(ErrorKind::PluginBug, what).provider(self.plugin.id());
            let vectors: Option<Vec<Vec<f32>>> =
                result.vectors.into_iter().map(Vector::into_numbers).collect();
            let vectors = vectors.ok_or_else(|| wrong("its vectors are no base64 of `f32`".into()))?;
            if vectors.len() != wanted {
                return Err(wrong(format!("it gave {} vectors for {wanted} texts", vectors.len())));
            }
            Ok(Embeddings { vectors, model: result.model, usage: result.usage.map(Into::into) })
        })
    }
}

impl fmt::Debug for PluginEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PluginEmbedder").field(&self.card.id).finish()
    }
}
