//! How long to wait before a target is asked again.
use crate::settings::Retry;
use std::time::Duration;

/// A wait drawn between nothing and twice the one before (full jitter: those that failed together must not come
/// back together), or what the vendor asked for where that is longer.
pub(crate) fn delay(retry: &Retry, retries: u32, asked: Option<Duration>) -> Duration {
    let most = retry.base.saturating_mul(1u32.checked_shl(retries).unwrap_or(u32::MAX)).min(retry.cap);
    most.mul_f64(fastrand::f64()).max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap_and_never_undercut_the_vendor() {
        let retry = Retry::default();
        for (retries, most) in [(0, 500), (1, 1000), (2, 2000), (4, 8000), (40, 8000)] {
            let drawn: Vec<u128> = (0..2000).map(|_| delay(&retry, retries, None).as_millis()).collect();
            let (least, longest) = (drawn.iter().min().copied(), drawn.iter().max().copied());
            assert!(longest.is_some_and(|longest| longest <= most && longest > most * 9 / 10));
            assert!(least.is_some_and(|least| least < most / 10), "full jitter starts at nothing");
        }
        let asked = Duration::from_secs(7);
        assert!(delay(&retry, 0, Some(asked)) >= asked);
    }
}
