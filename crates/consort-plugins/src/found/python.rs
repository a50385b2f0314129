//! Just enough of Python's surface to look through a file: which text is code, and where statements begin.

/// The source with comments and the insides of strings blanked, every other byte where it was. What stands in the
/// braces of an f-string is code and stays.
pub(super) fn mask(source: &str) -> String {
    let mut masker =
        Masker { source: source.as_bytes(), out: Vec::with_capacity(source.len()), hopeless: [false; 2] };
    masker.run();
    // Blanks replace whole letters only, since quotes, braces and line ends are ASCII: this is always text.
    String::from_utf8(masker.out).unwrap_or_default()
}

struct Masker<'a> {
    source: &'a [u8],
    out: Vec<u8>,
    /// For `'` and `"`: three of them were opened and never closed. They are not looked for again, which would take
    /// the square of the file's length.
    hopeless: [bool; 2],
}

impl Masker<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.source.get(self.out.len()) {
            match byte {
                b'#' => self.blank_until(|byte| byte == b'\n'),
                b'\'' | b'"' => self.string(byte),
                _ => self.out.push(byte),
            }
        }
    }

    fn blank_until(&mut self, end: impl Fn(u8) -> bool) {
        while let Some(&byte) = self.source.get(self.out.len()).filter(|byte| !end(**byte)) {
            self.blank(byte);
        }
    }

    fn blank(&mut self, byte: u8) {
        self.out.push(if byte == b'\n' { byte } else { b' ' });
    }

    fn string(&mut self, quote: u8) {
        let start = self.out.len();
        let which = usize::from(quote == b'"');
        let triple = !self.hopeless[which] && self.source[start..].starts_with(&[quote; 3]);
        let long = if triple { 3 } else { 1 };
        let Some(end) = self.end(start + long, quote, triple) else {
            // The file is broken here. What follows may still say what the file was meant to be.
            self.hopeless[which] = true;
            self.out.push(quote);
            return;
        };
        let formatted = self.is_formatted();
        self.out.extend_from_slice(&self.source[start..start + long]);
        self.inside(end, formatted);
        let close = (end + long).min(self.source.len());
        if self.source.get(end) == Some(&quote) {
            self.out.extend_from_slice(&self.source[end..close]);
        }
    }

    /// Where a string's inside ends: at its closing quote or, without one, at the end of the line. Nothing for
    /// three quotes that are never closed.
    fn end(&self, mut at: usize, quote: u8, triple: bool) -> Option<usize> {
        loop {
            match self.source.get(at) {
                None => return (!triple).then_some(self.source.len()),
                Some(b'\\') => at = (at + 2).min(self.source.len()),
                Some(b'\n') if !triple => return Some(at),
                Some(byte) if *byte == quote && (!triple || self.source[at..].starts_with(&[quote; 3])) => {
                    return Some(at);
                }
                Some(_) => at += 1,
            }
        }
    }

    fn inside(&mut self, end: usize, formatted: bool) {
        let mut depth = 0_u32;
        while self.out.len() < end {
            let byte = self.source[self.out.len()];
            let twice = self.source.get(self.out.len() + 1) == Some(&byte);
            match byte {
                b'{' if formatted && depth == 0 && twice => {
                    self.blank(byte);
                    self.blank(byte);
                }
                b'{' if formatted => {
                    depth += 1;
                    self.blank(byte);
                }
                b'}' if formatted => {
                    depth = depth.saturating_sub(1);
                    self.blank(byte);
                }
                _ if depth > 0 && byte.is_ascii() => self.out.push(byte),
                _ => self.blank(byte),
            }
        }
    }

    /// Whether the letters before a quote make it an f-string.
    fn is_formatted(&self) -> bool {
        let word = self.out.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        let prefix: Vec<u8> = word.take(3).map(u8::to_ascii_lowercase).collect();
        prefix.len() <= 2 && prefix.contains(&b'f') && prefix.iter().all(|letter| b"fr".contains(letter))
    }
}

/// One statement of a masked source, with the lines that it goes on over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// How many blanks stand before it.
    pub(super) indent: usize,
    /// Where its code begins in the source.
    pub(super) at: usize,
    pub(super) code: &'a str,
}

impl<'a> Statement<'a> {
    /// Its first word, and what follows.
    pub(super) fn word(&self) -> (&'a str, &'a str) {
        let end = self.code.find(|letter: char| !is_name(letter)).unwrap_or(self.code.len());
        self.code.split_at(end)
    }
}

/// The letters of a name; those beyond ASCII count, which is near enough.
pub(super) fn is_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

/// The statements of a masked source.
pub(super) fn statements(mask: &str) -> Vec<Statement<'_>> {
    let mut cutter = Cutter { mask, found: Vec::new(), start: 0, indent: 0 };
    let (mut at, mut depth) = (0, 0_u32);
    for line in mask.split_inclusive('\n') {
        // A bracket that is never closed must not swallow the rest of the file.
        if depth > 0 && begins_statement(line) {
            cutter.cut(at);
            depth = 0;
        }
        if cutter.start == at {
            cutter.indent = line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        }
        for (place, byte) in line.bytes().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                b';' if depth == 0 => {
                    cutter.cut(at + place);
                    cutter.start += 1;
                }
                _ => {}
            }
        }
        at += line.len();
        if depth == 0 && !line.trim_end_matches(['\n', '\r']).ends_with('\\') {
            cutter.cut(at);
        }
    }
    cutter.cut(mask.len());
    cutter.found
}

/// What is unlikely to stand at the beginning of a line inside brackets.
fn begins_statement(line: &str) -> bool {
    ["import ", "from ", "class ", "def ", "async def ", "@"].iter().any(|word| line.starts_with(word))
}

struct Cutter<'a> {
    mask: &'a str,
    found: Vec<Statement<'a>>,
    start: usize,
    /// Of the line that the statement began in: what stands behind a semicolon is as deep as what stands before.
    indent: usize,
}

impl Cutter<'_> {
    /// Ends the current statement here.
    fn cut(&mut self, end: usize) {
        let text = &self.mask[self.start..end];
        let code = text.trim();
        if !code.is_empty() {
            let at = self.start + (text.len() - text.trim_start().len());
            self.found.push(Statement { indent: self.indent, at, code });
        }
        self.start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_mask(source: &str, masked: &str) {
        assert_eq!(mask(source), masked);
    }

    #[test]
    fn comments_and_strings_are_blanked() {
        check_mask("a = 'b' # c\nd", "a = ' '    \nd");
        check_mask("'''x\n\"y'''z", "''' \n  '''z");
        check_mask(r#"x = "a\"b" + c"#, r#"x = "    " + c"#);
        check_mask(r"r'\\' + 'x", r"r'  ' + ' ");
        check_mask("é = 'é'", "é = '  '");
    }

    #[test]
    fn braces_of_f_strings_are_code() {
        check_mask("f'a{b}c'", "f'  b  '");
        check_mask("rF'{{a}}{b!r}'", "rF'      b!r '");
        check_mask("b'a{b}'", "b'    '");
    }

    #[test]
    fn what_is_never_closed_hides_nothing() {
        check_mask("x = 'abc\ny = 1", "x = '   \ny = 1");
        let codes = |source: &str| -> Vec<String> {
            let mask = mask(source);
            statements(&mask).iter().map(|found| format!("{}:{}", found.indent, found.code)).collect()
        };
        assert_eq!(codes("x = '''abc\nimport llm")[1], "0:import llm");
        assert_eq!(codes("x = (1,\nimport llm\n"), ["0:x = (1,", "0:import llm"]);
        assert_eq!(codes("x = (1,\n  import_me)\n  y; z\n\n"), ["0:x = (1,\n  import_me)", "2:y", "2:z"]);
        assert_eq!(codes("a \\\n  + b\r\nc"), ["0:a \\\n  + b", "0:c"]);
    }

    #[test]
    fn many_open_quotes_take_no_time() {
        // Two megabytes that took the square of that, were open strings looked for again and again.
        let source = r#"\"""'''\'"#.repeat(200_000);
        assert_eq!(mask(&source).len(), source.len());
    }
}
