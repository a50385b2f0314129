//! The user's files as they are at this moment: read anew when they change.
use crate::setup::Setup;
use crate::stamps::Stamps;
use consort_core::{Host, Provider};
use consort_mcp::McpServers;
use consort_plugins::{Plugins, Watching};
use std::sync::Arc;

/// One reading of the user's files.
pub(super) struct Live {
    pub(super) setup: Setup,
    pub(super) host: Arc<Host>,
    pub(super) plugins: Plugins,
    pub(super) servers: Arc<McpServers>,
    catalogue: Vec<Arc<dyn Provider>>,
    /// Looks at the plugin folders while it lives.
    _watching: Watching,
    seen: Stamps,
}

impl Live {
    /// It must be made within the runtime.
    pub(super) fn open(setup: Setup) -> Self {
        Self::beside(setup, None)
    }

    /// Beside an older reading, whose plugins answer until the new ones were looked at.
    fn beside(mut setup: Setup, older: Option<&Plugins>) -> Self {
        let catalogue = setup.catalogue();
        let mut plugins = setup.plugins_beside(&catalogue);
        if let Some(older) = older {
            plugins = plugins.following(older);
        }
        let host = Arc::new(setup.host_of(&catalogue, &plugins));
        let (servers, problems) =
            McpServers::from_settings(&setup.settings, &setup.folders, &setup.env, &setup.keys);
        setup.problems.extend(problems);
        let watching = plugins.watch();
        let looked = plugins.clone();
        tokio::spawn(async move { looked.check_all().await });
        let seen = Stamps::of(&setup);
        Self { setup, host, plugins, servers: Arc::new(servers), catalogue, _watching: watching, seen }
    }

    /// The host, with what is known of the plugins by now.
    pub(super) fn plugins_changed(&mut self) {
        self.host = Arc::new(self.setup.host_of(&self.catalogue, &self.plugins));
    }

    /// All of it once more: the settings, the providers, the keys, which folders are trusted.
    pub(super) fn again(&self) -> Self {
        Self::beside(self.setup.again(), Some(&self.plugins))
    }

    /// What the user's files are now was taken over already.
    pub(super) fn note_files(&mut self) {
        self.seen = Stamps::of(&self.setup);
    }

    /// Whether the user's files were changed since they were read.
    pub(super) fn is_stale(&self) -> bool {
        Stamps::of(&self.setup) != self.seen
    }
}
