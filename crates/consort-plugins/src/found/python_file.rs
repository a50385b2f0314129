//! Looks at a Python file: which dialect it speaks, what it needs, and what is wrong with it.
use super::file::{self, Content, LIMIT};
use super::folders::Folder;
use super::look::{block_of, no_package, print, process, row, said, text_path};
use super::manifest::Dialect;
use super::row::{Found, Kind};
use super::scan::Entry;
use super::script::Script;
use super::sidecar::Sidecar;
use super::sniff::{Sniffed, sniff};
use super::{block, classes, command, fingerprint};
use consort_settings::Problem;
use std::borrow::Cow;
use std::fs::Metadata;
use std::path::Path;

pub(super) fn look(
    folder: &Folder,
    entry: &Entry,
    meta: &Metadata,
    sidecar: Option<&Sidecar>,
    salt: &str,
) -> Found {
    let mut found = row(folder, entry, &entry.stem);
    if meta.len() > LIMIT {
        too_large(&mut found, meta.len());
        return found;
    }
    let content = match file::read(&entry.path) {
        Ok(content) => content,
        Err(error) => {
            found.broken(format!("it cannot be read: {error}"), "make it readable for you");
            return found;
        }
    };
    let Content::Text(bytes) = &content else {
        match content {
            Content::Head { binary: true, .. } => {
                found.broken("it is no Python file: it holds a zero byte", "save it as UTF-8");
            }
            _ => too_large(&mut found, LIMIT + 1),
        }
        return found;
    };
    let source = match text(bytes) {
        Ok(source) => source,
        Err(line) => {
            let problem = Problem::new(&found.file, "it is not UTF-8").at_line(line);
            found.troubled(vec![problem.help("save it as UTF-8, or name its encoding in the first line")]);
            return found;
        }
    };

    said(&mut found, block_of(entry, &content).unwrap_or_default(), sidecar);
    if let Some(block) = block::script(&source) {
        let (script, problems) = Script::read(&found.file, &block);
        found.dependencies = script.dependencies;
        found.requires_python = script.requires_python;
        found.troubled(problems);
    }
    let sniffed = sniff(&source);
    kind(&mut found, entry, meta, &sniffed, &source);
    let (beside, marks) = beside(&entry.path, sniffed.near);
    found.beside = beside;
    found.imports = sniffed.imports;
    found.env = sniffed.env;
    found.key_env = sniffed.key_env;
    let arguments = sniffed.key_arguments.iter().filter_map(|name| key_of(&found, name));
    for key in sniffed.needs_key.iter().cloned().chain(arguments).collect::<Vec<_>>() {
        if !found.secrets.contains(&key) {
            found.secrets.push(key);
        }
    }
    let salt = if marks.is_empty() { Cow::Borrowed(salt) } else { format!("{salt}\n{marks}").into() };
    print(&mut found, &salt, &content, meta, sidecar);
    found
}

/// What lies beside a file of these names, and when it was changed: the plugin changes with it. What begins with `_`
/// counts for all plugins of the folder already.
fn beside(file: &Path, names: Vec<String>) -> (Vec<String>, String) {
    let mut marks = Vec::new();
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut is_there = |name: &String| {
        let helper = name.starts_with('_');
        let package = folder.join(name);
        if package.is_dir() {
            marks.extend((!helper).then(|| fingerprint::of_folder(&package).join("\n")));
            return true;
        }
        let module = folder.join(format!("{name}.py"));
        let found = if module == file { None } else { std::fs::metadata(module).ok() };
        marks.extend(
            found.as_ref().filter(|_| !helper).map(|found| format!("{name} {}", fingerprint::mark(found))),
        );
        found.is_some()
    };
    let names = names.into_iter().filter(|name| is_there(name)).collect();
    (names, marks.join("\n"))
}

/// The key that an argument of a constructor is for, as the worker names it.
fn key_of(found: &Found, argument: &str) -> Option<String> {
    let Kind::Python { dialect: Dialect::Bruno | Dialect::Vision } = found.kind else { return None };
    if let Some(name) = argument.strip_suffix("_api_key") {
        return Some(name.to_owned());
    }
    // One key in the manifest is this one.
    let named = found.manifest.secrets.as_deref().unwrap_or_default();
    (named.len() != 1).then(|| found.id.clone())
}

fn too_large(found: &mut Found, size: u64) {
    const MIB: u64 = 1024 * 1024;
    let message = format!("it has {} MiB; a Python plugin may have {} MiB", size.div_ceil(MIB), LIMIT / MIB);
    found.broken(message, "keep data in a file of its own, beside it");
}

/// How it is run.
fn kind(found: &mut Found, entry: &Entry, meta: &Metadata, sniffed: &Sniffed, source: &str) {
    if found.manifest.package.is_some() {
        return no_package(found);
    }
    let speaks = found.manifest.run.is_some() || found.manifest.protocol.is_some();
    if speaks {
        if found.manifest.dialect.is_some() {
            let help = "a plugin that speaks the protocol has no dialect; take one of the two away";
            found.broken("the manifest says both a `dialect` and how to run it as a program", help);
        }
        let executable = file::is_executable(meta, &entry.ending);
        let usual = command::usual(&text_path(found), &entry.ending, executable, source.as_bytes());
        return process(found, usual, false);
    }
    // A class may be a model by way of a file beside it; what is only imported says less.
    let beside = || classes::dialect(source, &found.file);
    let seen = || if sniffed.is_plain { sniffed.dialect } else { beside().or(sniffed.dialect) };
    match found.manifest.dialect.or_else(seen) {
        Some(dialect) => found.kind = Kind::Python { dialect },
        None => no_model(found, sniffed, source),
    }
}

fn no_model(found: &mut Found, sniffed: &Sniffed, source: &str) {
    let begins = |line: &str, word: &str| line.trim_start().starts_with(word);
    let mut lines = source.split('\n');
    let client = lines.position(|line| {
        begins(line, "def generate_response") || begins(line, "async def generate_response")
    });
    if let Some(line) = client {
        let problem =
            Problem::new(&found.file, "its generate_response is in no class that derives from LLMClient");
        let help = "from llm_utils import LLMClient, and: class Name(LLMClient):";
        found.troubled(vec![problem.at_line(line + 1).help(help)]);
    } else if sniffed.imports_llm {
        found.broken(
            "it defines no model: it imports `llm` and has no `@llm.hookimpl`",
            "register its models in a function marked `@llm.hookimpl`; a helper's name starts with `_`",
        );
    } else {
        let [known @ .., last] = Dialect::ALL.map(|dialect| format!("`dialect = \"{}\"`", dialect.word()));
        found.broken(
            "it defines no model",
            format!(
                "a drop-in model is a class that derives from LLMClient; a helper's name starts with `_`; a model whose text does not tell what it is says one of {} or {last} \
                 in a `/// llm-plugin` block, and a program that speaks the plugin protocol `protocol = 1`",
                known.join(", ")
            ),
        );
    }
}

/// The text of a Python file; the line where it is none.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, usize> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        // What is looked for is ASCII in every encoding that Python can be written in and UTF-8 is not.
        Err(_) if names_encoding(bytes) => Ok(String::from_utf8_lossy(bytes)),
        Err(error) => Err(bytes[..=error.valid_up_to()].split(|byte| *byte == b'\n').count()),
    }
}

/// Whether one of the first two lines names another encoding, as PEP 263 has it.
fn names_encoding(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').take(2);
    lines.any(|line| {
        let line = String::from_utf8_lossy(line);
        let comment = line.trim_start().strip_prefix('#').unwrap_or_default();
        let named = comment.split_once("coding").and_then(|(_, rest)| rest.strip_prefix([':', '=']));
        named.is_some_and(|name| {
            let name = name.trim().to_ascii_lowercase();
            !name.is_empty() && !name.starts_with("utf-8") && !name.starts_with("utf8")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn encodings() {
        assert!(text(b"x = '\xe9'\n").is_err_and(|line| line == 1));
        assert!(text(b"a\nb\n\xff").is_err_and(|line| line == 3));
        assert!(text(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n").is_ok());
        assert!(text(b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\xe9'\n").is_ok());
        assert!(text(b"# -*- coding: utf-8 -*-\nx = '\xe9'\n").is_err());
        assert_eq!(text(b"\xef\xbb\xbfx").unwrap(), "x");
    }
}
