//! Words as people search for them: one way to cut and fold a text, for every backend's index and every query.
//!
//! Case and accents do not count. Scripts that write no spaces are cut into pairs of characters, so that any piece of
//! them is found. What comes out holds letters, digits and marks only: nothing in it can be taken for query syntax.
use std::ops::Range;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// A longer word is known by its beginning.
const LONGEST: usize = 64;

/// A shorter word is no beginning of others: too many begin so.
const SHORTEST_BEGINNING: usize = 3;

/// What is searched for: all of these phrases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) phrases: Vec<Phrase>,
}

/// Words that stand one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub(crate) words: Vec<String>,
    /// Whether the last one is only a beginning.
    pub(crate) prefix: bool,
}

/// One word of a text, and where it stands.
struct Word {
    folded: String,
    at: Range<usize>,
    /// Whether it is a lone character at the end of a run without spaces, and whether it is all of that run.
    last: Option<bool>,
}

impl Search {
    /// Reads what a person typed. Nothing where nothing was typed; no phrases where it holds no word.
    ///
    /// The last word may be a beginning of three letters or more, unless `whole` or it is quoted.
    pub(crate) fn read(typed: Option<&str>, whole: bool) -> Option<Self> {
        let typed = typed?.trim();
        if typed.is_empty() {
            return None;
        }
        let mut phrases = Vec::new();
        for (number, quoted) in typed.split('"').enumerate() {
            if number % 2 == 1 {
                phrases.extend(Phrase::read(quoted, false));
                continue;
            }
            let ends = typed.ends_with(quoted) && !quoted.ends_with(char::is_whitespace);
            let words: Vec<&str> = quoted.split_whitespace().collect();
            for (place, word) in words.iter().enumerate() {
                let last = place + 1 == words.len() && ends && typed.matches('"').count() == number;
                phrases.extend(Phrase::read(word, last && !whole));
            }
        }
        Some(Self { phrases })
    }

    /// As the full-text index of SQLite reads it. Words hold no quotes: see [`index`].
    #[cfg(feature = "sqlite")]
    pub(crate) fn to_fts(&self, between: &str) -> String {
        let phrase = |phrase: &Phrase| {
            format!("\"{}\"{}", phrase.words.join(" "), if phrase.prefix { " *" } else { "" })
        };
        self.phrases.iter().map(phrase).collect::<Vec<_>>().join(between)
    }

    /// Whether a text, given as its index words, holds all of it.
    pub(crate) fn matches(&self, words: &[String]) -> bool {
        !self.phrases.is_empty() && self.phrases.iter().all(|phrase| phrase.count(words) > 0)
    }

    /// The words around the first of what was searched for.
    pub(crate) fn snippet(&self, text: &str) -> Option<String> {
        const AROUND: usize = 60;
        let words = cut(text);
        let place =
            (0..words.len()).find(|&from| self.phrases.iter().any(|phrase| phrase.at(&words[from..])))?;
        let hit = &words[place].at;
        let start = text[..hit.start].char_indices().rev().nth(AROUND).map(|(at, _)| at);
        let end = text[hit.end..].char_indices().nth(AROUND).map(|(at, _)| hit.end + at);
        let middle = &text[start.unwrap_or(0)..end.unwrap_or(text.len())];
        let middle = middle.split_whitespace().collect::<Vec<_>>().join(" ");
        let (before, after) = (if start.is_some() { "…" } else { "" }, if end.is_some() { "…" } else { "" });
        Some(format!("{before}{middle}{after}"))
    }
}

impl Phrase {
    fn read(typed: &str, prefix: bool) -> Option<Self> {
        let mut cut = cut(typed);
        let last = cut.last()?.last;
        // The end of a run is only known in the text, not in a piece of it that is searched for.
        if last == Some(false) {
            cut.pop();
        }
        let words: Vec<String> = cut.into_iter().map(|word| word.folded).collect();
        let long = words.last()?.chars().count() >= SHORTEST_BEGINNING;
        Some(Self { words, prefix: last.map_or(prefix && long, |alone| alone) })
    }

    /// How often it stands in a text.
    pub(crate) fn count(&self, words: &[String]) -> usize {
        words.windows(self.words.len()).filter(|window| self.is(window.iter().map(String::as_str))).count()
    }

    fn at(&self, words: &[Word]) -> bool {
        words.len() >= self.words.len() && self.is(words.iter().map(|word| word.folded.as_str()))
    }

    fn is<'a>(&self, found: impl Iterator<Item = &'a str>) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(found).enumerate().all(|(place, (mine, found))| {
            if place == last && self.prefix { found.starts_with(mine.as_str()) } else { found == mine }
        })
    }
}

/// A text as its index words.
pub(crate) fn index(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each(text, |word| words.push(word.folded));
    words
}

/// A text as its index words, as SQLite's index is given them. Of a long text never more than one is held apart.
#[cfg(feature = "sqlite")]
pub(crate) fn indexed(text: &str) -> String {
    let mut words = String::new();
    each(text, |word| {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&word.folded);
    });
    words
}

fn cut(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    each(text, |word| words.push(word));
    words
}

fn each(text: &str, mut take: impl FnMut(Word)) {
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        if !first.is_alphanumeric() {
            continue;
        }
        let dense = writes_no_spaces(first);
        let mut run = vec![(start, first)];
        while let Some(&(at, next)) = rest.peek() {
            let goes_on = (next.is_alphanumeric() || is_combining_mark(next))
                && (is_combining_mark(next) || writes_no_spaces(next) == dense);
            if !goes_on {
                break;
            }
            run.push((at, next));
            rest.next();
        }
        if dense {
            run.windows(2).for_each(|pair| take(word(pair, None)));
            take(word(&run[run.len() - 1..], Some(run.len() == 1)));
        } else {
            take(word(&run, None));
        }
    }
}

fn word(run: &[(usize, char)], last: Option<bool>) -> Word {
    let mut folded = String::new();
    for &(_, letter) in run.iter().take(LONGEST) {
        fold(letter, &mut folded);
    }
    let at = match (run.first(), run.last()) {
        (Some(&(start, _)), Some(&(end, letter))) => start..end + letter.len_utf8(),
        _ => 0..0,
    };
    Word { folded, at, last }
}

fn fold(letter: char, to: &mut String) {
    if letter.is_ascii() {
        to.push(letter.to_ascii_lowercase());
    } else if writes_no_spaces(letter) {
        to.push(letter);
    } else {
        decompose_canonical(letter, |part| {
            let small = part.to_lowercase().filter(|part| !('\u{300}'..='\u{36f}').contains(part));
            // A sigma at a word's end is the same letter.
            to.extend(small.map(|part| if part == 'ς' { 'σ' } else { part }));
        });
    }
}

/// Chinese, Japanese, Korean (whose endings stick to words), Thai, Lao, Khmer and Burmese.
fn writes_no_spaces(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(typed: &str, text: &str) -> bool {
        Search::read(Some(typed), false).is_some_and(|search| search.matches(&index(text)))
    }

    #[test]
    fn words_are_found_as_people_type_them() {
        let text = "The Pelican's résumé: foo_bar(x) at www.example.org, naïve ΣΊΣΥΦΟΣ";
        for typed in [
            "pelican",
            "PELICAN resume",
            "peli",
            "foo_bar",
            "example.org",
            "naive",
            "\"the pelican\"",
            "σισυφος",
            "resume \"www.example\"",
            "\"pelican",
            "pelican's",
        ] {
            assert!(finds(typed, text), "{typed}");
        }
        for typed in [
            "elican",
            "peli resume",
            "\"peli\"",
            "\"pelican the\"",
            "\"peli\" ",
            "pe",
            "-",
            "*",
            "\"\"",
            "AND",
        ] {
            assert!(!finds(typed, text), "{typed}");
        }
        assert_eq!(Search::read(Some("  "), false), None);
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn all_backends_index_the_same_words() {
        for text in ["", "—", "One, two. Drei!", "学习Rust 言", " résumé\u{301} "] {
            assert_eq!(indexed(text), index(text).join(" "));
        }
    }

    #[test]
    fn pieces_of_scripts_without_spaces_are_found() {
        let text = "今天我们学习Rust编程语言。東京 ภาษาไทย";
        for typed in
            ["学习", "编程语言", "言", "今", "程语", "学习Rust", "rust编程", "\"语言 東京\"", "东", "ไทย"]
        {
            assert_eq!(finds(typed, text), typed != "东", "{typed}");
        }
        assert!(!finds("学语", text));
    }

    #[test]
    fn the_words_around_are_shown() {
        let search = Search::read(Some("needle"), false).unwrap();
        let text = format!("{}\nneedle   here{}", "hay ".repeat(50), " straw".repeat(50));
        let shown = search.snippet(&text).unwrap();
        assert!(
            shown.starts_with('…') && shown.ends_with('…') && shown.contains("hay needle here straw"),
            "{shown}"
        );
        assert_eq!(search.snippet("a needle").unwrap(), "a needle");
    }
}
