//! Words that say "go on" and nothing else: they interrupt nobody.

/// Said by listeners, in small letters and without marks.
const KNOWN: &[&str] = &[
    "mhm",
    "mm",
    "mmm",
    "mmhm",
    "hm",
    "hmm",
    "uhhuh",
    "uh",
    "um",
    "huh",
    "ah",
    "aha",
    "oh",
    "okay",
    "ok",
    "yeah",
    "yep",
    "yes",
    "right",
    "sure",
    "isee",
    "ja",
    "genau",
    "klar",
    "verstehe",
    "oui",
    "ouais",
    "daccord",
    "si",
    "sí",
    "vale",
    "claro",
    "certo",
    "sim",
    "tá",
    "да",
    "ага",
    "угу",
    "так",
    "tak",
    "はい",
    "うん",
    "ええ",
    "そうですね",
    "なるほど",
    "嗯",
    "好",
    "好的",
    "对",
    "是",
    "是的",
    "네",
    "응",
    "예",
    "نعم",
    "אהה",
    "כן",
    "हाँ",
    "जी",
];
/// More words than this are something to say.
const MOST: usize = 3;

/// Letters and digits alone, small.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether nothing was said but that somebody listens; silence is no word.
pub(super) fn is_backchannel(text: &str, own: &[String]) -> bool {
    let is_one = |word: &str| KNOWN.contains(&word) || own.iter().any(|own| plain(own) == word);
    let whole = plain(text);
    if whole.is_empty() || is_one(&whole) {
        return !whole.is_empty();
    }
    // A hyphen joins what is one sound: "uh-huh".
    let parts = text.split(|c: char| !c.is_alphanumeric() && !"-'’".contains(c));
    let words: Vec<String> = parts.map(plain).filter(|word| !word.is_empty()).collect();
    words.len() <= MOST && words.iter().all(|word| is_one(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_words_are_known() {
        let own = ["Jo eh".to_owned()];
        for text in ["Mhm.", "uh-huh", "Yeah, okay.", "I see", "はい。", "嗯，好的", "Sí, claro", "jo eh!"]
        {
            assert!(is_backchannel(text, &own), "{text}");
        }
        for text in ["", "...", "Stop", "yes but why", "no", "okay okay okay okay", "はい、でも"] {
            assert!(!is_backchannel(text, &own), "{text}");
        }
    }
}
