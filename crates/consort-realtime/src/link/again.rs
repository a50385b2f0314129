//! How often, and how soon, a connection that was lost is made anew.
use consort_core::{Error, ErrorKind, Phase};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// After so long without a connection that lasted, nobody tries any more.
pub(super) const LONGEST: Duration = Duration::from_mins(1);
/// A connection that lasted so long was a good one.
const STEADY: Duration = Duration::from_secs(10);
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The tries since the last good connection.
#[derive(Debug, Default)]
pub(super) struct Tries {
    failed: u32,
    since: Option<Instant>,
}

impl Tries {
    /// A connection was lost, after so long.
    pub(super) fn lost(&mut self, age: Duration, now: Instant) {
        if age >= STEADY {
            *self = Self::default();
        }
        self.since.get_or_insert(now);
    }

    /// How long to wait before the next try: the first one comes at once. Nothing when it is enough.
    pub(super) fn wait(&mut self, last: Option<&Error>, now: Instant) -> Option<Duration> {
        let spent = now.saturating_duration_since(*self.since.get_or_insert(now));
        let limit = match self.failed {
            0 => Duration::ZERO,
            failed => (FIRST_WAIT * 2_u32.saturating_pow(failed - 1)).min(LONGEST_WAIT),
        };
        self.failed += 1;
        // Sessions that were lost together do not come back together.
        let wait = limit.mul_f64(0.5 + chance() / 2.0);
        let wait = wait.max(last.and_then(Error::retry_after).unwrap_or_default());
        (spent + wait <= LONGEST).then_some(wait)
    }
}

/// Between nothing and one.
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// Whether another try would fail in the same way.
pub(super) fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Setup
            | ErrorKind::Auth
            | ErrorKind::Permission
            | ErrorKind::Quota
            | ErrorKind::ContextLength
            | ErrorKind::ContentFilter
            | ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::ModelNotFound
            | ErrorKind::Cancelled
    )
}

/// The session did not open in time.
pub(super) fn too_slow(limit: Duration) -> Error {
    let message = format!("the session did not open within {} s", limit.as_secs());
    Error::timeout(Phase::Connect, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_at_once_then_later_and_end() {
        let (mut tries, mut now) = (Tries::default(), Instant::now());
        let begun = now;
        tries.lost(Duration::from_secs(3), now);
        assert_eq!(tries.wait(None, now), Some(Duration::ZERO));
        let mut waits = Vec::new();
        while let Some(wait) = tries.wait(None, now) {
            assert!(wait <= LONGEST_WAIT, "{wait:?}");
            waits.push(wait);
            now += wait;
        }
        assert!(waits[0] <= FIRST_WAIT && waits[0] >= FIRST_WAIT / 2, "{waits:?}");
        assert!((8..=25).contains(&waits.len()), "{waits:?}");
        assert!(now - begun <= LONGEST && now - begun > LONGEST / 2);
        // A connection that did not last forgives nothing; one that did, all.
        now += LONGEST_WAIT;
        tries.lost(Duration::from_secs(1), now);
        assert_eq!(tries.wait(None, now), None);
        tries.lost(STEADY, now);
        assert_eq!(tries.wait(None, now), Some(Duration::ZERO));
        let patient = Error::new(ErrorKind::RateLimit, "slow down").retry_in(Some(Duration::from_secs(20)));
        assert_eq!(tries.wait(Some(&patient), now), Some(Duration::from_secs(20)));
        let late = patient.retry_in(Some(Duration::from_mins(2)));
        assert_eq!(tries.wait(Some(&late), now), None);
    }
}
