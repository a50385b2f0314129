//! News for all tabs.
use consort_engine::Run;
use consort_store::ConversationId;
use serde_json::Value;
use tokio::sync::broadcast;

/// How many news a tab may be behind.
const BEHIND: usize = 1024;

/// Something that other tabs should know.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// A message for all.
    All(Value),
    /// A message for those that watch this conversation.
    Of(ConversationId, Value),
    /// A run began there.
    Run(Run),
    /// The rows of models may have changed.
    Models,
}

pub(crate) struct Hub(broadcast::Sender<News>);

impl Default for Hub {
    fn default() -> Self {
        Self(broadcast::channel(BEHIND).0)
    }
}

impl Hub {
    pub(crate) fn tell(&self, news: News) {
        // Nobody looks: nobody misses it.
        let _ = self.0.send(news);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<News> {
        self.0.subscribe()
    }
}
