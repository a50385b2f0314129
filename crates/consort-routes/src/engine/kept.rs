//! Kept answers on the way of a request: told, waited for, or recorded.
use super::Course;
use super::report::unasked;
use super::watch::Watch;
use crate::cache::{self, Asking, Cache, Look, Recording};
use crate::limit::either;
use crate::target::Target;
use consort_core::{Error, Event, Request, Unasked};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long another who asks the same is waited for, where the route does not say when answers must begin.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) enum Kept {
    /// The answer was kept, and is told.
    Told,
    Ask(Option<Recorder>),
}

/// Records an answer while it passes.
pub(super) struct Recorder {
    asking: Asking,
    cache: Arc<Cache>,
    recording: Recording,
}

impl Recorder {
    pub(super) fn hear(&mut self, event: &Event) {
        self.recording.hear(event, self.cache.keep());
    }

    pub(super) fn done(self, target: &str, now: Instant) {
        self.asking.done(self.recording, target, now);
    }
}

impl Course<'_> {
    /// Looks for a kept answer. Where another asks the same right now, its answer is waited for.
    pub(super) async fn kept(self, request: &Request) -> Result<Kept, Error> {
        let Some(cache) = &self.plan.cache else { return Ok(Kept::Ask(None)) };
        let cards = self.plan.targets.iter().map(Target::card);
        let Some(key) = cache::key_of(cache.keep(), cards, request, self.context) else {
            return Ok(Kept::Ask(None));
        };
        let mut waited = false;
        loop {
            match cache.look(key, self.context.clock.now()) {
                Look::Found(answer) => {
                    self.tell_kept(&answer).await;
                    return Ok(Kept::Told);
                }
                // The one that was waited for failed or takes too long: all who waited ask now, rather than one after the other.
                Look::Ask(_) | Look::Wait(_) if waited => return Ok(Kept::Ask(None)),
                Look::Ask(asking) => {
                    let recorder = Recorder { asking, cache: cache.clone(), recording: Recording::default() };
                    return Ok(Kept::Ask(Some(recorder)));
                }
                Look::Wait(landed) => {
                    // Whoever asks may read slowly, and an answer is kept when it was read to its end.
                    let most = self.plan.timeouts.first_event.unwrap_or(PATIENCE);
                    Watch::new().over(self.context, either(landed, self.context.clock.sleep(most))).await?;
                    waited = true;
                }
            }
        }
    }

    async fn tell_kept(self, answer: &cache::Answer) {
        for event in &answer.events {
            if matches!(event, Event::Finished(_)) {
                let attempt = unasked(&answer.target, Unasked::Cached, None);
                self.tell(attempt).await;
            }
            self.out.event(event.clone()).await;
        }
    }
}
