//! What the terminal can show: colours, signs, tables.
use crate::args::Color;
use consort_settings::Env;
use serde_json::Value;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

/// The few looks that output has. Meaning never hangs on them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Error,
    Warning,
    Help,
    Good,
    Bold,
    Dim,
}

impl Style {
    /// The text in this look. `anstream` takes the codes away where they would not be understood.
    pub(crate) fn paint<T: Display>(self, text: T) -> Painted<T> {
        Painted { style: self, text }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Error => "\x1b[1;31m",
            Self::Warning => "\x1b[1;33m",
            Self::Help => "\x1b[1;36m",
            Self::Good => "\x1b[32m",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
        }
    }
}

pub(crate) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}\x1b[0m", self.style.code(), self.text)
    }
}

/// Whether stdout and stderr lead to one place: a terminal, or the pipe or file of `2>&1`.
pub(crate) fn is_one_place() -> bool {
    if io::stdout().is_terminal() && io::stderr().is_terminal() {
        return true;
    }
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        use std::os::unix::fs::MetadataExt;
        let place = |stream: std::os::fd::BorrowedFd<'_>| {
            let about = std::fs::File::from(stream.try_clone_to_owned().ok()?).metadata().ok()?;
            Some((about.dev(), about.ino()))
        };
        let out = place(io::stdout().as_fd());
        out.is_some() && out == place(io::stderr().as_fd())
    }
    #[cfg(not(unix))]
    false
}

/// Applies `--color` to all output.
pub(crate) fn set_color(color: Color) {
    match color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// The signs that the user's locale can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signs {
    pub(crate) dot: &'static str,
    pub(crate) good: &'static str,
    pub(crate) prompt: &'static str,
    /// Before a number that is an estimate.
    pub(crate) about: &'static str,
    pub(crate) spinner: &'static [&'static str],
}

impl Signs {
    pub(crate) fn of(env: &Env) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env.get(name));
        let utf8 = cfg!(windows)
            || locale.is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8"));
        if utf8 {
            let spinner = &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
            Self { dot: "·", good: "✓", prompt: "›", about: "≈ ", spinner }
        } else {
            Self { dot: "-", good: "ok:", prompt: ">", about: "about ", spinner: &["|", "/", "-", "\\"] }
        }
    }
}

/// Writes rows in columns as wide as their widest cell, indented by two.
pub(crate) fn table(to: &mut impl Write, rows: &[Vec<String>], styles: &[Option<Style>]) -> io::Result<()> {
    let screen = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    // Written at once: a terminal's lines are a system call each.
    to.write_all(laid_out(rows, styles, screen).as_bytes())
}

/// The rows as text. On a screen that they are too wide for, the columns that do not fit go to a line of their own.
fn laid_out(rows: &[Vec<String>], styles: &[Option<Style>], screen: Option<usize>) -> String {
    const BELOW: usize = 6;
    let on_one_line = |cell: &String| cell.replace(char::is_control, " ");
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(on_one_line).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    // Each column ends where the ones before it end, after two blanks.
    let ends = widths.iter().scan(0, |end, width| {
        *end += 2 + width;
        Some(*end)
    });
    let fitting = ends.take_while(|end| screen.is_none_or(|screen| *end <= screen)).count().max(1);
    let mut text = String::new();
    for row in &rows {
        let last = row.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
        let mut blanks = 2;
        for (at, cell) in row.iter().enumerate().take(last + 1) {
            if at == fitting {
                text.push('\n');
                blanks = BELOW;
            }
            if cell.is_empty() {
                blanks += if at < fitting { widths[at] + 2 } else { 0 };
                continue;
            }
            text.extend(std::iter::repeat_n(' ', blanks));
            match styles.get(at).copied().flatten() {
                Some(style) => text += &style.paint(cell).to_string(),
                None => text += cell,
            }
            blanks = if at < fitting { widths[at] + 2 - cell.chars().count() } else { 2 };
        }
        text.push('\n');
    }
    text
}

/// The text without control codes: what others say must not move the cursor, rename the window or write the clipboard.
pub(crate) fn tamed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

/// Prints JSON for programs that people look at too.
pub(crate) fn print_json(value: &Value) -> io::Result<()> {
    io::stdout().write_all(format!("{value:#}\n").as_bytes())
}

/// A count of tokens in few letters: 8k, 128k, 1M.
pub(crate) fn tokens(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}k", count / 1_000),
        _ => {
            let millions = format!("{:.1}", count as f64 / 1e6);
            format!("{}M", millions.trim_end_matches(".0"))
        }
    }
}

/// A number with its thousands apart: 1,204.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_too_wide_for_the_screen_takes_a_second_line() {
        let rows = [["ID", "STATE", "CAN"], ["a-model", "", "tools"], ["b", "ready", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let wide = "  ID       STATE  CAN\n  a-model         tools\n  b        ready\n";
        assert_eq!(laid_out(&rows, &[], None), wide);
        assert_eq!(laid_out(&rows, &[], Some(23)), wide);
        let narrow = "  ID       STATE\n      CAN\n  a-model\n      tools\n  b        ready\n";
        assert_eq!(laid_out(&rows, &[], Some(22)), narrow);
        let narrowest = "  ID\n      STATE  CAN\n  a-model\n      tools\n  b\n      ready\n";
        assert_eq!(laid_out(&rows, &[], Some(10)), narrowest);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [tokens(512), tokens(8192), tokens(1_047_576), tokens(2_000_000)],
            ["512", "8k", "1M", "2M"]
        );
        assert_eq!([thousands(7), thousands(1204), thousands(1_234_567)], ["7", "1,204", "1,234,567"]);
    }
}
