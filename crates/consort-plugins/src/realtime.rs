//! A plugin's live model as a live model like any other.
use crate::plugin::Plugin;
use crate::process::{SessionWish, open_session};
use consort_core::{BoxFuture, Context, Error, ModelCard, RealtimeModel, RealtimeSession, SessionConfig};
use consort_plugin::protocol::LiveOpenParams;
use std::fmt;
use std::sync::Arc;

/// A live model of a plugin.
pub struct PluginRealtime {
    card: ModelCard,
    plugin: Arc<Plugin>,
}

impl PluginRealtime {
    pub(crate) fn new(card: ModelCard, plugin: Arc<Plugin>) -> Self {
        Self { card, plugin }
    }
}

impl RealtimeModel for PluginRealtime {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(
        &self,
        mut config: SessionConfig,
        context: Context,
    ) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        Box::pin(async move {
            let name = self.plugin.live_named(&self.card.name).await?;
            self.plugin.has_key_for(&name, &context).await?;
            let files = crate::model::spill(&mut config.messages, &self.plugin.home.media)?;
            let (params, warnings) = LiveOpenParams::new(&name, config, &self.plugin.wire());
            let wish = SessionWish { params, warnings, files };
            open_session(self.plugin.supervisor().clone(), wish, self.plugin.home.clone(), context).await
        })
    }
}

impl fmt::Debug for PluginRealtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PluginRealtime").field(&self.card.id).finish()
    }
}
