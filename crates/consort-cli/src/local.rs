//! Looks for servers on this machine, in the background of what the user does, and keeps what they list.
use crate::setup::Setup;
use consort_core::{Context, Error, Host, Provider, State};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The servers that may run on this machine, and where it is noted when they were looked for last.
#[derive(Clone)]
pub(crate) struct LocalServers {
    providers: Vec<Arc<dyn Provider>>,
    looked: PathBuf,
}

/// After so long it is worth another look.
const AGAIN: Duration = Duration::from_mins(10);

impl LocalServers {
    pub(crate) fn of(host: &Host, setup: &Setup) -> Self {
        // A plugin that nobody looked at is no server.
        let plugin = |id: &str| setup.plugins.as_ref().is_some_and(|plugins| plugins.find(id).is_some());
        let providers = host.providers().iter().filter(|provider| {
            let card = provider.card();
            card.state == State::Unchecked && !plugin(&card.id)
        });
        Self { providers: providers.cloned().collect(), looked: setup.folders.data.join("models/looked") }
    }

    /// Whether nobody looked lately.
    pub(crate) fn is_due(&self) -> bool {
        let age = std::fs::metadata(&self.looked).and_then(|looked| looked.modified()).ok();
        age.is_none_or(|then| then.elapsed().is_ok_and(|age| age > AGAIN))
    }

    /// Asks those that run for their lists, at once. That one does not run is no mistake.
    pub(crate) async fn look(self, context: Context) {
        let mut asked = ask_for_lists(self.providers, &context);
        while asked.join_next().await.is_some() {}
        // Without the note it is only looked for more often.
        let _ = std::fs::create_dir_all(self.looked.with_file_name(""))
            .and_then(|()| std::fs::write(&self.looked, ""));
    }
}

/// A list that could not be had, with its provider.
pub(crate) type NoList = (Arc<dyn Provider>, Error);

/// Asks providers for their lists of models, side by side; each keeps its own.
pub(crate) fn ask_for_lists(providers: Vec<Arc<dyn Provider>>, context: &Context) -> JoinSet<Option<NoList>> {
    let mut asked = JoinSet::new();
    for provider in providers {
        let context = context.clone();
        asked.spawn(async move {
            let error = provider.discover(context).await.err();
            error.map(|error| (provider, error))
        });
    }
    asked
}
