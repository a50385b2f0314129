//! Sums for people, in which what is unknown stays unknown.
use crate::terminal::thousands;
use consort_store::Spend;

/// What was spent: `$1.20`, or `$1.20 and 3 of unknown price`.
pub(crate) fn spent(spend: &Spend) -> String {
    match (spend.cost.0, spend.unpriced) {
        (_, 0) => spend.cost.to_string(),
        (0, unknown) if unknown == spend.tries => format!("{} of unknown price", thousands(unknown)),
        (_, unknown) => format!("{} and {} of unknown price", spend.cost, thousands(unknown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::Money;

    #[test]
    fn unknown_is_not_free() {
        let spend = |cost, tries, unpriced| {
            spent(&Spend { cost: Money::from_dollars(cost), tries, unpriced, ..Spend::default() })
        };
        assert_eq!(spend(1.2, 5, 0), "$1.20");
        assert_eq!(spend(1.2, 5, 3), "$1.20 and 3 of unknown price");
        assert_eq!(spend(0.0, 3, 3), "3 of unknown price");
        assert_eq!(spend(0.0, 5, 3), "$0 and 3 of unknown price");
        assert_eq!(spend(0.0, 2, 0), "$0");
    }
}
