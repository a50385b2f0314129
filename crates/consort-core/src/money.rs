//! Sums of money, exact where they are added up.
use crate::{Price, Usage};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A sum in billionths of a dollar.
///
/// Budgets are set in micro-dollars and a cheap token costs a fraction of one, so that sums are kept three digits finer.
///
/// ```
/// # use consort_core::Money;
/// assert_eq!(Money::from_dollars(0.25).to_string(), "$0.2500");
/// assert_eq!(Money(40).to_string(), "under $0.0001");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub u64);

impl Money {
    pub fn from_dollars(dollars: f64) -> Self {
        Self((dollars * 1e9).round() as u64)
    }

    pub fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1000))
    }

    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// For people, to a sensible digit; by `{:#}` to the last one.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollars = self.dollars();
        if f.alternate() {
            let all = format!("{dollars:.9}");
            let short = all.trim_end_matches('0');
            write!(f, "${}", short.strip_suffix('.').unwrap_or(short))
        } else if self.0 == 0 {
            f.write_str("$0")
        } else if self.0 < 100_000 {
            f.write_str("under $0.0001")
        } else if dollars < 1.0 {
            write!(f, "${dollars:.4}")
        } else {
            write!(f, "${dollars:.2}")
        }
    }
}

impl Price {
    /// What these tokens cost; nothing where a needed number or a needed price is unknown. What is free is so without them.
    pub fn cost(&self, usage: Option<&Usage>) -> Option<Money> {
        if self.is_free() { Some(Money(0)) } else { self.sum(usage?) }
    }

    fn is_free(&self) -> bool {
        let more = [self.cached, self.cache_write, self.audio_input, self.audio_output];
        self.input == 0 && self.output == 0 && more.iter().all(|price| price.unwrap_or(0) == 0)
    }

    fn sum(&self, usage: &Usage) -> Option<Money> {
        let (heard, spoken) = (usage.audio_input.unwrap_or(0), usage.audio_output.unwrap_or(0));
        let sound =
            |tokens: u64, price: Option<u64>| (tokens > 0).then_some(price).map_or(Some(0), |price| price);
        let parts = [
            (usage.fresh_input()?.saturating_sub(heard), self.input),
            (heard, sound(heard, self.audio_input)?),
            (usage.cached.unwrap_or(0), self.cached.unwrap_or(self.input)),
            (usage.cache_write.unwrap_or(0), self.cache_write.unwrap_or(self.input)),
            (usage.all_output()?.saturating_sub(spoken), self.output),
            (spoken, sound(spoken, self.audio_output)?),
        ];
        // Prices are micro-dollars per million tokens, so that a product is a thousandth of a billionth.
        let total: u128 = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
        Some(Money(u64::try_from((total + 500) / 1000).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_costs_nothing_however_much_it_was() {
        let cent = Price { input: 1, ..Price::default() };
        let heard = Usage { audio_input: Some(9), ..Usage::default() };
        assert_eq!((Price::default().cost(None), cent.cost(None)), (Some(Money(0)), None));
        assert_eq!((Price::default().cost(Some(&heard)), cent.cost(Some(&heard))), (Some(Money(0)), None));
    }

    #[test]
    fn cached_tokens_have_their_own_price() {
        let price = Price { input: 2_000_000, output: 8_000_000, cached: Some(500_000), ..Price::default() };
        let usage = Usage {
            input: Some(1_000_000),
            output: Some(100_000),
            cached: Some(400_000),
            cached_in_input: true,
            ..Usage::default()
        };
        // 0.6 M fresh at 2, 0.4 M cached at 0.5, 0.1 M out at 8.
        assert_eq!(price.cost(Some(&usage)), Some(Money::from_dollars(2.2)));
        assert_eq!(price.cost(Some(&Usage::default())), None);
    }

    #[test]
    fn sound_has_its_own_price_or_none_that_is_known() {
        let usage = Usage {
            input: Some(100),
            audio_input: Some(80),
            output: Some(50),
            audio_output: Some(50),
            ..Usage::default()
        };
        let mut price = Price { input: 1_000_000, output: 2_000_000, ..Price::default() };
        assert_eq!(price.cost(Some(&usage)), None);
        price.audio_input = Some(10_000_000);
        price.audio_output = Some(20_000_000);
        // 20 at 1, 80 at 10, 50 at 20 micro-dollars.
        assert_eq!(price.cost(Some(&usage)), Some(Money::from_micros(20 + 800 + 1000)));
    }

    #[test]
    fn a_cheap_token_is_not_nothing() {
        let price = Price { input: 50_000, output: 0, ..Price::default() };
        let usage = Usage { input: Some(1), output: Some(0), ..Usage::default() };
        assert_eq!(price.cost(Some(&usage)), Some(Money(50)));
    }

    #[test]
    fn sums_for_people() {
        let words = [0.0, 0.000_001, 0.0045, 12.345].map(|dollars| Money::from_dollars(dollars).to_string());
        assert_eq!(words, ["$0", "under $0.0001", "$0.0045", "$12.35"]);
        let whole =
            [0.0, 0.000_05, 12.345, 20.0].map(|dollars| format!("{:#}", Money::from_dollars(dollars)));
        assert_eq!(whole, ["$0", "$0.00005", "$12.345", "$20"]);
    }
}
