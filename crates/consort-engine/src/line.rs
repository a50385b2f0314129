//! A text in one line: for lists, and for titles of conversations.
use consort_core::Part;

/// Letters of a title.
const TITLE: usize = 60;

/// The beginning of a text in one line of so many letters, without control codes.
pub fn line(text: &str, letters: usize) -> String {
    let words = text.split_whitespace().flat_map(|word| word.chars().chain([' ']));
    let mut all = words.filter(|letter| !letter.is_control());
    let line: String = all.by_ref().take(letters).collect();
    let more = if all.any(|letter| letter != ' ') { "…" } else { "" };
    format!("{}{more}", line.trim_end())
}

/// A title from the first words that were said; nothing where there are none.
pub fn title(parts: &[Part]) -> Option<String> {
    let text: Vec<&str> = parts.iter().filter_map(Part::as_text).collect();
    Some(line(&text.join(" "), TITLE)).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_it_may_be() {
        assert_eq!(line(" one\n two\tthree ", 20), "one two three");
        assert_eq!(line("one two three", 13), "one two three");
        assert_eq!(line("one two three", 12), "one two thre…");
        assert_eq!(line("one two three", 4), "one…");
        assert_eq!(line("äöü", 2), "äö…");
        assert_eq!(line("\x1b]0;mine\x07 said", 30), "]0;mine said");
        assert_eq!((line("\x1b \x07", 9), line("", 9)), (String::new(), String::new()));
    }

    #[test]
    fn a_title_is_made_of_words() {
        assert_eq!(title(&[Part::text(" "), Part::text("a\nb"), Part::text("c")]).as_deref(), Some("a b c"));
        assert_eq!(title(&[Part::text(" \x1b ")]), None);
        assert_eq!(title(&[Part::text("x".repeat(61))]).map(|title| title.chars().count()), Some(61));
    }
}
