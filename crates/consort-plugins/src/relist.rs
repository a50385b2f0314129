//! A plugin that says that its models changed is asked for them again, by itself and not over and over.
use crate::learnt::{Learnt, Outcome};
use crate::plugin::{LISTING, Plugin};
use crate::process::Writer;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a list holds at least. One that changes without end is looked at no more often.
const REST: Duration = Duration::from_secs(1);

impl Plugin {
    /// It says that its models changed: whoever keeps its rows need not ask. Called within a runtime.
    pub(crate) fn told_of_change(self: &Arc<Self>) {
        if self.following.swap(true, Ordering::SeqCst) {
            return;
        }
        // Nobody holds a plugin that is over only to look at it again.
        let plugin = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(plugin) = plugin.upgrade().filter(|plugin| plugin.goes_on_following()) {
                plugin.list_again().await;
                drop(plugin);
                tokio::time::sleep(REST).await;
            }
        });
    }

    /// Whether there is more to look at. Where there is not, the next word begins anew.
    fn goes_on_following(&self) -> bool {
        if self.has_news() {
            return true;
        }
        self.following.store(false, Ordering::SeqCst);
        // What was said between the two has nobody yet.
        self.has_news() && !self.following.swap(true, Ordering::SeqCst)
    }

    /// Whether it said that its models changed, and was not asked since.
    pub(crate) fn has_news(&self) -> bool {
        self.supervisor.running().is_some_and(|connection| connection.has_changed())
    }

    /// What is known of it; of one that has nothing to give yet, what it says within a moment: it may ask a server.
    pub async fn listed_late(&self) -> Arc<Learnt> {
        const STEP: Duration = Duration::from_millis(50);
        const MOST: Duration = Duration::from_secs(3);
        let begun = Instant::now();
        loop {
            let known = self.known().await;
            let is_empty = known.models.is_empty() && known.beside_models(self.id()).is_empty();
            let waits = is_empty && known.outcome == Outcome::Ready && begun.elapsed() < MOST;
            if !waits || self.supervisor.running().is_none() {
                return known;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Asks for its models where they changed. Where it cannot say them now, those that are known stay.
    pub(crate) async fn list_again(&self) {
        let _turn = self.checking.lock().await;
        // Whoever had the turn before may have asked.
        let Some(connection) = self.supervisor.running().filter(|connection| connection.took_change()) else {
            return;
        };
        match connection.models(LISTING).await {
            // What it may use changed meanwhile: another look is due, and not this one.
            Ok(_) if !connection.is_alive() => {}
            Ok(listed) => {
                let learnt = self.lacking_key(Learnt::ready(self.id(), &connection.hello(), &listed));
                let is_new = self.learnt().is_none_or(|known| !known.says_the_same(&learnt));
                if is_new {
                    self.keep(learnt);
                    self.home.changes.send_modify(|count| *count += 1);
                }
            }
            Err(no) => {
                let what = format!("its models changed and could not be listed: {}", no.error.message());
                self.log().add(Writer::Host, &what);
            }
        }
    }
}
