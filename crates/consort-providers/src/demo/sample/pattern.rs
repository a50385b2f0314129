//! A text that a regular expression matches.
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A text that matches, of a length between the limits; nothing for patterns with look-around and the like.
pub(super) fn sample(pattern: &str, least: u64, most: u64, salt: usize) -> Option<String> {
    // JSON Schema's `\d` means ASCII digits. A pattern with letters beyond ASCII needs the other mode.
    let parse = |unicode| ParserBuilder::new().unicode(unicode).utf8(false).build().parse(pattern).ok();
    let expression = parse(false).or_else(|| parse(true))?;
    // Longer repetitions until the text is long enough, and different ones for different salts.
    for extra in (salt..salt + 70).chain([128, 256, 512, 1024]) {
        let mut maker = Maker { salt, extra, out: Vec::new() };
        maker.write(&expression)?;
        let text = String::from_utf8(maker.out).ok()?;
        let size = text.chars().count() as u64;
        if least <= size && size <= most {
            return Some(text);
        }
    }
    // The limits are met without longer repetitions, or by letters after the match.
    let mut maker = Maker { salt, extra: 0, out: Vec::new() };
    maker.write(&expression)?;
    let mut text = String::from_utf8(maker.out).ok()?;
    while !pattern.ends_with('$') && (text.chars().count() as u64) < least {
        text.push('.');
    }
    let size = text.chars().count() as u64;
    (least <= size && size <= most).then_some(text)
}

struct Maker {
    salt: usize,
    extra: usize,
    out: Vec<u8>,
}

impl Maker {
    fn write(&mut self, expression: &Hir) -> Option<()> {
        match expression.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.out.extend_from_slice(&literal.0),
            HirKind::Class(class) => {
                let picked = pick(class, self.salt)?;
                self.out.extend_from_slice(picked.encode_utf8(&mut [0; 4]).as_bytes());
            }
            HirKind::Repetition(repetition) => {
                let most = repetition.max.unwrap_or(u32::MAX);
                let times = repetition.min.saturating_add(self.extra.try_into().ok()?).min(most);
                for _ in 0..times.min(4096) {
                    self.write(&repetition.sub)?;
                    if self.out.len() > 1 << 17 {
                        return None;
                    }
                }
            }
            HirKind::Capture(capture) => self.write(&capture.sub)?,
            HirKind::Concat(parts) => {
                for part in parts {
                    self.write(part)?;
                }
            }
            HirKind::Alternation(branches) => self.write(branches.get(self.salt % branches.len().max(1))?)?,
        }
        Some(())
    }
}

/// A letter of the class: a readable one where there is one.
fn pick(class: &Class, salt: usize) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
    };
    let holds = |letter: &char| ranges.iter().any(|(from, to)| (*from..=*to).contains(letter));
    let readable: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').filter(holds).collect();
    readable
        .get(salt % readable.len().max(1))
        .copied()
        .or_else(|| (' '..='~').find(holds))
        .or_else(|| ranges.first().map(|(from, _)| *from))
}
