//! Counting: what each turn takes, by the model's own counter, each turn once.
use consort_core::{Body, Context, Message, Model, Part, Request, TokenCount, estimate_tokens};
use consort_store::{Summary, Turn, TurnId};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the counts of one view may take in all: what is not counted by then is guessed, since an answer must not wait
/// for it. A model that did not count yet may have to start for it, as it must to answer.
const PATIENCE: Duration = Duration::from_millis(250);
const FIRST: Duration = Duration::from_secs(2);

/// How many counts are kept.
const KEPT: usize = 100_000;

/// What one turn takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) tokens: u64,
    /// Of these, what clearing its tool results and attachments would free.
    pub(crate) clearable: u64,
    pub(crate) exact: bool,
}

/// What each turn of a log takes.
#[derive(Debug, Clone, Default)]
pub struct Counts(HashMap<TurnId, Count>);

impl Counts {
    /// Guesses: quick, and good where there is plenty of room.
    pub fn guess(log: &[Turn]) -> Self {
        Self(log.iter().map(|turn| (turn.id, guess(turn))).collect())
    }

    pub(super) fn of(&self, turn: TurnId) -> Count {
        self.0.get(&turn).copied().unwrap_or_default()
    }

    pub(super) fn are_exact(&self) -> bool {
        self.0.values().all(|count| count.exact)
    }

    /// What each turn of a log takes, in its order.
    pub(crate) fn sizes(&self, log: &[Turn]) -> Vec<u64> {
        log.iter().map(|turn| self.of(turn.id).tokens).collect()
    }

    pub(crate) fn total_of(&self, log: &[Turn]) -> u64 {
        self.sizes(log).iter().sum()
    }
}

/// What a summary takes, with the words around it.
pub(super) fn of_summary(summary: &Summary) -> u64 {
    tokens_of(&[Part::text(summary.text.as_str())]) + 24
}

fn guess(turn: &Turn) -> Count {
    let (mut clearable, mut others) = (Vec::new(), Vec::new());
    for part in &turn.parts {
        let old = matches!(part.body, Body::ToolResult(_) | Body::Media(_));
        if old { clearable.push(part.clone()) } else { others.push(part.clone()) }
    }
    let clearable = if clearable.is_empty() { 0 } else { tokens_of(&clearable) };
    Count { tokens: tokens_of(&others) + clearable, clearable, exact: false }
}

/// A guess at what a message of these parts takes.
pub(super) fn tokens_of(parts: &[Part]) -> u64 {
    let message = Message::new(consort_core::Role::User, parts.to_vec());
    // A guess errs upwards: what does not fit is refused by the vendor.
    let guess = estimate_tokens(&Request::new(vec![message])).tokens;
    guess + guess / 7
}

/// Remembers what turns take, for each model.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    turns: HashMap<(String, TurnId), Count>,
    /// The models that have counted something.
    models: HashSet<String>,
}

impl Counter {
    /// What each turn takes for this model.
    pub(crate) async fn count(&self, log: &[Turn], model: &dyn Model, context: &Context) -> Counts {
        let known = self.lock().models.contains(&model.card().id);
        self.within(if known { PATIENCE } else { FIRST }, log, model, context).await
    }

    /// What the turns before the last took, and what the last did, by the model's own count: nothing of what it does not
    /// count in a moment. What it counted once it is not asked again.
    pub(crate) async fn exchange(
        &self,
        log: &[Turn],
        model: &dyn Model,
        context: &Context,
    ) -> (Option<u64>, Option<u64>) {
        let Some((answer, asked)) = log.split_last() else { return (None, None) };
        let counts = self.within(PATIENCE, log, model, context).await;
        let exact = |turns: &[Turn]| {
            turns
                .iter()
                .map(|turn| counts.of(turn.id))
                .try_fold(0_u64, |sum, count| count.exact.then(|| sum.saturating_add(count.tokens)))
        };
        (exact(asked), exact(std::slice::from_ref(answer)))
    }

    async fn within(&self, patience: Duration, log: &[Turn], model: &dyn Model, context: &Context) -> Counts {
        let mut counts = HashMap::with_capacity(log.len());
        let until = Instant::now() + patience;
        let mut counts_itself = true;
        for turn in log {
            let key = (model.card().id.clone(), turn.id);
            if let Some(count) = self.kept(&key) {
                counts.insert(turn.id, count);
                continue;
            }
            let guess = guess(turn);
            let exact = if counts_itself { ask(model, turn, context, until).await } else { None };
            counts_itself = exact.is_some();
            let count = exact.map_or(guess, |exact| scaled(guess, exact));
            if exact.is_some() {
                self.keep(key, count);
            }
            counts.insert(turn.id, count);
        }
        Counts(counts)
    }

    fn kept(&self, key: &(String, TurnId)) -> Option<Count> {
        self.lock().turns.get(key).copied()
    }

    fn keep(&self, key: (String, TurnId), count: Count) {
        let mut kept = self.lock();
        if kept.turns.len() >= KEPT {
            *kept = Counted::default();
        }
        if !kept.models.contains(&key.0) {
            kept.models.insert(key.0.clone());
        }
        kept.turns.insert(key, count);
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The model's own count of one turn, if it comes in time.
async fn ask(model: &dyn Model, turn: &Turn, context: &Context, until: Instant) -> Option<TokenCount> {
    let request = Request::new(vec![Message::new(turn.role, turn.parts.clone())]);
    let counted = model.count_tokens(&request, context.clone());
    tokio::time::timeout_at(until, counted).await.ok()?.ok()
}

/// The model's count, shared out as the guess was. A count that is itself a guess gets the same margin.
fn scaled(guess: Count, counted: TokenCount) -> Count {
    let tokens = if counted.exact { counted.tokens } else { counted.tokens + counted.tokens / 7 };
    let share = guess.clearable.saturating_mul(tokens).checked_div(guess.tokens).unwrap_or(0);
    Count { tokens, clearable: share.min(tokens), exact: counted.exact }
}
