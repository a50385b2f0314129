//! How numbers of late were spread: quantiles from a histogram that forgets.

/// Each bucket reaches an eighth further than the one before; 160 of them reach from 1 to about 150 million.
const STEP: f64 = 1.125;
const BUCKETS: usize = 160;
/// When this many were counted, half of each bucket is forgotten.
const MEMORY: u32 = 1000;
/// Fewer say nothing about a quantile.
const LEAST: u32 = 20;

/// Counts of numbers by size.
#[derive(Debug)]
pub(crate) struct Spread {
    counts: Box<[u32; BUCKETS]>,
    total: u32,
}

impl Default for Spread {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0 }
    }
}

impl Spread {
    pub(crate) fn add(&mut self, number: u64) {
        let at = (number.max(1) as f64).log(STEP).ceil() as usize;
        self.counts[at.min(BUCKETS - 1)] += 1;
        self.total += 1;
        if self.total >= MEMORY {
            for count in self.counts.iter_mut() {
                *count /= 2;
            }
            self.total = self.counts.iter().sum();
        }
    }

    /// What 19 of 20 stay below; nothing while too few are known.
    pub(crate) fn p95(&self) -> Option<u64> {
        if self.total < LEAST {
            return None;
        }
        let wanted = (self.total * 19).div_ceil(20);
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(STEP.powf(at as f64).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_near_and_follows() {
        let mut spread = Spread::default();
        assert_eq!(spread.p95(), None);
        for number in 1..=100 {
            spread.add(number);
        }
        let p95 = spread.p95().unwrap_or_default();
        assert!((95..=107).contains(&p95), "{p95}");
        for _ in 0..5000 {
            spread.add(7);
        }
        assert!(spread.p95().is_some_and(|p95| p95 <= 8));
    }
}
