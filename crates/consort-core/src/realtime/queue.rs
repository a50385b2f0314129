//! What waits between the two ends of a session. Sound that is too old is dropped; nothing else ever is.
//!
//! What a cut drops is `cuts.rs`'s to say.
use super::cuts::Cuts;
use super::{CloseReason, Pcm, SessionEvent, SessionInput};
use crate::{Error, ErrorKind};
use event_listener::Event as Signal;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// How much sound may wait for the model, and how many other inputs.
const MOST_HEARD: Duration = Duration::from_secs(30);
const MOST_INPUTS: usize = 1024;
/// How many bytes of sound may wait for the caller, and how many other events.
const MOST_SOUND: usize = 8 << 20;
const MOST_EVENTS: usize = 4096;
/// Whoever can wait with sound does so while so much of it waits.
const BEHIND: usize = 1 << 20;
/// What a piece of sound takes besides its samples and its name, about.
const PIECE: usize = 256;

/// Both queues of one session.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Rings when an input came, or the caller wants no more.
    pub(super) fed: Signal,
    /// Rings when an input was taken.
    pub(super) taken: Signal,
    /// Rings when an event was taken, or the caller is gone.
    pub(super) drained: Signal,
}

#[derive(Debug, Default)]
struct State {
    inputs: VecDeque<SessionInput>,
    heard: Duration,
    /// The caller wants the end.
    leaving: bool,
    /// The caller no longer reads.
    deaf: bool,
    events: VecDeque<SessionEvent>,
    sound: usize,
    others: usize,
    cuts: Cuts,
    told_late: bool,
    told_slow: bool,
    /// `Closed` was said.
    over: bool,
    waker: Option<Waker>,
}

/// What the model's end finds.
pub(super) enum Next {
    Input(SessionInput),
    Leaving,
    Nothing,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // -- the caller's side

    pub(super) fn push_input(&self, input: SessionInput) -> Result<(), Error> {
        let waker = {
            let mut state = self.lock();
            if state.over || state.leaving {
                return Err(Error::new(ErrorKind::Cancelled, "the session is over"));
            }
            state.put_input(input);
            state.waker.take()
        };
        self.fed.notify(usize::MAX);
        wake(waker);
        Ok(())
    }

    pub(super) fn has_room_for_inputs(&self) -> bool {
        let state = self.lock();
        state.over
            || state.leaving
            || (state.heard < MOST_HEARD && state.inputs.len() < MOST_INPUTS + state.pieces())
    }

    pub(super) fn leave(&self, deaf: bool) {
        {
            let mut state = self.lock();
            state.leaving = true;
            state.deaf |= deaf;
            if deaf {
                (state.sound, state.others) = (0, 0);
                state.events.clear();
            }
        }
        self.fed.notify(usize::MAX);
        self.taken.notify(usize::MAX);
        self.drained.notify(usize::MAX);
    }

    /// The next event; nothing where there is none yet. The waker is kept for when there is.
    pub(super) fn take_event(&self, waker: &Waker) -> Option<SessionEvent> {
        let mut state = self.lock();
        let Some(event) = state.events.pop_front() else {
            state.told_slow = false;
            state.waker = Some(waker.clone());
            return None;
        };
        match &event {
            SessionEvent::Audio { item, pcm, .. } => state.sound -= weight(item, pcm),
            _ => state.others -= 1,
        }
        drop(state);
        self.drained.notify(usize::MAX);
        Some(event)
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().over
    }

    // -- the model's side

    pub(super) fn take_input(&self) -> Next {
        let mut state = self.lock();
        // What was said before the end still counts.
        let Some(input) = state.inputs.pop_front() else {
            return if state.leaving || state.over { Next::Leaving } else { Next::Nothing };
        };
        match &input {
            SessionInput::Audio(pcm) => state.heard = state.heard.saturating_sub(pcm.duration()),
            SessionInput::Interrupt { item, .. } => state.cuts.take(item.as_deref()),
            _ => {}
        }
        state.told_late &= !state.inputs.is_empty();
        drop(state);
        self.taken.notify(usize::MAX);
        Next::Input(input)
    }

    pub(super) fn push_event(&self, event: SessionEvent) {
        let waker = {
            let mut state = self.lock();
            if state.over {
                return;
            }
            state.over = matches!(event, SessionEvent::Closed { .. });
            if !state.deaf {
                state.put_event(event);
            }
            state.waker.take()
        };
        wake(waker);
        if self.is_over() {
            self.fed.notify(usize::MAX);
            self.taken.notify(usize::MAX);
        }
    }

    pub(super) fn has_room_for_events(&self) -> bool {
        let state = self.lock();
        state.deaf || state.over || state.others < MOST_EVENTS
    }

    pub(super) fn has_room_for_sound(&self) -> bool {
        let state = self.lock();
        state.deaf || state.over || (state.others < MOST_EVENTS && state.sound < BEHIND)
    }

    /// The last event, where none was said.
    pub(super) fn close(&self, reason: CloseReason) {
        self.push_event(SessionEvent::Closed { reason });
    }

    pub(super) fn epoch(&self) -> u64 {
        self.lock().cuts.epoch()
    }

    pub(super) fn drops(&self, item: &str, epoch: u64) -> bool {
        let state = self.lock();
        state.cuts.hits(item, state.cuts.epoch().min(epoch))
    }

    pub(super) fn is_left(&self) -> bool {
        let state = self.lock();
        state.leaving || state.over
    }
}

impl State {
    fn put_input(&mut self, input: SessionInput) {
        match &input {
            SessionInput::Audio(pcm) if pcm.is_empty() => return,
            SessionInput::Audio(pcm) => self.heard += pcm.duration(),
            SessionInput::Video { .. } => {
                self.inputs.retain(|waiting| !matches!(waiting, SessionInput::Video { .. }));
            }
            SessionInput::Interrupt { item, .. } => {
                self.cuts.put(item.as_deref());
                self.forget_cut_sound();
            }
            _ => {}
        }
        self.inputs.push_back(input);
        while self.heard > MOST_HEARD && self.pieces() > 1 && self.drop_oldest_input() {
            if !std::mem::replace(&mut self.told_late, true) {
                let message = "the model is too slow for what it hears; the oldest of it is dropped";
                self.put_event(SessionEvent::warning("dropped", message));
            }
        }
    }

    /// How many pieces of sound wait for the model.
    fn pieces(&self) -> usize {
        self.inputs.iter().filter(|input| matches!(input, SessionInput::Audio(_))).count()
    }

    fn drop_oldest_input(&mut self) -> bool {
        let oldest = self.inputs.iter().position(|input| matches!(input, SessionInput::Audio(_)));
        let Some(SessionInput::Audio(pcm)) = oldest.and_then(|at| self.inputs.remove(at)) else {
            return false;
        };
        self.heard = self.heard.saturating_sub(pcm.duration());
        true
    }

    fn put_event(&mut self, mut event: SessionEvent) {
        match &mut event {
            SessionEvent::Audio { item, epoch, pcm } => {
                *epoch = self.cuts.epoch().min(*epoch);
                if pcm.is_empty() || self.cuts.hits(item, *epoch) {
                    return;
                }
                self.sound += weight(item, pcm);
            }
            SessionEvent::Interrupted { .. } => {
                self.others += 1;
                self.cuts.told();
                self.forget_cut_sound();
            }
            _ => self.others += 1,
        }
        self.events.push_back(event);
        while self.sound > MOST_SOUND && self.drop_oldest_sound() {
            if !std::mem::replace(&mut self.told_slow, true) {
                let message = "the sound of the answer is not taken in time; the oldest of it is dropped";
                self.put_event(SessionEvent::warning("dropped", message));
            }
        }
    }

    fn drop_oldest_sound(&mut self) -> bool {
        let mut sounds = self.events.iter().enumerate().filter(|(_, event)| is_sound(event));
        let Some((at, _)) = sounds.next() else { return false };
        // One piece alone is what there is, however long.
        if sounds.next().is_none() {
            return false;
        }
        if let Some(SessionEvent::Audio { item, pcm, .. }) = self.events.remove(at) {
            self.sound -= weight(&item, &pcm);
        }
        true
    }

    fn forget_cut_sound(&mut self) {
        let (cuts, mut sound) = (&self.cuts, self.sound);
        self.events.retain(|event| match event {
            SessionEvent::Audio { item, epoch, pcm } if cuts.hits(item, *epoch) => {
                sound -= weight(item, pcm);
                false
            }
            _ => true,
        });
        self.sound = sound;
    }
}

/// How much memory a piece of sound takes, about: many small ones take it as well.
fn weight(item: &str, pcm: &Pcm) -> usize {
    pcm.size() + item.len() + PIECE
}

fn is_sound(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Audio { .. })
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
