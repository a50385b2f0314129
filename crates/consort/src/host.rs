//! Where providers come together; with the feature `cli` also the program as a value.
use consort_core::{Model, Provider};
use std::fmt;
use std::ops::{Deref, DerefMut};
#[cfg(feature = "cli")]
use std::process::ExitCode;
use std::sync::Arc;

/// Providers of your own, and how models are found among them: all that [`consort_core::Host`] does.
///
/// With the feature `cli` it is also the program `consort`, which has them beside what is built in and what the user
/// dropped in: `run`.
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
    ///
    /// ```no_run
    /// use consort::{Context, Event, EventStream, Host, Model, ModelCard, Request};
    /// use std::process::ExitCode;
    /// use std::sync::Arc;
    ///
    /// struct Parrot(ModelCard);
    ///
    /// impl Model for Parrot {
    ///     fn card(&self) -> &ModelCard {
    ///         &self.0
    ///     }
    ///     fn stream(&self, request: Arc<Request>, _context: Context) -> EventStream {
    ///         consort::events_of(Event::text_answer(&request.last_user_text()))
    ///     }
    /// }
    ///
    /// fn main() -> ExitCode {
    ///     Host::new().model(Parrot(ModelCard::new("zoo", "parrot"))).run()
    /// }
    /// ```
    #[cfg(feature = "cli")]
    pub fn run(self) -> ExitCode {
        consort_cli::run(self.own.providers().to_vec())
    }
}

impl Deref for Host {
    type Target = consort_core::Host;

    fn deref(&self) -> &Self::Target {
        &self.own
    }
}

impl DerefMut for Host {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.own
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> =
            self.own.providers().iter().map(|provider| provider.card().id.as_str()).collect();
        f.debug_struct("Host").field("own", &ids).finish()
    }
}
