//! The command that starts a plugin.
use super::name::interpreter;
use std::path::Path;

/// The command as its author wrote it, made whole: a plugin runs in a folder of its own, so every path in it must
/// be a whole one. `{file}` is the plugin's file and `{dir}` the folder that it is in; an argument that names a file
/// there is that file, and so is a program that is written with a slash. With `inside`, where the folder belongs
/// to the plugin alone, a program's bare name may be a file of it too.
pub(super) fn written(words: &[String], file: &str, folder: &Path, inside: bool) -> Vec<String> {
    let dir = folder.to_string_lossy();
    let words = words.iter().enumerate().map(|(place, word)| {
        if word.contains("{file}") || word.contains("{dir}") {
            return word.replace("{file}", file).replace("{dir}", &dir);
        }
        let bare = place == 0 && !inside && !word.contains(std::path::is_separator);
        let path = folder.join(word);
        // An option is none, whatever files there are.
        if bare || word.starts_with('-') || !path.is_file() {
            word.clone()
        } else {
            path.display().to_string()
        }
    });
    words.collect()
}

/// The usual command for a file: the file itself where it is a program, what its first line names where it is not marked
/// as one, or what runs files of its ending.
pub(super) fn usual(file: &str, ending: &str, executable: bool, head: &[u8]) -> Option<Vec<String>> {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let names_its_own = first.starts_with(b"#!");
    let named = || shebang(first).filter(|_| !executable && !cfg!(windows));
    // Which Python runs a Python file is found out once and for all files; another first line has its reasons.
    let python = ending == "py" && first.windows(6).any(|word| word == b"python");
    if !python && let Some(mut words) = named() {
        words.push(file.to_owned());
        return Some(words);
    }
    match interpreter(ending) {
        // A script that is marked as a program but does not say what runs it cannot be started by itself.
        Some(words) if !executable || !names_its_own || python || cfg!(windows) => {
            Some(words.iter().copied().chain([file]).map(str::to_owned).collect())
        }
        _ if executable => Some(vec![file.to_owned()]),
        _ => None,
    }
}

/// What a `#!` line has a file run by: a program and at most one argument, as the system takes it.
fn shebang(first: &[u8]) -> Option<Vec<String>> {
    let line = std::str::from_utf8(first.strip_prefix(b"#!")?).ok()?.trim();
    let (program, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let words = [program, argument.trim()].into_iter().filter(|word| !word.is_empty());
    program.starts_with('/').then(|| words.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_usual_command() {
        let usual = |ending: &str, executable, head: &str| {
            usual("/p/a", ending, executable, head.as_bytes()).map(|words| words.join(" "))
        };
        assert_eq!(usual("js", false, "").as_deref(), Some("node /p/a"));
        assert_eq!(usual("js", true, "x = 1").as_deref(), Some("node /p/a"));
        assert_eq!(usual("js", true, "#!/usr/bin/env deno\n").as_deref(), Some("/p/a"));
        assert_eq!(usual("py", true, "#!/usr/bin/env python3\n").as_deref(), Some("python3 /p/a"));
        assert_eq!(usual("py", true, "#!/usr/bin/env -S uv run --script\n").as_deref(), Some("/p/a"));
        assert_eq!(usual("sh", false, "#!/bin/bash\r\n").as_deref(), Some("/bin/bash /p/a"));
        assert_eq!(usual("js", false, "#! /usr/bin/env deno\n").as_deref(), Some("/usr/bin/env deno /p/a"));
        assert_eq!(usual("sh", false, "#!\n").as_deref(), Some("sh /p/a"));
        assert_eq!(usual("py", false, "#!/usr/bin/env python3\n").as_deref(), Some("python3 /p/a"));
        assert_eq!(usual("", true, "\u{7f}ELF").as_deref(), Some("/p/a"));
        assert_eq!(usual("", false, ""), None);
        let words = shebang(b"#!/usr/bin/env -S uv run --script").unwrap();
        assert_eq!(words, ["/usr/bin/env", "-S uv run --script"]);
    }

    #[cfg(unix)]
    #[test]
    fn paths_are_made_whole() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("main.js"), "").unwrap();
        std::fs::write(folder.path().join("node"), "").unwrap();
        let check = |words: &[&str], inside, expected: &str| {
            let words: Vec<String> = words.iter().copied().map(str::to_owned).collect();
            let made = written(&words, "/p/a.js", folder.path(), inside).join(" ");
            assert_eq!(made.replace(&folder.path().display().to_string(), "D"), expected);
        };
        check(&["node", "{file}", "--config={dir}/c"], false, "node /p/a.js --config=D/c");
        check(&["node", "main.js", "other.js"], false, "node D/main.js other.js");
        check(&["./main.js", "-x"], false, "D/./main.js -x");
        check(&["node", "main.js"], true, "D/node D/main.js");
    }
}
