//! The program as a value: what is built in, the user's plugins, and providers of one's own.
use consort_core::{Model, Provider};
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

/// The program `consort`, with providers of your own beside what is built in and what the user dropped in.
///
/// Models are found through it by [`consort_core::Host`], which it fills.
#[derive(Default)]
pub struct Host {
    own: consort_core::Host,
}

impl Host {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider of models.
    pub fn provider(mut self, provider: impl Provider + 'static) -> Self {
        self.own.add(Arc::new(provider));
        self
    }

    /// Adds a single model.
    pub fn model(mut self, model: impl Model + 'static) -> Self {
        self.own = self.own.model(model);
        self
    }

    /// Reads the arguments of the process, does what they say, and gives the exit code.
    pub fn run(self) -> ExitCode {
        consort_cli::run(self.own.providers().to_vec())
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> =
            self.own.providers().iter().map(|provider| provider.card().id.as_str()).collect();
        f.debug_struct("Host").field("own", &ids).finish()
    }
}
