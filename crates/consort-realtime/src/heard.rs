//! How much of a text was heard, by how much of its sound was: one rule for all who cut an answer.
use std::time::Duration;

/// So much of a text as of its sound. No word counts in part; scripts without spaces are cut at any letter.
pub(crate) fn heard_of(text: &str, heard: Duration, sound: Duration) -> &str {
    if heard >= sound {
        return text;
    }
    let letters = text.chars().count() as u128;
    let reached = (letters * heard.as_nanos() / sound.as_nanos()) as usize;
    let (mut end, mut before) = (0, ' ');
    for (at, letter) in text.char_indices().take(reached + 1) {
        if !goes_on(before, letter) {
            end = at;
        }
        before = letter;
    }
    text[..end].trim_end()
}

/// Whether a letter is of the same word as the one before it.
pub(crate) fn goes_on(before: char, letter: char) -> bool {
    let in_words = |letter: char| !letter.is_whitespace() && !stands_alone(letter);
    in_words(before) && in_words(letter)
}

/// Whether a letter is of a script without spaces between words.
fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_heard_by_the_share_of_their_sound() {
        let of = |text: &'static str, ms: u64| {
            heard_of(text, Duration::from_millis(ms), Duration::from_secs(1)).to_owned()
        };
        assert_eq!(of("one two three", 1000), "one two three");
        assert_eq!(of("one two three", 600), "one two");
        assert_eq!(of("one two three", 500), "one");
        assert_eq!((of("one two three", 100), of("one two three", 0)), (String::new(), String::new()));
        // By letters, however many bytes they take.
        assert_eq!(of("üüü aaaaaa", 400), "üüü");
        assert_eq!(of("今日はいい天気", 500), "今日は");
        // A text of two scripts.
        assert_eq!(of("今日 Consort", 500), "今日");
    }
}
