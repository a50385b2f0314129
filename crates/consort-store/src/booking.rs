//! What a turn's tries used and cost, as it is booked.
use crate::{Answer, Spend, Status};
use consort_core::{Attempt, Money, Usage, UsageSource};

/// One try, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Try {
    pub(crate) model: String,
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
    pub(crate) audio_input: u64,
    pub(crate) audio_output: u64,
    pub(crate) cost: Option<Money>,
    pub(crate) estimated: bool,
}

/// The tries of a turn that ended so: each that asked somebody, or the one of a model that was asked directly.
pub(crate) fn tries(answer: &Answer, status: Status) -> Vec<Try> {
    if !answer.attempts.is_empty() {
        return tried(&answer.attempts);
    }
    // One that failed and counted nothing may never have reached its vendor.
    let counts = answer.usage.is_some() || answer.cost.is_some() || status != Status::Failed;
    counts.then(|| Try::new(&answer.model, answer.usage.as_ref(), answer.cost)).into_iter().collect()
}

/// The tries that asked somebody and may have used something.
pub(crate) fn tried(attempts: &[Attempt]) -> Vec<Try> {
    let took_nothing = |attempt: &Attempt| {
        attempt.error.is_some() && attempt.usage.is_none() && attempt.cost == Some(Money(0))
    };
    let asked = attempts.iter().filter(|attempt| attempt.unasked.is_none() && !took_nothing(attempt));
    asked.map(|attempt| Try::new(&attempt.target, attempt.usage.as_ref(), attempt.cost)).collect()
}

impl Try {
    pub(crate) fn new(model: &str, usage: Option<&Usage>, cost: Option<Money>) -> Self {
        // Counts come from vendors: a wild one must not make a sum overflow.
        let tokens = |count: Option<u64>| count.unwrap_or(0).min(1 << 40);
        let of = |count: fn(&Usage) -> Option<u64>| tokens(usage.and_then(count));
        Self {
            model: model.to_owned(),
            input: of(Usage::all_input),
            cached: of(|usage| usage.cached),
            output: of(Usage::all_output),
            reasoning: of(|usage| usage.reasoning),
            audio_input: of(|usage| usage.audio_input),
            audio_output: of(|usage| usage.audio_output),
            cost: cost.map(|cost| cost.min(Money(1 << 50))),
            estimated: usage.is_some_and(|usage| usage.source == UsageSource::Estimated),
        }
    }
}

impl Spend {
    pub(crate) fn book(&mut self, one: &Try) {
        self.tries += 1;
        self.input += one.input;
        self.cached += one.cached;
        self.output += one.output;
        self.reasoning += one.reasoning;
        self.audio_input += one.audio_input;
        self.audio_output += one.audio_output;
        self.cost = self.cost.saturating_add(one.cost.unwrap_or_default());
        self.unpriced += u64::from(one.cost.is_none());
        self.estimated += u64::from(one.estimated);
    }
}
