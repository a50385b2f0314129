//! The engine as every command runs it: heard by those who listen, and telling the webhooks.
use crate::setup::Setup;
use crate::terminal::Style;
use crate::webhooks;
use consort_core::Error;
use consort_engine::Engine;
use consort_store::Store;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Listeners get this long at the end, and webhooks more, since they may be far away. The answer was shown by then.
#[cfg(unix)]
const LISTENERS: Duration = Duration::from_millis(200);
const WEBHOOKS: Duration = Duration::from_secs(5);

/// An engine, and those who are told of its runs.
pub(crate) struct Told {
    pub(crate) engine: Engine,
    #[cfg(unix)]
    feed: consort_engine::Feed,
    hooks: JoinSet<Result<(), Error>>,
}

impl Told {
    /// It must be made within the runtime.
    pub(crate) fn start(store: Arc<dyn Store>, setup: &Setup) -> Self {
        let engine = Engine::new(store);
        let hooks = webhooks::start(&setup.settings.webhooks, engine.bus());
        #[cfg(unix)]
        {
            let feed = consort_engine::Feed::new(setup.folders.events_dir(&setup.env));
            engine.feed(feed.clone());
            Self { engine, feed, hooks }
        }
        #[cfg(not(unix))]
        Self { engine, hooks }
    }

    /// Lets go of the engine, and waits a moment until everybody is told.
    pub(crate) async fn finish(self) {
        let Self { engine, mut hooks, .. } = self;
        drop(engine);
        #[cfg(unix)]
        self.feed.finish(LISTENERS).await;
        let all = async {
            while let Some(ended) = hooks.join_next().await {
                if let Ok(Err(error)) = ended {
                    warn(&format!("not all was told: {error}"));
                }
            }
        };
        if tokio::time::timeout(WEBHOOKS, all).await.is_err() {
            warn("not all was told: a webhook takes too long");
        }
    }
}

pub(crate) fn warn(text: &str) {
    // Where stderr is closed, nobody is left to tell.
    let _ = writeln!(anstream::stderr(), "{} {text}", Style::Warning.paint("warning:"));
}
