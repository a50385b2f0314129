//! Answers that are kept: the same question is asked once.
mod key;

use crate::settings::Keep;
use consort_core::{Delta, Event, FinishReason};
use event_listener::{Event as Signal, EventListener};
pub(crate) use key::{Key, key_of};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What one event takes beside its text.
const PER_EVENT: usize = size_of::<Event>();
/// No answer takes more than this part of the whole.
const SHARE: usize = 8;

/// Kept answers, the least used of which make room.
pub(crate) struct Cache {
    keep: Keep,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<Key, Entry>,
    bytes: usize,
    uses: u64,
    /// Questions that are being answered, and those who wait for that.
    flights: HashMap<Key, Arc<Flight>>,
}

struct Entry {
    answer: Arc<Answer>,
    since: Instant,
    used: u64,
}

/// A whole answer.
pub(crate) struct Answer {
    /// Who gave it.
    pub(crate) target: String,
    pub(crate) events: Vec<Event>,
    bytes: usize,
}

#[derive(Default)]
struct Flight {
    landed: Signal,
}

/// What to do with a question.
pub(crate) enum Look {
    Found(Arc<Answer>),
    /// Ask it, and keep the answer.
    Ask(Asking),
    /// Another asks it; look again after that, and ask alone if there is nothing then.
    Wait(EventListener),
}

/// The right to answer a question for all who wait. Dropping it sets them free.
pub(crate) struct Asking {
    cache: Arc<Cache>,
    key: Key,
}

/// An answer while it comes.
#[derive(Default)]
pub(crate) struct Recording {
    events: Vec<Event>,
    bytes: usize,
}

impl Cache {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, kept: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keep(&self) -> &Keep {
        &self.keep
    }

    pub(crate) fn look(self: &Arc<Self>, key: Key, now: Instant) -> Look {
        let mut kept = self.lock();
        kept.uses += 1;
        let uses = kept.uses;
        match kept.answers.get_mut(&key) {
            Some(entry) if now.saturating_duration_since(entry.since) < self.keep.age => {
                entry.used = uses;
                return Look::Found(entry.answer.clone());
            }
            Some(_) => kept.remove(&key),
            None => {}
        }
        if let Some(flight) = kept.flights.get(&key) {
            return Look::Wait(flight.landed.listen());
        }
        kept.flights.insert(key, Arc::default());
        Look::Ask(Asking { cache: self.clone(), key })
    }

    fn insert(&self, key: Key, answer: Answer, now: Instant) {
        let mut kept = self.lock();
        kept.remove(&key);
        while kept.bytes + answer.bytes > self.keep.bytes {
            let Some(oldest) = kept.answers.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key)
            else {
                break;
            };
            kept.remove(&oldest);
        }
        kept.bytes += answer.bytes;
        let used = kept.uses;
        kept.answers.insert(key, Entry { answer: Arc::new(answer), since: now, used });
    }
}

impl Kept {
    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.answers.remove(key) {
            self.bytes -= entry.answer.bytes;
        }
    }
}

impl Asking {
    /// Keeps a whole answer; one that was cut, refused or is too large is not kept.
    pub(crate) fn done(&self, recording: Recording, target: &str, now: Instant) {
        let whole = matches!(
            recording.events.last(),
            Some(Event::Finished(finish)) if matches!(finish.reason, FinishReason::Stop | FinishReason::ToolCalls)
        );
        if whole && recording.bytes <= self.cache.keep.bytes / SHARE {
            let Recording { events, bytes } = recording;
            self.cache.insert(self.key, Answer { target: target.to_owned(), events, bytes }, now);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let flight = self.cache.lock().flights.remove(&self.key);
        if let Some(flight) = flight {
            flight.landed.notify(usize::MAX);
        }
    }
}

impl Recording {
    pub(crate) fn hear(&mut self, event: &Event, keep: &Keep) {
        if matches!(event, Event::Attempt(_) | Event::Warning(_)) || self.bytes > keep.bytes / SHARE {
            return;
        }
        self.bytes += PER_EVENT
            + match event {
                Event::PartDelta { delta, .. } => weight(delta),
                _ => 0,
            };
        self.events.push(event.clone());
    }
}

fn weight(delta: &Delta) -> usize {
    match delta {
        Delta::Text(text) | Delta::Arguments(text) | Delta::Url(text) => text.len(),
        Delta::Media(bytes) => bytes.len(),
        Delta::Signature(signature) => signature.value.len(),
        Delta::Native(value) => value.to_string().len(),
        Delta::Citation(_) | Delta::Vendor { .. } => PER_EVENT,
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.lock();
        f.debug_struct("Cache").field("answers", &kept.answers.len()).field("bytes", &kept.bytes).finish()
    }
}
