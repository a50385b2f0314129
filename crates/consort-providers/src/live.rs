//! A live model of a hosted API: what its file says of it, and the way to it.
use crate::spec::merge;
use crate::transport::{Endpoint, Socket};
use consort_core::{Context, Error, ModelCard, Object};
use std::fmt::{self, Write};
use std::sync::Arc;

/// A live model of a hosted API, which whoever knows its format can talk with.
#[derive(Clone)]
pub struct HostedLive {
    card: ModelCard,
    endpoint: Arc<Endpoint>,
}

impl HostedLive {
    pub(crate) fn new(mut card: ModelCard, endpoint: Arc<Endpoint>) -> Self {
        // The options of a live model are its vendor's own words.
        card.options = Arc::default();
        Self { card, endpoint }
    }

    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The name of its format.
    pub fn wire(&self) -> &str {
        self.endpoint.spec().live_wire.as_deref().unwrap_or_default()
    }

    /// In what it differs from the format's own vendor: the provider's quirks, then those of each entry that fits it.
    pub fn quirks(&self) -> Object {
        let spec = self.endpoint.spec();
        let mut quirks = spec.live_quirks.clone();
        for entry in spec.models.iter().filter(|entry| entry.fits(&self.card.name)) {
            merge(&mut quirks, entry.live_quirks.clone());
        }
        quirks
    }

    /// Opens a connection: at the path that the file says, else at the format's own.
    pub async fn open(&self, usual_path: &str, context: &Context) -> Result<Socket, Error> {
        let path = self.endpoint.spec().live_path.as_deref().unwrap_or(usual_path);
        self.endpoint.socket(path.replace("{model}", &escaped(&self.card.name)), context).await
    }

    /// An error of its session before there is a connection, with its provider and what to do.
    pub fn complete(&self, error: Error) -> Error {
        self.endpoint.complete(error)
    }
}

/// A name as it may stand in a query or a path.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

impl fmt::Debug for HostedLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostedLive").field(&self.card.id).finish()
    }
}
