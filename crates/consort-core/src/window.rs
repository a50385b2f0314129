//! The context window that a refusal names: vendors say it in words only.
use crate::{Error, ErrorKind};

/// What stands before the number, or behind it.
const BEFORE: [&str; 8] = [
    "maximum context length is",
    "maximum context length of",
    "context window of",
    "context window is",
    "context size of",
    "available context size (",
    "number of tokens allowed (",
    "context length of",
];
const BEHIND: [&str; 2] = ["maximum", "token limit"];

/// A number below that is about something else.
const LEAST: u64 = 256;

impl Error {
    /// The model's window in tokens, where the request was too long and the vendor said for what.
    ///
    /// ```
    /// use consort_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::ContextLength, "This model's maximum context length is 128,000 tokens.");
    /// assert_eq!(error.named_window(), Some(128_000));
    /// ```
    pub fn named_window(&self) -> Option<u64> {
        if self.kind() != ErrorKind::ContextLength {
            return None;
        }
        let words = self.message().to_lowercase();
        let named = BEFORE.iter().filter_map(|before| number(words.split_once(before)?.1));
        let compared = words.split('>').skip(1).filter_map(|rest| {
            let rest = rest.trim_start();
            let end = rest.find(|letter: char| !is_of_number(letter)).unwrap_or(rest.len());
            let behind = rest[end..].trim_start();
            BEHIND.iter().any(|word| behind.starts_with(word)).then(|| number(rest))?
        });
        named.chain(compared).find(|window| *window >= LEAST)
    }
}

/// The number that a text begins with, with or without commas.
fn number(text: &str) -> Option<u64> {
    let digits = text.trim_start().chars().take_while(|letter| is_of_number(*letter));
    digits.filter(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn is_of_number(letter: char) -> bool {
    letter.is_ascii_digit() || letter == ','
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_say_it_each_in_their_words() {
        let window = |words: &str| Error::new(ErrorKind::ContextLength, words).named_window();
        let openai = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.";
        assert_eq!(window(openai), Some(8192));
        assert_eq!(window("prompt is too long: 210000 tokens > 200000 maximum"), Some(200_000));
        let gemini =
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).";
        assert_eq!(window(gemini), Some(1_048_575));
        let llama = "the request exceeds the available context size (4096 tokens), try increasing it";
        assert_eq!(window(llama), Some(4096));
        assert_eq!(window("input is too long for requested model"), None);
        assert_eq!(window("400 > 12 maximum"), None);
        let other = Error::new(ErrorKind::InvalidRequest, openai);
        assert_eq!(other.named_window(), None);
    }
}
