//! What is said to a session, in its order. While there is no connection it waits here, as much of it as would in the session:
//! what the user stops is known at once, and so to the next connection.
use super::memory::Memory;
use consort_core::{Clock, SessionInput, SessionInputs};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

/// So much sound waits here, and so many other things; more of it waits in the session, as its caller does.
const MOST_HEARD: Duration = Duration::from_secs(30);
const MOST_INPUTS: usize = 1024;

pub(super) struct Inputs {
    from: SessionInputs,
    waiting: VecDeque<SessionInput>,
    /// How much sound is among it, in how many pieces.
    heard: Duration,
    pieces: usize,
}

/// The next thing that was said.
pub(super) struct Next {
    pub(super) input: SessionInput,
    /// Whether the memory has it already.
    pub(super) is_known: bool,
}

impl Inputs {
    pub(super) fn new(from: SessionInputs) -> Self {
        Self { from, waiting: VecDeque::new(), heard: Duration::ZERO, pieces: 0 }
    }

    /// The next input; nothing when the caller wants the end.
    pub(super) async fn next(&mut self) -> Option<Next> {
        let Some(input) = self.waiting.pop_front() else {
            return self.from.next().await.map(|input| Next { input, is_known: false });
        };
        if let SessionInput::Audio(pcm) = &input {
            (self.heard, self.pieces) = (self.heard.saturating_sub(pcm.duration()), self.pieces - 1);
        }
        let is_known = matches!(input, SessionInput::Interrupt { .. });
        Some(Next { input, is_known })
    }

    /// Does what is done without a connection, and takes what is said meanwhile.
    pub(super) async fn during<T>(
        &mut self,
        what: impl Future<Output = T>,
        memory: &mut Memory,
        clock: &dyn Clock,
    ) -> T {
        tokio::select! {
            biased;
            never = self.gather(memory, clock) => match never {},
            done = what => done,
        }
    }

    async fn gather(&mut self, memory: &mut Memory, clock: &dyn Clock) -> Infallible {
        while self.has_room()
            && let Some(input) = self.from.next().await
        {
            match &input {
                SessionInput::Interrupt { .. } => memory.input(&input, false, clock.now()),
                SessionInput::Audio(pcm) => {
                    (self.heard, self.pieces) = (self.heard + pcm.duration(), self.pieces + 1);
                }
                // Only the newest is wanted.
                SessionInput::Video { .. } => {
                    self.waiting.retain(|waiting| !matches!(waiting, SessionInput::Video { .. }));
                }
                _ => {}
            }
            self.waiting.push_back(input);
        }
        std::future::pending().await
    }

    fn has_room(&self) -> bool {
        self.heard < MOST_HEARD && self.waiting.len() < MOST_INPUTS + self.pieces
    }
}
