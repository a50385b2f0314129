//! docs/reference/cli.md is what the program itself says. `UPDATE=1 cargo test -p consort reference` writes it.
use std::path::Path;
use std::process::Command;

fn help(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_consort"))
        .args(words)
        .arg("--help")
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The commands below one, as its help lists them.
fn below(text: &str) -> Vec<String> {
    let listed =
        text.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn section(mark: &str, words: &[&str]) -> (String, String) {
    let text = help(words);
    let title = ["consort"].iter().chain(words).copied().collect::<Vec<_>>().join(" ");
    (format!("\n{mark} {title}\n\n```text\n{text}\n```\n"), text)
}

fn reference() -> String {
    let mut pages = vec![
        "# The command line\n\nWritten by the program's own help; `UPDATE=1 cargo test -p consort reference` makes it anew.\n"
            .to_owned(),
    ];
    let all = below(&help(&[]));
    assert!(all.len() > 10, "{all:?}");
    for command in [""].into_iter().chain(all.iter().map(String::as_str)) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (page, text) = section("##", &words);
        pages.push(page);
        let inner = if command.is_empty() { Vec::new() } else { below(&text) };
        pages.extend(inner.iter().map(|inner| section("###", &[command, inner]).0));
    }
    pages.concat()
}

#[test]
fn the_reference_is_what_the_program_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    let page = reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/reference/cli.md is old: UPDATE=1 cargo test -p consort reference");
}
