//! Health: what an assistant stands on, and whether it holds.
use consort_core::{Error, ErrorKind};
use serde::Serialize;
use std::time::Duration;

/// What an assistant stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    pub model: Check,
    /// Where conversations and records are kept.
    pub memory: Check,
    pub abilities: Vec<Check>,
}

/// One thing, and whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: String,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Health {
    /// Whether all of it works.
    pub fn is_ok(&self) -> bool {
        self.model.ok && self.memory.ok && self.abilities.iter().all(|check| check.ok)
    }
}

impl Check {
    pub(super) fn of(name: impl Into<String>, held: Result<(), Error>) -> Self {
        let why = held.err().map(|error| error.to_string());
        Self { name: name.into(), ok: why.is_none(), why }
    }

    /// Waits so long and no longer.
    pub(super) async fn within(
        name: impl Into<String>,
        limit: Duration,
        check: impl Future<Output = Result<(), Error>>,
    ) -> Self {
        let held = tokio::time::timeout(limit, check).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("no answer within {} s", limit.as_secs_f32())))
        });
        Self::of(name, held)
    }
}
