//! A hosted embedder: texts to vectors, made of an embedding format and the transport.
use crate::catalogue::quirks;
use crate::transport::Endpoint;
use consort_core::{BoxFuture, Context, EmbedRequest, Embedder, Embeddings, Error, ErrorKind, ModelCard};
use std::fmt;
use std::sync::Arc;

/// An embedding model of a hosted API.
pub struct HostedEmbedder {
    card: ModelCard,
    endpoint: Arc<Endpoint>,
}

impl HostedEmbedder {
    pub(crate) fn new(card: ModelCard, endpoint: Arc<Endpoint>) -> Self {
        Self { card, endpoint }
    }

    async fn vectors(&self, mut request: EmbedRequest, context: Context) -> Result<Embeddings, Error> {
        let spec = self.endpoint.spec();
        let wire =
            spec.embed_wire.as_deref().and_then(consort_wire::embed_wire).ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, format!("{} has no embeddings", spec.name))
            })?;
        let quirks = quirks(spec, &self.card.name);
        request.model.clone_from(&self.card.name);
        let asked = request.inputs.len();
        let answer = self.endpoint.send(wire.encode(&request, &quirks)?, &context).await?;
        let mask = answer.body.mask.clone();
        let (head, body) = answer.whole().await?;
        if head.status >= 400 {
            return Err(mask.error(consort_wire::read_error(&head, &body)));
        }
        let embeddings = wire.decode(&head, &body).map_err(|error| mask.error(error))?;
        if embeddings.vectors.len() != asked {
            let got = embeddings.vectors.len();
            return Err(Error::protocol(format!("{got} vectors came for {asked} texts")));
        }
        Ok(embeddings)
    }
}

impl Embedder for HostedEmbedder {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn embed(&self, request: EmbedRequest, context: Context) -> BoxFuture<'_, Result<Embeddings, Error>> {
        Box::pin(async move {
            self.vectors(request, context).await.map_err(|error| self.endpoint.complete(error))
        })
    }
}

impl fmt::Debug for HostedEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostedEmbedder").field(&self.card.id).finish()
    }
}
