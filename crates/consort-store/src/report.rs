//! Rows of a report on costs: their names, sums and order.
use crate::{ConversationId, CostRow, GroupBy, Spend};
use consort_core::Date;
use std::collections::BTreeMap;

/// When and for whom a try was made.
#[derive(Debug, Clone)]
pub(crate) struct Booked {
    pub(crate) at: i64,
    pub(crate) conversation: ConversationId,
    pub(crate) key: Option<String>,
}

impl Booked {
    pub(crate) fn name(&self, model: &str, by: GroupBy) -> String {
        match by {
            GroupBy::Day => day(self.at.div_euclid(DAY)),
            GroupBy::Month => month(self.at.div_euclid(DAY)),
            GroupBy::Model => model.to_owned(),
            GroupBy::Conversation => self.conversation.to_string(),
            GroupBy::Key => self.key.clone().unwrap_or_default(),
        }
    }
}

/// A day in microseconds.
pub(crate) const DAY: i64 = 86_400_000_000;

/// Sums rows of one name. Days and months come in their order, everything else by what it cost.
pub(crate) fn report(rows: impl Iterator<Item = (String, Spend)>, by: GroupBy) -> Vec<CostRow> {
    let mut sums: BTreeMap<String, Spend> = BTreeMap::new();
    for (name, spend) in rows {
        sums.entry(name).or_default().add(&spend);
    }
    let mut rows: Vec<CostRow> = sums.into_iter().map(|(name, spend)| CostRow { name, spend }).collect();
    if !matches!(by, GroupBy::Day | GroupBy::Month) {
        rows.sort_by_key(|row| std::cmp::Reverse(row.spend.cost));
    }
    rows
}

impl Spend {
    /// Adds what another sum holds.
    pub fn add(&mut self, other: &Self) {
        self.tries += other.tries;
        self.input += other.input;
        self.cached += other.cached;
        self.output += other.output;
        self.reasoning += other.reasoning;
        self.audio_input += other.audio_input;
        self.audio_output += other.audio_output;
        self.cost = self.cost.saturating_add(other.cost);
        self.unpriced += other.unpriced;
        self.estimated += other.estimated;
    }
}

/// The name of a day that is so many days after the first of 1970, in universal time.
pub(crate) fn day(days: i64) -> String {
    Date::of(days).to_string()
}

pub(crate) fn month(days: i64) -> String {
    let Date { year, month, .. } = Date::of(days);
    format!("{year:04}-{month:02}")
}
