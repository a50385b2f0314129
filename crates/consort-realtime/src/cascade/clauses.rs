//! A text that grows, cut where a voice may breathe: as early as is certain, and nothing of it lost.
//!
//! All pieces together are the text. Scripts without spaces, and those that run from right to left, have marks of their
//! own; what a dot means depends on what stands before and behind it.

/// A first clause of so many letters is spoken from its comma on; later ones are longer, so that the voice has a melody.
const FIRST: usize = 16;
const LATER: usize = 60;
/// A clause without any mark is cut between words behind so many letters.
const LONGEST: usize = 220;
/// What has no end and no space within so many bytes is cut anywhere: no voice takes a text of any length.
const UNBROKEN: usize = 1000;
/// How many Latin letters a letter of a script counts for that writes whole syllables or words with one.
const WIDE: usize = 3;

/// Ends a sentence in any script, whatever comes behind it.
const ENDS: &str = "!?…。！？｡؟۔।॥⁉⁈‼\n";
/// Ends a clause that is long enough, whatever comes behind it.
const PAUSES: &str = "，、；：،؛";
/// Ends a clause that is long enough, before a space.
const LATIN_PAUSES: &str = ",;:—–";
/// Belongs to what it closes.
const CLOSERS: &str = "\"'”’»)]}」』）】〉》";

/// Words that end in a dot and no sentence, in lower case.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "approx", "dept", "est", "fig", "inc",
    "ltd", "co", "corp", "nos", "vol", "pp", "ed", "eds", "gen", "col", "capt", "lt", "sgt", "rev", "hon",
    "e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "cf", "al", "ca", "z.b", "d.h", "bzw", "usw", "nr", "str",
    "hr", "fr", "evtl", "ggf", "inkl", "mme", "mlle", "sra", "av", "jan",
];

/// The text so far that is in no clause yet.
#[derive(Debug, Default)]
pub(super) struct Clauses {
    text: String,
    /// Where in it the first clause begins.
    start: usize,
    /// Up to here it has no end, whatever comes: it is not looked at again.
    looked: Looked,
    begun: bool,
}

/// How far a clause was looked at, the letters up to there, and where the last space ended.
#[derive(Debug, Default, Clone, Copy)]
struct Looked {
    to: usize,
    letters: usize,
    gap: Option<usize>,
}

impl Clauses {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The next clause that is certain to be one.
    pub(super) fn next(&mut self) -> Option<String> {
        let end = self.boundary()?;
        Some(self.cut(end))
    }

    /// What is left at the end.
    pub(super) fn finish(&mut self) -> Option<String> {
        self.next().or_else(|| (!self.rest().is_empty()).then(|| self.cut(self.rest().len())))
    }

    fn rest(&self) -> &str {
        &self.text[self.start..]
    }

    fn cut(&mut self, end: usize) -> String {
        let clause = self.rest()[..end].to_owned();
        self.start += end;
        (self.looked, self.begun) = (Looked::default(), true);
        // Not each time: all that is behind is moved.
        if self.start * 2 > self.text.len() {
            self.text.drain(..self.start);
            self.start = 0;
        }
        clause
    }

    /// Where the first clause ends, once that is certain.
    fn boundary(&mut self) -> Option<usize> {
        let rest = &self.text[self.start..];
        // What the last letter is depends on what comes behind it.
        let certain = rest.len().saturating_sub(4);
        let mut now = self.looked;
        for letter in rest[now.to..].chars() {
            let at = now.to;
            if at <= certain {
                self.looked = now;
            }
            now.to += letter.len_utf8();
            if letter.is_alphanumeric() {
                now.letters += if is_wide(letter) { WIDE } else { 1 };
            }
            if letter.is_whitespace() && letter != '\n' {
                now.gap = Some(now.to);
            }
            let is_long = now.letters > LONGEST && (now.gap.is_some() || is_wide(letter));
            if is_long || now.to >= UNBROKEN {
                return now.gap.or(Some(now.to));
            }
            if now.letters > 0 && self.ends_clause(rest, at, letter, now.letters)? {
                let closers =
                    rest[now.to..].chars().take_while(|c| CLOSERS.contains(*c) || ENDS.contains(*c));
                return Some(now.to + closers.map(char::len_utf8).sum::<usize>());
            }
        }
        None
    }

    /// Whether a letter ends a clause that has so many letters; nothing where what comes next decides.
    fn ends_clause(&self, rest: &str, at: usize, letter: char, letters: usize) -> Option<bool> {
        let least = if self.begun { LATER } else { FIRST };
        let (before, next) = (&rest[..at], rest[at + letter.len_utf8()..].chars().next());
        Some(match letter {
            _ if ENDS.contains(letter) => true,
            '.' => return ends_sentence(before, next),
            _ if PAUSES.contains(letter) => letters >= least,
            _ if LATIN_PAUSES.contains(letter) && letters >= least => match next {
                Some(next) => next.is_whitespace(),
                // The comma of a number has its digits behind it, and a colon may stand in a time or an address.
                None => letter != ':' && !before.ends_with(|c: char| c.is_ascii_digit()),
            },
            _ => false,
        })
    }
}

/// Whether a dot behind this ends a sentence; nothing where what comes next decides.
fn ends_sentence(before: &str, next: Option<char>) -> Option<bool> {
    let word =
        before.rsplit(|c: char| c.is_whitespace() || "([\"'“„«".contains(c)).next().unwrap_or_default();
    let lower = word.to_lowercase();
    let is_number = word.ends_with(|c: char| c.is_numeric());
    let is_short = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let is_abbreviation = is_short || ABBREVIATIONS.contains(&lower.as_str());
    match next {
        Some('.') => Some(false),
        Some(next) if CLOSERS.contains(next) => Some(!is_abbreviation),
        // A number that begins a line counts items of a list.
        Some(next) if next.is_whitespace() && is_number => {
            let line = before.trim_end_matches(word).trim_end_matches(' ');
            Some(!(line.is_empty() || line.ends_with('\n')) || word.len() > 3)
        }
        Some(next) => Some((next.is_whitespace() || is_wide(next)) && !is_abbreviation),
        None if is_abbreviation => Some(false),
        // Digits may follow, a second dot, or the rest of a name such as `example.com`.
        None if is_number || word.is_empty() || word.contains('.') || before.ends_with('.') => None,
        None => Some(true),
    }
}

/// Chinese, Japanese and Korean letters.
fn is_wide(letter: char) -> bool {
    ('\u{2e80}'..='\u{d7ff}').contains(&letter)
        || ('\u{f900}'..='\u{faff}').contains(&letter)
        || letter > '\u{1ffff}'
}

/// What is said of a text that was written to be read: without the marks of Markdown, and nothing where there is nothing
/// to say.
pub(super) fn spoken(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim_start_matches(['#', '>', ' ']);
        let line = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line);
        for letter in unlinked(line).chars().filter(|letter| !matches!(letter, '*' | '`')) {
            said.push(letter);
        }
        said.push(' ');
    }
    let said = said.trim();
    if said.chars().any(char::is_alphanumeric) { said.to_owned() } else { String::new() }
}

/// `[words](address)` is its words.
fn unlinked(line: &str) -> String {
    let (mut said, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(words, more)| Some((words, more.split_once(')')?.1)));
        said.push_str(before);
        let (words, more) = link.unwrap_or(("[", after));
        said.push_str(words);
        rest = more;
    }
    said.push_str(rest);
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes at once after each delta, joined by `|`; what only the end gives stands behind `$`.
    #[track_caller]
    fn check(deltas: &[&str], wanted: &str) {
        let (mut clauses, mut got) = (Clauses::default(), Vec::new());
        for delta in deltas {
            clauses.push(delta);
            while let Some(clause) = clauses.next() {
                got.push(clause);
            }
        }
        let mut shown = got.join("|");
        while let Some(clause) = clauses.finish() {
            shown = format!("{shown}${clause}");
        }
        assert_eq!(shown, wanted);
    }

    #[test]
    fn sentences_come_at_once() {
        check(&["Hello there."], "Hello there.");
        check(&["Hi! How ", "are you? I", " am"], "Hi!| How are you?$ I am");
        check(&["He said \"no.\" Then left."], "He said \"no.\"| Then left.");
        check(&["One line\nand more"], "One line\n$and more");
        check(&["What?! Really...", " Yes."], "What?!| Really...| Yes.");
    }

    #[test]
    fn dots_in_words_and_numbers_end_nothing() {
        check(&["It is 3", ".", "14 or so."], "It is 3.14 or so.");
        check(&["Dr. Smith met J. Doe, e.g. here."], "Dr. Smith met J. Doe, e.g. here.");
        check(&["Ask Mr", ".", " Jones."], "Ask Mr. Jones.");
        check(&["It costs 1,000", ",", "000.5 dollars now."], "It costs 1,000,000.5 dollars now.");
        check(&["See www.example.com for it."], "See www.example.com for it.");
        check(&["At 10:30 we go."], "At 10:30 we go.");
        check(&["1. First one\n2. Then"], "1. First one\n$2. Then");
        check(&["In 1984. Then"], "In 1984.$ Then");
    }

    #[test]
    fn the_first_clause_comes_early_and_later_ones_are_longer() {
        check(
            &["Well, if you ask me today, I would say yes, of course, and gladly."],
            "Well, if you ask me today,| I would say yes, of course, and gladly.",
        );
        let long = "word ".repeat(80);
        let (mut clauses, mut pieces) = (Clauses::default(), Vec::new());
        clauses.push(&long);
        while let Some(piece) = clauses.next() {
            pieces.push(piece);
        }
        assert!(pieces.len() == 1 && pieces[0].len() < 300 && pieces[0].ends_with(' '), "{pieces:?}");
    }

    #[test]
    fn a_run_without_spaces_is_cut_and_each_letter_is_looked_at_once() {
        let (mut clauses, mut pieces) = (Clauses::default(), Vec::new());
        let run = "Zm9vYmFy/+.1_".repeat(40_000);
        let begun = std::time::Instant::now();
        for delta in run.as_bytes().chunks(4) {
            clauses.push(std::str::from_utf8(delta).unwrap());
            pieces.extend(std::iter::from_fn(|| clauses.next()));
        }
        pieces.extend(std::iter::from_fn(|| clauses.finish()));
        assert!(pieces.iter().all(|piece| piece.len() <= UNBROKEN) && pieces.concat() == run);
        clauses.push(&run);
        pieces = std::iter::from_fn(|| clauses.finish()).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= UNBROKEN) && pieces.concat() == run);
        // Were all of it looked at again with each piece, it would take minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[test]
    fn other_scripts_have_marks_of_their_own() {
        check(&["你好。我是助手，很高兴", "见到你！再见"], "你好。|我是助手，很高兴见到你！$再见");
        check(&["今日は天気がいいです、とても。"], "今日は天気がいいです、|とても。");
        check(&["مرحبا بك في هذا المكان، كيف حالك؟ بخير"], "مرحبا بك في هذا المكان،| كيف حالك؟$ بخير");
        check(&["שלום. מה שלומך? טוב"], "שלום.| מה שלומך?$ טוב");
        check(&["नमस्ते। आप कैसे हैं"], "नमस्ते।$ आप कैसे हैं");
    }

    #[test]
    fn marks_for_readers_are_not_spoken() {
        let checked = |text: &str, wanted: &str| assert_eq!(spoken(text), wanted);
        checked("## A **bold** `word`", "A bold word");
        checked("- see [the page](https://a.example/x) now\n", "see the page now");
        checked("1 * 2 [sic]", "1  2 [sic]");
        checked(" ...\n", "");
        checked("مرحبا!", "مرحبا!");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_however_it_comes(text in "[a-zA-Z0-9 .,!?:;\n\"()。，、你好م؟-]{0,200}", cut in 1_usize..9) {
            let (mut clauses, mut all) = (Clauses::default(), String::new());
            let letters: Vec<char> = text.chars().collect();
            for piece in letters.chunks(cut) {
                clauses.push(&piece.iter().collect::<String>());
                while let Some(clause) = clauses.next() {
                    prop_assert!(!clause.is_empty());
                    all += &clause;
                }
            }
            while let Some(clause) = clauses.finish() {
                all += &clause;
            }
            prop_assert_eq!(all, text);
        }
    }
}
