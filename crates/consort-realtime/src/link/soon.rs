//! A connection that is to be left soon: for how long what is under way holds it.
use super::drive::Cut;
use super::line::GOODBYE;
use crate::wire::{Busy, Leaving};
use std::time::{Duration, Instant};

/// How long it is held for a user who speaks or waits.
const COURTESY: Duration = Duration::from_secs(10);
/// And for a tool: whoever leaves it stops it in the middle of what it does. As long for a user who speaks, where it is we who
/// want to leave: that is in no hurry.
const LONG: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Soon {
    leaving: Leaving,
    /// Since when no answer holds it.
    since: Instant,
    /// When we are to be gone, by the time that the other side gave.
    ends: Option<Instant>,
}

impl Soon {
    /// What is said of it now, behind what was said before.
    pub(super) fn new(before: Option<Self>, leaving: Leaving, now: Instant) -> Self {
        let (mut since, mut ends) = (now, None);
        if let Some(before) = before {
            since = if before.leaving.busy == Busy::Answer { now } else { before.since };
            ends = before.ends.filter(|_| before.leaving.left == leaving.left);
        }
        // A goodbye takes its time too.
        let told = leaving.left.and_then(|left| now.checked_add(left.saturating_sub(GOODBYE)));
        let ends = ends.or(told);
        Self { leaving, since, ends }
    }

    /// How long it is held, where the user speaks or waits, or not. While an answer is made it is not left by us: that would
    /// cut it no later than the other side does.
    pub(super) fn wait(&self, is_open: bool, now: Instant) -> Option<Duration> {
        let patience = match self.leaving.busy {
            Busy::Answer => return None,
            Busy::Tool if self.leaving.wanted || self.ends.is_some() => LONG,
            Busy::User if self.leaving.wanted => LONG,
            Busy::Tool | Busy::User => COURTESY,
            Busy::No if is_open => COURTESY,
            Busy::No => Duration::ZERO,
        };
        let until = self.since + patience;
        let until = self.ends.map_or(until, |ends| until.min(ends));
        Some(until.saturating_duration_since(now))
    }

    pub(super) fn cut(self) -> Cut {
        Cut::Renew { reason: self.leaving.reason, wanted: self.leaving.wanted }
    }
}
