//! What an answer cost, from its usage and the model's price. Unknown stays unknown.
use consort_core::{Price, Usage};

/// The cost in dollars; nothing where the price or a needed number is unknown.
pub(crate) fn of(usage: Option<&Usage>, price: Option<&Price>) -> Option<f64> {
    let (usage, price) = (usage?, price?);
    let parts = [
        (usage.fresh_input()?, price.input),
        (usage.cached.unwrap_or(0), price.cached.unwrap_or(price.input)),
        (usage.cache_write.unwrap_or(0), price.cache_write.unwrap_or(price.input)),
        (usage.all_output()?, price.output),
    ];
    // Prices are micro-dollars per million tokens.
    let total: u128 = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
    Some(total as f64 / 1e12)
}

/// The cost for people.
pub(crate) fn shown(dollars: f64) -> String {
    if dollars <= 0.0 {
        "$0".to_owned()
    } else if dollars < 0.0001 {
        "under $0.0001".to_owned()
    } else if dollars < 1.0 {
        format!("${dollars:.4}")
    } else {
        format!("${dollars:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let dollars = of(Some(&usage), Some(&price)).unwrap();
        assert!((dollars - 2.2).abs() < 1e-9, "{dollars}");
        assert_eq!(of(Some(&usage), None), None);
        assert_eq!(of(Some(&Usage::default()), Some(&price)), None);
    }

    #[test]
    fn small_sums_are_not_nothing() {
        let words = [shown(0.0), shown(0.000_001), shown(0.0045), shown(12.345)];
        assert_eq!(words, ["$0", "under $0.0001", "$0.0045", "$12.35"]);
    }
}
