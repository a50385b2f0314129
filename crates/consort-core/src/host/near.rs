//! What was probably meant, and what to do about it.
use crate::{ModelCard, ProviderCard, State};

/// What a provider still needs, as the thing to do.
pub(super) fn how_to_set_up(card: &ProviderCard) -> String {
    let missing = match &card.state {
        State::NeedsSetup { missing } => missing.as_str(),
        State::Broken { reason } | State::Missing { reason } => return format!("{}: {reason}", card.name),
        State::Ready | State::Unchecked | State::Loading => {
            return format!("{}: `{}/...`", card.name, card.id);
        }
    };
    match card
        .keys
        .iter()
        .find(|key| key.secret && key.env.iter().any(|name| missing.contains(name.as_str())))
    {
        Some(key) => format!("{}: `consort keys set {}`, or set {missing}", card.name, key.name),
        None => format!("{}: set {missing}", card.name),
    }
}

/// How well a card fits the words: in its name at the start, in its name, anywhere else.
pub(super) fn rank(card: &ModelCard, words: &[String]) -> Option<u32> {
    let name = card.name.to_lowercase();
    let rest =
        format!("{} {} {}", card.id, card.title.as_deref().unwrap_or_default(), card.aliases.join(" "))
            .to_lowercase();
    words
        .iter()
        .map(|word| match name.find(word.as_str()) {
            Some(0) => Some(0),
            Some(_) => Some(1),
            None => rest.contains(word.as_str()).then_some(2),
        })
        .sum::<Option<u32>>()
        .map(|rank| rank * 1000 + card.id.len() as u32)
}

/// The name that was probably meant: near as a whole, or near after the provider's part.
pub(super) fn nearest(wanted: &str, names: impl Iterator<Item = String>) -> Option<String> {
    const NEAR: f64 = 0.8;
    let alikeness = |name: &str| {
        let short = name.split_once('/').map_or(name, |(_, short)| short);
        strsim::jaro_winkler(wanted, name).max(strsim::jaro_winkler(wanted, short))
    };
    // The first of equals: what is listed first is nearer to its source.
    let mut best: Option<(f64, String)> = None;
    for name in names {
        let alike = alikeness(&name);
        if alike >= NEAR && best.as_ref().is_none_or(|(so_far, _)| alike > *so_far) {
            best = Some((alike, name));
        }
    }
    best.map(|(_, name)| name)
}
