//! A sign of life on the terminal while nothing has come yet.
use crate::terminal::{Signs, Style};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Nothing is shown for answers that come at once.
const PATIENCE: Duration = Duration::from_millis(300);
const FRAME: Duration = Duration::from_millis(100);

pub(crate) struct Spinner {
    ticks: Option<Interval>,
    begun: Instant,
    signs: Signs,
    label: String,
    shown: bool,
}

impl Spinner {
    /// `wanted` says whether it may be shown; it is on terminals only.
    pub(crate) fn new(wanted: bool, signs: Signs, label: &str) -> Self {
        let ticks = (wanted && io::stderr().is_terminal()).then(|| {
            let mut ticks = interval_at(Instant::now() + PATIENCE, FRAME);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            ticks
        });
        Self { ticks, begun: Instant::now(), signs, label: label.to_owned(), shown: false }
    }

    /// Waits for the next picture; for ever when there is none.
    pub(crate) async fn tick(&mut self) {
        match &mut self.ticks {
            Some(ticks) => {
                ticks.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    pub(crate) fn draw(&mut self) -> io::Result<()> {
        let waited = self.begun.elapsed();
        let frames = self.signs.spinner;
        let frame = frames[(waited.as_millis() / FRAME.as_millis()) as usize % frames.len()];
        self.shown = true;
        let mut to = anstream::stderr().lock();
        let text = format!("{frame} {} {} s", self.label, waited.as_secs());
        write!(to, "\r{}", Style::Dim.paint(text))?;
        to.flush()
    }

    /// Takes it away for good.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        self.ticks = None;
        if std::mem::take(&mut self.shown) {
            let mut to = anstream::stderr().lock();
            write!(to, "\r\x1b[K")?;
            to.flush()?;
        }
        Ok(())
    }
}
