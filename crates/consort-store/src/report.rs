//! Rows of a report on costs: their names, sums and order.
use crate::{ConversationId, CostRow, GroupBy, Spend};
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
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}")
}

pub(crate) fn month(days: i64) -> String {
    let (year, month, _) = date(days);
    format!("{year:04}-{month:02}")
}

/// Year, month and day in the Gregorian calendar. Years start in March here, so that a leap day is a year's last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_names() {
        let names = [0, 58, 59, 11_016, 11_017, 20_785, -1].map(day);
        assert_eq!(
            names,
            [
                "1970-01-01",
                "1970-02-28",
                "1970-03-01",
                "2000-02-29",
                "2000-03-01",
                "2026-11-28",
                "1969-12-31"
            ]
        );
    }
}
