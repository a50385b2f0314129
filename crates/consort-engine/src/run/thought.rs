//! How long a model thinks, by what it shows of it.
use consort_core::{Event, PartKey, PartKind};
use std::time::{Duration, Instant};

/// The time from each thought's beginning to its end, or to what is said after it.
#[derive(Debug, Default)]
pub(super) struct Thought {
    /// What is being thought, and since when.
    open: Option<(PartKey, Instant)>,
    so_far: Option<Duration>,
}

impl Thought {
    pub(super) fn hear(&mut self, event: &Event, now: impl Fn() -> Instant) {
        match event {
            Event::PartStart { part, choice: 0, kind } => {
                self.close(&now);
                if matches!(kind, PartKind::Reasoning { .. }) {
                    self.open = Some((*part, now()));
                }
            }
            Event::PartEnd { part } if self.open.is_some_and(|(open, _)| open == *part) => self.close(&now),
            Event::Finished(_) => self.close(&now),
            _ => {}
        }
    }

    fn close(&mut self, now: &impl Fn() -> Instant) {
        if let Some((_, since)) = self.open.take() {
            *self.so_far.get_or_insert_default() += now().saturating_duration_since(since);
        }
    }

    /// All of it, where it ends now; nothing where no thought was shown.
    pub(super) fn all(mut self, now: Instant) -> Option<Duration> {
        self.close(&|| now);
        self.so_far
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::{Delta, FinishReason};

    fn heard(events: &[(u64, Event)]) -> Option<Duration> {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let mut thought = Thought::default();
        for (ms, event) in events {
            thought.hear(event, || at(*ms));
        }
        thought.all(at(1000))
    }

    #[test]
    fn thoughts_are_timed_to_their_end_or_to_what_comes_after() {
        let start = |part, kind| Event::PartStart { part: PartKey(part), choice: 0, kind };
        let think = |part| start(part, PartKind::Reasoning { redacted: false });
        let text = |part| Event::PartDelta { part: PartKey(part), delta: Delta::Text("x".into()) };
        let end = |part| Event::PartEnd { part: PartKey(part) };
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(heard(&[(10, start(0, PartKind::Text)), (90, end(0))]), None);
        assert_eq!(
            heard(&[(10, think(0)), (50, text(0)), (90, end(0)), (200, start(1, PartKind::Text))]),
            ms(80)
        );
        assert_eq!(heard(&[(10, think(0)), (70, start(1, PartKind::Text)), (80, end(0))]), ms(60));
        assert_eq!(heard(&[(10, think(0)), (30, end(0)), (100, think(1)), (300, end(1))]), ms(220));
        assert_eq!(heard(&[(100, think(0)), (400, Event::Finished(FinishReason::Stop.into()))]), ms(300));
        assert_eq!(heard(&[(100, think(0))]), ms(900), "it was cut while it thought");
    }
}
