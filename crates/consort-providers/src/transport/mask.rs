//! Keeps keys out of every message: vendors like to repeat the key that they refuse.
use consort_core::{Error, Secret};

/// The keys of one call. Its `Debug` shows none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask(Vec<Secret>);

impl Mask {
    pub(crate) fn add(&mut self, secret: &Secret) {
        self.0.push(secret.clone());
    }

    pub(crate) fn text(&self, text: String) -> String {
        mask_shapes(&self.exact(text))
    }

    /// Without the keys themselves, and nothing else.
    pub(crate) fn exact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| secret.mask(&text))
    }

    pub(crate) fn error(&self, error: Error) -> Error {
        error.map_message(|message| self.text(message))
    }
}

/// Beginnings of keys, as vendors make them; and of places where a key follows.
const SHAPES: [&str; 16] = [
    "sk-", "sk_", "gsk_", "xai-", "hf_", "nvapi-", "pplx-", "csk-", "fw_", "AIza", "AKIA", "ASIA", "ya29.",
    "Bearer ", "key=", "token=",
];

/// Masks what looks like a key, also half of one.
fn mask_shapes(text: &str) -> String {
    /// Shorter words are words.
    const SHORTEST: usize = 6;
    let in_key = |c: char| c.is_ascii_alphanumeric() || "-_.*+/=~%".contains(c);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, shape)) =
        SHAPES.iter().filter_map(|shape| Some((rest.find(shape)?, *shape))).min_by_key(|(at, _)| *at)
    {
        let (before, found) = rest.split_at(at);
        masked.push_str(before);
        masked.push_str(shape);
        rest = &found[shape.len()..];
        // A shape in the middle of a word (`task-`, `monkey=`) begins no key, but `?key=` does.
        let inside_word = masked[..masked.len() - shape.len()].ends_with(|c: char| c.is_ascii_alphanumeric());
        let length = rest.find(|c| !in_key(c)).unwrap_or(rest.len());
        if length >= SHORTEST && (!inside_word || shape.ends_with('=')) {
            masked.push_str("***");
            rest = &rest[length..];
        }
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_masked() {
        let check = |text: &str, wanted: &str| assert_eq!(mask_shapes(text), wanted);
        check("Incorrect API key provided: sk-abcd***wxyz. Find", "Incorrect API key provided: sk-*** Find");
        check("https://a.example/?key=abcdefgh&x=1", "https://a.example/?key=***&x=1");
        check("Bearer abcdefghijk was refused", "Bearer *** was refused");
        check("two: sk-aaaaaaaaa, AIzaBBBBBBBB", "two: sk-***, AIza***");
        check("a task-oriented risk-averse model sk-1", "a task-oriented risk-averse model sk-1");
        check("nothing here", "nothing here");
    }

    #[test]
    fn the_key_itself_is_masked() {
        let mut mask = Mask::default();
        mask.add(&Secret::new("unusual:key"));
        assert_eq!(mask.text("key unusual:key is bad".into()), "key *** is bad");
    }
}
