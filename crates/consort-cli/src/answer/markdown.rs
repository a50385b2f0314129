//! Markdown, lightly styled while it comes: every letter stays, marks are dimmed, and nothing that was shown changes.
//!
//! Letters pass as they come. Held back are at most the first letters of a line, until they say what the line is, and a
//! mark whose next letter decides.
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const ITALIC: &str = "\x1b[3m";
const CODE: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// Styles a text piece by piece.
#[derive(Debug, Default)]
pub(super) struct Styler {
    /// What is not decided yet.
    held: String,
    /// Whether the line has begun.
    inside: bool,
    line: Line,
    /// The fence that is open, as it was written.
    fence: Option<String>,
    bold: bool,
    italic: bool,
    code: bool,
    /// The letter before.
    last: Option<char>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    #[default]
    Text,
    Heading,
    Fence,
    Code,
}

impl Styler {
    /// The next piece, styled.
    pub(super) fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        for letter in text.chars() {
            self.letter(letter, &mut out);
        }
        out
    }

    /// What was held back, at the end of the text.
    pub(super) fn end(&mut self) -> String {
        let mut out = String::new();
        if !self.inside {
            self.begin(true, &mut out);
        }
        self.marks(None, &mut out);
        if self.is_styled() {
            out.push_str(PLAIN);
        }
        *self = Self::default();
        out
    }

    fn letter(&mut self, letter: char, out: &mut String) {
        if letter == '\n' {
            if !self.inside {
                self.begin(true, out);
            }
            self.marks(None, out);
            if self.is_styled() || self.line != Line::Text {
                out.push_str(PLAIN);
            }
            out.push('\n');
            // An unclosed mark in one line must not style all that follows.
            (self.inside, self.bold, self.italic, self.code, self.last) = (false, false, false, false, None);
            return;
        }
        if !self.inside {
            self.held.push(letter);
            self.begin(false, out);
            return;
        }
        self.inline(letter, out);
    }

    /// Decides what the line is, as soon as its first letters say it.
    fn begin(&mut self, whole: bool, out: &mut String) {
        const LONGEST: usize = 12;
        let start = self.held.trim_start_matches(' ');
        let marks = |mark: char| start.chars().take_while(|letter| *letter == mark).count();
        let undecided =
            start.is_empty() || start.chars().all(|letter| letter == start.chars().next().unwrap_or(' '));
        let could_be = matches!(start.chars().next(), None | Some('#' | '`' | '~'));
        if !whole && undecided && could_be && self.held.len() < LONGEST {
            return;
        }
        let fence = marks('`').max(marks('~')) >= 3;
        self.line = match &self.fence {
            Some(open) if fence && start.trim_end().starts_with(open.as_str()) => {
                self.fence = None;
                Line::Fence
            }
            Some(_) => Line::Code,
            None if fence => {
                self.fence = Some(start.chars().take(3).collect());
                Line::Fence
            }
            None if (1..=6).contains(&marks('#')) && start.trim_start_matches('#').starts_with(' ') => {
                Line::Heading
            }
            None => Line::Text,
        };
        self.inside = true;
        match self.line {
            Line::Text => {}
            Line::Heading => out.push_str(BOLD),
            Line::Fence => out.push_str(DIM),
            Line::Code => out.push_str(CODE),
        }
        for letter in std::mem::take(&mut self.held).chars() {
            self.inline(letter, out);
        }
    }

    fn inline(&mut self, letter: char, out: &mut String) {
        if self.line != Line::Text {
            out.push(letter);
            return;
        }
        if matches!(letter, '*' | '`') && self.held.chars().all(|held| held == letter) {
            self.held.push(letter);
            return;
        }
        self.marks(Some(letter), out);
        if matches!(letter, '*' | '`') {
            self.held.push(letter);
        } else {
            out.push(letter);
            self.last = Some(letter);
        }
    }

    /// Shows the marks that were held back, now that the letter behind them is known.
    fn marks(&mut self, next: Option<char>, out: &mut String) {
        let marks = std::mem::take(&mut self.held);
        let Some(mark) = marks.chars().next() else { return };
        let is_space = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
        let (opens, closes) = (!is_space(next), !is_space(self.last));
        let before = (self.bold, self.italic, self.code);
        match (mark, marks.len()) {
            ('`', 1) => self.code = if self.code { false } else { opens },
            ('*', count @ 1..=3) if !self.code => {
                let set = |on: &mut bool| *on = if *on { !closes } else { opens };
                if count != 1 {
                    set(&mut self.bold);
                }
                if count != 2 {
                    set(&mut self.italic);
                }
            }
            _ => {}
        }
        self.last = Some(mark);
        if before == (self.bold, self.italic, self.code) {
            out.push_str(&marks);
            return;
        }
        out.push_str(PLAIN);
        out.extend([DIM, &marks, PLAIN]);
        for (on, style) in [(self.bold, BOLD), (self.italic, ITALIC), (self.code, CODE)] {
            if on {
                out.push_str(style);
            }
        }
    }

    fn is_styled(&self) -> bool {
        self.bold || self.italic || self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&str]) -> String {
        let mut styler = Styler::default();
        let mut text: String = pieces.iter().map(|piece| styler.push(piece)).collect();
        text += &styler.end();
        let marks = [(BOLD, "<b>"), (DIM, "<d>"), (ITALIC, "<i>"), (CODE, "<c>"), (PLAIN, "</>")];
        marks.iter().fold(text, |text, (code, mark)| text.replace(code, mark))
    }

    #[test]
    fn the_usual_marks_are_styled() {
        assert_eq!(
            shown(&["a **bold** and *it*."]),
            "a </><d>**</><b>bold</><d>**</> and </><d>*</><i>it</><d>*</>."
        );
        assert_eq!(shown(&["use `x * y`"]), "use </><d>`</><c>x * y</><d>`</>");
        assert_eq!(shown(&["# Head\ntext"]), "<b># Head</>\ntext");
        assert_eq!(shown(&["```rust\nlet *x*;\n```\nend"]), "<d>```rust</>\n<c>let *x*;</>\n<d>```</>\nend");
    }

    #[test]
    fn what_is_no_mark_stays_plain() {
        for text in ["2 * 3 * 4", "a * b", "#hash", "* item\n* item", "**", "5 ** 2", "-- ~ ---"] {
            assert_eq!(shown(&[text]), text);
        }
        assert_eq!(shown(&["an *open one\nnext"]), "an </><d>*</><i>open one</>\nnext");
    }

    #[test]
    fn pieces_make_no_difference_and_no_letter_is_lost() {
        let text = "# T\n\nSome **bold *both* text** with `co*de` and ***all***.\n\n~~~\n**raw**\n~~~\n1 * 2\n   ``` \nx\n";
        let whole = shown(&[text]);
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(shown(&letters.iter().map(String::as_str).collect::<Vec<_>>()), whole);
        let bare =
            ["<b>", "<d>", "<i>", "<c>", "</>"].iter().fold(whole, |text, mark| text.replace(mark, ""));
        assert_eq!(bare, text);
    }
}
