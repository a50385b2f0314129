//! Comment blocks that carry TOML: `/// llm-plugin` in any language, `/// script` (PEP 723) in Python.
use super::file::{HEAD, TABLE};

/// The comment leaders that a block may use.
const LEADERS: [&str; 4] = ["#", "//", "--", ";"];

/// The TOML of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) toml: String,
    /// How many lines of the file stand before the TOML's first.
    pub(super) before: usize,
    /// Whether the line `# ///` was found.
    pub(super) ended: bool,
}

/// The `/// llm-plugin` block of a script, if one begins in its head.
pub(super) fn manifest(source: &str) -> Option<Block> {
    // Most files have none, and are not looked at line by line.
    let head = &source[..source.floor_char_boundary(HEAD)];
    let found = head.find("/// llm-plugin")?;
    find(source, found, "llm-plugin", &LEADERS)
}

/// The `/// script` block of a Python file, wherever it stands.
pub(super) fn script(source: &str) -> Option<Block> {
    let found = source.find("/// script")?;
    find(source, found, "script", &["#"])
}

/// The first whole block from the line in which the words were found.
fn find(source: &str, found: usize, kind: &str, leaders: &[&'static str]) -> Option<Block> {
    let start = source[..found].rfind('\n').map_or(0, |at| at + 1);
    let mut before = source[..start].matches('\n').count();
    let mut lines = source[start..].lines();
    let leader = loop {
        let line = lines.next()?;
        before += 1;
        if let Some(leader) = opening(line, kind, leaders) {
            break leader;
        }
    };
    let mut block = Block { toml: String::new(), before, ended: false };
    for line in lines {
        let Some(content) = line.trim_end().strip_prefix(leader) else { break };
        if content.trim() == "///" {
            block.ended = true;
            break;
        }
        block.toml.push_str(content.strip_prefix(' ').unwrap_or(content));
        block.toml.push('\n');
        if block.toml.len() > TABLE {
            break;
        }
    }
    Some(block)
}

/// The comment leader of a line that opens such a block.
fn opening(line: &str, kind: &str, leaders: &[&'static str]) -> Option<&'static str> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    leaders.iter().copied().find(|leader| {
        let rest = line.strip_prefix(leader).map(str::trim);
        rest.and_then(|rest| rest.strip_prefix("///")).is_some_and(|word| word.trim() == kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, toml: &str, before: usize, ended: bool) {
        let block = Block { toml: toml.to_owned(), before, ended };
        assert_eq!(manifest(source), Some(block));
    }

    #[test]
    fn every_comment_leader_works() {
        for leader in LEADERS {
            let source = format!(
                "#!/usr/bin/env x\n{leader} /// llm-plugin\r\n{leader} protocol = 1\r\n{leader}\n{leader} ///\n"
            );
            check(&source, "protocol = 1\n\n", 2, true);
        }
    }

    #[test]
    fn a_block_ends_where_the_comment_ends() {
        check("# /// llm-plugin\n# protocol = 1\nimport sys\n# ///\n", "protocol = 1\n", 1, false);
        check("# /// llm-plugin", "", 1, false);
        check("\u{feff}# /// llm-plugin\n# ///\n", "", 1, true);
    }

    #[test]
    fn words_that_open_no_block() {
        assert_eq!(manifest("x = '/// llm-plugin'\n"), None);
        assert_eq!(manifest("/// llm-plugin\n"), None);
        assert_eq!(manifest("# /// llm-plugins\n# ///\n"), None);
        assert_eq!(manifest(&format!("{}\n# /// llm-plugin\n# ///\n", "#".repeat(HEAD))), None);
        check("# see `/// llm-plugin`\n# /// llm-plugin\n# a = 1\n# ///\n", "a = 1\n", 2, true);
    }

    #[test]
    fn blocks_may_stand_side_by_side() {
        let source = "# /// llm-plugin\n# a = 1\n# ///\n# /// script\n# dependencies = []\n# ///\n";
        check(source, "a = 1\n", 1, true);
        assert_eq!(script(source).unwrap().toml, "dependencies = []\n");
        assert_eq!(script("// /// script\n// ///\n"), None);
    }
}
