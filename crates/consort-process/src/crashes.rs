//! When something that crashed may be started again.
use std::time::{Duration, Instant};

/// So many crashes within so long, and nobody starts it again for a while.
const MOST: usize = 5;
const WITHIN: Duration = Duration::from_mins(5);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The crashes of one process, those that still count.
#[derive(Debug, Default)]
pub struct Crashes(Vec<Instant>);

impl Crashes {
    pub fn note(&mut self) {
        self.0.push(Instant::now());
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Waits before the next start; the first one after a crash is free. After too many crashes it says how long to leave
    /// it alone.
    pub async fn pause(&mut self) -> Result<(), Duration> {
        self.0.retain(|crash| crash.elapsed() < WITHIN);
        let Some(last) = self.0.last() else { return Ok(()) };
        let since = last.elapsed();
        if self.0.len() >= MOST && since < LONGEST_PAUSE {
            return Err(LONGEST_PAUSE.saturating_sub(since));
        }
        let doublings = self.0.len().saturating_sub(2) as u32;
        if self.0.len() > 1 {
            let pause = FIRST_PAUSE.saturating_mul(1 << doublings.min(7));
            tokio::time::sleep(pause.saturating_sub(since)).await;
        }
        Ok(())
    }
}
