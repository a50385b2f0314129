//! How fast models answered lately: medians of their last answers on this machine.
use consort_store::{Answer, Status, Turn};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many answers a median is made of.
const ANSWERS: usize = 9;

#[derive(Default)]
pub(crate) struct Measures {
    of: Mutex<HashMap<String, VecDeque<Measure>>>,
    revision: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
struct Measure {
    first_ms: u64,
    /// Tokens per second, from the first on.
    speed: Option<f64>,
    at: u64,
}

impl Measures {
    /// Notes a turn, if it is an answer that came to its end.
    pub(crate) fn note(&self, turn: &Turn) {
        let Some(answer) = turn.answer.as_deref().filter(|_| turn.status == Status::Complete) else { return };
        let Some(measure) = measure(answer, crate::shape::millis(turn.created)) else { return };
        let mut all = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let of = all.entry(answer.model.clone()).or_default();
        of.push_back(measure);
        if of.len() > ANSWERS {
            of.pop_front();
        }
        self.revision.fetch_add(1, Ordering::SeqCst);
    }

    /// Goes up with each new measure.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }

    pub(crate) fn of(&self, model: &str) -> Value {
        let all = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of) = all.get(model) else { return Value::Null };
        let first = median(of.iter().map(|one| one.first_ms as f64));
        let speed = median(of.iter().filter_map(|one| one.speed));
        let at = of.iter().map(|one| one.at).max();
        json!({"first_ms": first.map(|ms| ms as u64), "tokens_per_second": speed, "runs": of.len(), "at": at})
    }
}

fn measure(answer: &Answer, at: u64) -> Option<Measure> {
    /// An answer that came in one piece tells nothing about speed.
    const LEAST: f64 = 0.05;
    let (first, took) = (answer.first?, answer.took?);
    let seconds = took.saturating_sub(first).as_secs_f64();
    let tokens = answer.usage.as_ref().and_then(consort_core::Usage::all_output);
    let speed = tokens.filter(|_| seconds >= LEAST).map(|tokens| tokens as f64 / seconds);
    Some(Measure { first_ms: first.as_millis() as u64, speed, at })
}

fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}
