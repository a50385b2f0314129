//! The environment variables that a Python file reads, from its text.
use super::python::is_name;
use super::sniff::is_variable;

/// A file that reads more variables, or knows the environment under more names, was made to take our time.
const ENOUGH: usize = 256;
const NAMES: usize = 8;

/// How far around a name is looked, for the same reason.
const NEAR: usize = 256;

/// The names under which a file knows the environment: `environ` and `getenv`, and what they were imported as.
pub(super) struct Names {
    environ: Vec<String>,
    getenv: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self { environ: vec!["environ".to_owned(), "environb".to_owned()], getenv: vec!["getenv".to_owned()] }
    }
}

impl Names {
    /// Notes `from os import NAME as KNOWN_AS`.
    pub(super) fn import(&mut self, name: &str, known_as: &str) {
        let list = match name {
            "environ" => &mut self.environ,
            "getenv" => &mut self.getenv,
            _ => return,
        };
        if list.len() < NAMES && !list.iter().any(|known| known == known_as) {
            list.push(known_as.to_owned());
        }
    }

    /// Adds the variables in the order in which they are read.
    pub(super) fn add(&mut self, found: &mut Vec<String>, source: &str, mask: &str) {
        let environ = self.environ.iter().flat_map(|name| {
            uses(mask, name).filter_map(|(start, end)| Some((start, read(source, mask, start, end)?)))
        });
        let getenv = self.getenv.iter().flat_map(|name| {
            uses(mask, name)
                .filter_map(|(start, end)| Some((start, literal(source, behind(mask, end, "(")?)?)))
        });
        let mut all: Vec<(usize, &str)> =
            environ.chain(getenv).filter(|(_, name)| is_variable(name)).collect();
        all.sort_unstable();
        for (_, name) in all {
            keep(found, name);
        }
    }
}

/// Adds a name to a list that it is not in yet.
pub(super) fn keep(list: &mut Vec<String>, name: &str) {
    if list.len() < ENOUGH && !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}

/// Where a name stands as a word.
fn uses<'a>(mask: &'a str, name: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    mask.match_indices(name).map(|(at, name)| (at, at + name.len())).filter(|(start, end)| {
        !mask[..*start].chars().next_back().is_some_and(is_name)
            && !mask[*end..].chars().next().is_some_and(is_name)
    })
}

/// The variable that one use of `environ` reads.
fn read<'a>(source: &'a str, mask: &str, start: usize, end: usize) -> Option<&'a str> {
    if let Some(inside) = behind(mask, end, "[") {
        let name = literal(source, inside)?;
        // `environ["X"] = ...` writes.
        let mut rest = mask.bytes().skip(inside).take(NEAR).skip_while(|byte| *byte != b']').skip(1);
        let first = rest.find(|byte| *byte != b' ');
        let written = first == Some(b'=') && rest.next() != Some(b'=');
        return (!written).then_some(name);
    }
    if let Some(method) = behind(mask, end, ".") {
        let method_end = ["get", "pop", "setdefault"].iter().find_map(|name| behind(mask, method, name))?;
        return literal(source, behind(mask, method_end, "(")?);
    }
    before(source, mask, start)
}

/// The variable in `"X" in os.environ`.
fn before<'a>(source: &'a str, mask: &str, start: usize) -> Option<&'a str> {
    let from = mask.floor_char_boundary(start.saturating_sub(NEAR));
    let code = mask[from..start].trim_end_matches(|letter: char| is_name(letter) || letter == '.');
    let code = code.trim_end().strip_suffix("in").filter(|code| code.ends_with(char::is_whitespace))?;
    let code = code.trim_end();
    let code = code.strip_suffix("not").map_or(code, str::trim_end);
    let quote = code.chars().next_back().filter(|letter| matches!(letter, '\'' | '"'))?;
    let inside = &code[..code.len() - 1];
    let open = inside.rfind(quote)?;
    source.get(from + open + 1..from + inside.len())
}

/// The place behind a word that comes next, blanks before it left out.
fn behind(mask: &str, at: usize, word: &str) -> Option<usize> {
    let rest = mask.get(at..)?;
    let code = rest.trim_start();
    code.starts_with(word).then(|| at + (rest.len() - code.len()) + word.len())
}

/// The text of a plain string that comes next in the source, blanks and brackets before it left out.
pub(super) fn literal(source: &str, at: usize) -> Option<&str> {
    let rest = source.get(at..)?.trim_start();
    let rest = rest.strip_prefix(['r', 'u', 'b', 'R', 'U', 'B']).unwrap_or(rest);
    let quote = rest.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
    let inside = &rest[1..];
    let text = &inside[..inside.find(quote)?];
    (!text.is_empty() && !text.contains(['\\', '\n'])).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::sniff::sniff;

    #[track_caller]
    fn check(source: &str, names: &[&str]) {
        assert_eq!(sniff(source).env, names, "{source}");
    }

    #[test]
    fn every_way_of_reading() {
        check("import os\nk = os.environ['A_KEY']\n", &["A_KEY"]);
        check("k = os.environ.get(\"A\", 'x') or os.environ.get(\n    'B'\n)", &["A", "B"]);
        check("k = os.getenv('A') or getenv ( 'B' )", &["A", "B"]);
        check("from os import environ as e, getenv as g\nk = e['A'] + e.get('B') + g('C')", &["A", "B", "C"]);
        check("if 'A' in os.environ: pass\nif 'B' not in environ: pass", &["A", "B"]);
        check("os.environ.setdefault('A', '1'); os.environ.pop('B')", &["A", "B"]);
        check("k = f\"{os.environ['A']}\" + f'{getenv(\"B\")}'", &["A", "B"]);
        check("if os.environ['A'] == 'x': pass\nk = os.environ['A']", &["A"]);
    }

    #[test]
    fn a_file_that_was_made_to_take_time_takes_none() {
        // Each of these takes minutes where the work grows with the square of the file.
        for piece in
            ["environ['A'", "environ.", "'A' in environ.x.", "getenv('A')", "\nfrom os import environ as e"]
        {
            sniff(&piece.repeat(1_000_000 / piece.len()));
        }
        let many = (0..100_000)
            .map(|number| format!("import i{number};getenv('V{number}')\n"))
            .collect::<Vec<_>>()
            .concat();
        let found = sniff(&many);
        assert_eq!((found.env.len(), found.imports.len()), (256, 256));
        let aliases = (0..50_000)
            .map(|number| format!("from os import environ as e{number}\n"))
            .collect::<Vec<_>>()
            .concat();
        assert!(sniff(&aliases).env.is_empty());
    }

    #[test]
    fn what_reads_nothing() {
        check("os.environ['A'] = 'x'", &[]);
        check("# os.environ['A']\n'''os.getenv('B')'''", &[]);
        check("os.environ[name]; os.getenv(NAME); os.environ.get(f'{x}')", &[]);
        check("my_environ['A']; environs['B']; xgetenv('C'); os.environ.copy()", &[]);
        check("os.environ['not a name']; os.getenv('1X'); os.getenv('", &[]);
        check("x in os.environ; 'é' in os.environ; dict(os.environ)", &[]);
    }
}
