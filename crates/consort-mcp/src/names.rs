//! The names that tools go by: `server__tool`, as vendors take names, and no two alike.
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What vendors accept: so many letters, digits, `_` and `-`.
const LONGEST: usize = 64;
/// Of these, so many are the server's at most.
const LONGEST_PREFIX: usize = 32;
const BETWEEN: &str = "__";

/// A server's half of its tools' names. It holds no `__` and does not end in `_`, so that the first `__` of a name is where
/// the server's half ends.
pub(crate) fn prefix(server: &str) -> String {
    let mut name = plain(server);
    while name.contains(BETWEEN) {
        name = name.replace(BETWEEN, "_");
    }
    let name = name.trim_matches('_');
    let name = if name.is_empty() { "server" } else { name };
    shortened(name, server, LONGEST_PREFIX)
}

/// The names of one server's tools, in their order. They depend on what the server lists and on nothing else.
pub(crate) fn names(prefix: &str, tools: &[String]) -> Vec<String> {
    let first: Vec<String> = tools.iter().map(|tool| name(prefix, tool)).collect();
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for name in &first {
        *times.entry(name).or_default() += 1;
    }
    let all = first.iter().zip(tools);
    // Of several that would be alike, the one that needed no change keeps the plain name.
    all.map(|(name, tool)| {
        let alike = times.get(name.as_str()).is_some_and(|times| *times > 1);
        if alike && plain(tool) != *tool { marked(name, tool, LONGEST) } else { name.clone() }
    })
    .collect()
}

fn name(prefix: &str, tool: &str) -> String {
    let name = format!("{prefix}{BETWEEN}{}", plain(tool));
    shortened(&name, tool, LONGEST)
}

fn plain(text: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}

/// The name, cut where it is too long.
fn shortened(name: &str, whole: &str, most: usize) -> String {
    if name.len() <= most { name.to_owned() } else { marked(name, whole, most) }
}

/// The name with a mark of what it stands for. It is ASCII: any byte is a letter's end.
fn marked(name: &str, whole: &str, most: usize) -> String {
    const MARK: usize = 8;
    let digest = format!("{:x}", Sha256::digest(whole));
    let kept = name.len().min(most - MARK - 1);
    format!("{}_{}", &name[..kept], &digest[..MARK])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prefix: &str, tools: &[&str]) -> Vec<String> {
        names(prefix, &tools.iter().map(|tool| (*tool).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn vendors_take_every_name_and_no_two_are_alike() {
        let long = "x".repeat(100);
        let tools = ["read", "a.b", "a/b", "a_b", "ä", "", &long, &format!("{long}y"), "read__more", "_x"];
        let all = of("files", &tools);
        for name in &all {
            assert!(name.len() <= 64 && !name.is_empty(), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{name}");
        }
        let unlike: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(unlike.len(), tools.len(), "{all:?}");
        assert_eq!((all[0].as_str(), all[3].as_str()), ("files__read", "files__a_b"));
        // Cut names stay the same when others come and go.
        assert_eq!(of("files", &[&long])[0], all[6]);
    }

    #[test]
    fn the_servers_half_ends_at_the_first_double_underline() {
        for name in ["a__b", "a_", "__a", "a___", "ä ö", "", &"s".repeat(80)] {
            let prefix = prefix(name);
            assert!(!prefix.contains("__") && !prefix.ends_with('_') && !prefix.is_empty(), "{prefix}");
            assert!(prefix.len() <= 32);
            assert_eq!(of(&prefix, &["_t"])[0].split_once("__").unwrap().0, prefix);
        }
    }
}
