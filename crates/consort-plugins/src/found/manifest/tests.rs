//! What manifests may say, and what is said of wrong ones.
use super::super::block;
use super::*;
use std::path::Path;

fn read(text: &str) -> (Manifest, Vec<String>) {
    let Read { manifest, problems, .. } = of_file(Path::new("a.toml"), text);
    let told =
        problems.iter().map(|problem| format!("{problem} [{}]", problem.help.clone().unwrap_or_default()));
    (manifest, told.collect())
}

#[track_caller]
fn check_problem(text: &str, told: &str) {
    assert_eq!(read(text).1, [told], "{text}");
}

#[test]
fn every_field() {
    let (manifest, problems) = read(
        "protocol = 1\nrun = ['node', '{file}']\nname = 'Acme'\nhosts = ['api.acme.example', 'localhost:8']\n\
         secrets = ['acme']\nenv = { ACME_API_KEY = 'acme' }\nmodels = ['large']\nconcurrency = 8\n\
         limits = { memory_mb = 512, processes = 8, idle_s = 300, start_s = 10 }\ninit = { model = 'm', size = 0x10, deep = [1.5] }\n\
         class = 'Acme'\ndialect = 'drop_in'\nx-mine = 1\n",
    );
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(manifest.run.unwrap(), ["node", "{file}"]);
    assert_eq!(
        manifest.limits,
        Limits { memory_mb: Some(512), processes: Some(8), idle_s: Some(300), start_s: Some(10) }
    );
    assert_eq!(serde_json::to_string(&manifest.init).unwrap(), r#"{"deep":[1.5],"model":"m","size":16}"#);
    assert_eq!(manifest.dialect, Some(Dialect::DropIn));
    assert_eq!(manifest.env.unwrap()["ACME_API_KEY"], "acme");
}

#[test]
fn every_spelling_of_a_dialect() {
    let spelt = [("drop-in", Dialect::DropIn), ("vision-agents", Dialect::Vision)];
    let more = [("vision_agents", Dialect::Vision), ("vision-agents-live", Dialect::Vision)];
    let words = Dialect::ALL.map(|dialect| (dialect.word(), dialect));
    for (word, dialect) in spelt.into_iter().chain(more).chain(words) {
        let (manifest, problems) = read(&format!("dialect = '{word}'\n"));
        assert_eq!((manifest.dialect, problems), (Some(dialect), vec![]), "{word}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    check_problem(
        "\nrnu = ['x']\n",
        "a.toml:2: `rnu` is no field of a plugin's manifest [did you mean `run`?]",
    );
    check_problem(
        "limits = { memory = 1 }",
        "a.toml:1: `memory` is no field of `limits` [did you mean `memory_mb`?]",
    );
    check_problem(
        "protocol = 0",
        "a.toml:1: `protocol` must be a whole number, 1 or more [for instance protocol = 8]",
    );
    check_problem(
        "run = 'node a.js'",
        "a.toml:1: `run` must be a list: the program, and each argument [for instance run = [\"node\", \"{file}\"]]",
    );
    check_problem("run = []", "a.toml:1: `run` names no program [for instance run = [\"node\", \"{file}\"]]");
    check_problem(
        "hosts = ['https://a.example/v1']",
        "a.toml:1: `https://a.example/v1` is no host [write the host alone, for instance \"api.acme.example\" or \"localhost:8080\"]",
    );
    check_problem("dialect = 'drop-im'", "a.toml:1: no dialect is named `drop-im` [did you mean `drop_in`?]");
    check_problem(
        "package = '-r /etc/passwd'",
        "a.toml:1: `package` must be a package's name [for instance package = \"llm-echo\"]",
    );
    check_problem(
        "name = \"\\u001b[31m\"",
        "a.toml:1: `name` must be a text on one line, and not empty [for instance name = \"...\"]",
    );
    check_problem(
        "init = { a = nan }",
        "a.toml:1: `init` must be a table of texts, numbers, lists and tables [for instance init = { model = \"large\" }]",
    );
    let (_, problems) = read("name = 'a'\n[limits\n");
    assert!(problems[0].starts_with("a.toml:2: "), "{problems:?}");
    let (manifest, problems) = read("models = 1\nname = 'kept'\nenv = { 'A B' = 'x' }\nsecrets = [1]\n");
    assert_eq!(manifest.name.as_deref(), Some("kept"));
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn lines_of_a_block_are_lines_of_its_file() {
    let block = block::manifest("#!/bin/sh\n\n# /// llm-plugin\n# protocol = 1\n# nmae = 'x'\n# ///\n");
    let Read { manifest, problems, .. } = of_block(Path::new("a.sh"), &block.unwrap());
    assert_eq!((manifest.protocol, problems[0].line), (Some(1), Some(5)));
    let block = block::manifest("# /// llm-plugin\n# protocol = = 1\n# ///\n");
    assert_eq!(of_block(Path::new("a.sh"), &block.unwrap()).problems[0].line, Some(2));
    let block = block::manifest("\n# /// llm-plugin\n# protocol = 1\n");
    assert_eq!(of_block(Path::new("a.sh"), &block.unwrap()).problems[0].line, Some(2));
}

#[test]
fn the_file_beside_replaces_field_by_field() {
    let block = read("protocol = 1\nname = 'block'\nlimits = { memory_mb = 1, idle_s = 2 }").0;
    let beside = read("name = 'beside'\nlimits = { idle_s = 3 }").0;
    let both = beside.over(block);
    assert_eq!((both.protocol, both.name.as_deref()), (Some(1), Some("beside")));
    assert_eq!(both.limits, Limits { memory_mb: Some(1), idle_s: Some(3), ..Limits::default() });
}

#[test]
fn a_deep_file_is_no_danger() {
    for text in [
        format!("init = {}", "[".repeat(100_000)),
        format!("a{} = 1", ".a".repeat(100_000)),
        format!("init = {}", "{a=".repeat(100_000)),
    ] {
        assert_eq!(read(&text).1.len(), 1);
    }
}

#[test]
fn a_table_that_was_meant() {
    let meant = |text: &str| of_file(Path::new("a.toml"), text).meant;
    for text in ["run = ['x']", "run = 7", "rnu = ['x']", "packge = 'llm-echo'", "protocol = 1", "[[["] {
        assert!(meant(text), "{text}");
    }
    for text in ["", "[project]\nname = 'x'\n[tool.x]\n", "name = 'x'", "[package_list]"] {
        assert!(!meant(text), "{text}");
    }
}

#[test]
fn of_many_problems_the_first_are_told() {
    let text = (0..2000).rev().map(|number| format!("field{number:04} = 1\n")).collect::<Vec<_>>().concat();
    let problems = read(&text).1;
    assert_eq!(problems.len(), 8);
    assert!(problems[0].starts_with("a.toml:1: `field1999` is no field"), "{problems:?}");
}
