//! Plugins to start from: each passes its own check.
use crate::args::{Scaffold, shown};
use crate::exit::{self, Done};
use crate::setup::Setup;
use crate::terminal::Style;
use consort_core::{Error, ErrorKind};
use consort_plugins::{Plugins, shell_word};
use std::io::Write;
use std::path::{Path, PathBuf};

const DROP_IN: &str = include_str!("../../../scaffolds/drop_in.py");
const LLM: &str = include_str!("../../../scaffolds/llm.py");
const BRUNO: &str = include_str!("../../../scaffolds/bruno.py");
const VISION_AGENTS: &str = include_str!("../../../scaffolds/vision_agents.py");
const VISION_AGENTS_LIVE: &str = include_str!("../../../scaffolds/vision_agents_live.py");
const PYTHON: &str = include_str!("../../../scaffolds/protocol.py");
const NODE: &str = include_str!("../../../scaffolds/protocol.mjs");
const SHELL: &str = include_str!("../../../scaffolds/protocol.sh");
const RUST_MANIFEST: &str = include_str!("../../../scaffolds/rust/Cargo.toml.in");
const RUST_MAIN: &str = include_str!("../../../scaffolds/rust/main.rs.in");

pub(super) fn run(sort: Scaffold, name: &str, plugins: &Plugins, setup: &Setup) -> Done {
    let good = !name.is_empty()
        && !name.starts_with(['.', '_', '-'])
        && name.chars().all(|letter| letter.is_alphanumeric() || "-_. ".contains(letter));
    if !good {
        return Err(exit::usage(format!("`{name}` cannot be a plugin's name"))
            .hint("letters, digits, blanks, `-`, `_` and `.`: consort plugins new drop-in my_model")
            .into());
    }
    let folder = setup.folders.plugins_dir();
    let class = class_name(name);
    let package = package_name(name);
    let filled = |text: &str| {
        let text = text.replace("@NAME@", name).replace("@CLASS@", &class);
        text.replace("@PACKAGE@", &package).replace("@PATCH@", &patch(checkout().as_deref()))
    };
    let files: Vec<(PathBuf, String)> = match sort {
        Scaffold::DropIn => vec![(folder.join(format!("{name}.py")), filled(DROP_IN))],
        Scaffold::Llm => vec![(folder.join(format!("{name}.py")), filled(LLM))],
        Scaffold::Bruno => vec![(folder.join(format!("{name}.py")), filled(BRUNO))],
        Scaffold::VisionAgents => vec![(folder.join(format!("{name}.py")), filled(VISION_AGENTS))],
        Scaffold::VisionAgentsLive => vec![(folder.join(format!("{name}.py")), filled(VISION_AGENTS_LIVE))],
        Scaffold::Python => vec![(folder.join(format!("{name}.py")), filled(PYTHON))],
        Scaffold::Node => vec![(folder.join(format!("{name}.mjs")), filled(NODE))],
        Scaffold::Shell => vec![(folder.join(format!("{name}.sh")), filled(SHELL))],
        Scaffold::Rust => {
            let folder = PathBuf::from(&package);
            vec![
                (folder.join("Cargo.toml"), filled(RUST_MANIFEST)),
                (folder.join("src/main.rs"), filled(RUST_MAIN)),
            ]
        }
    };
    if let Some((file, _)) = files.iter().find(|(file, _)| file.exists()) {
        return Err(exit::usage(format!("{} is there already", file.display()))
            .hint("choose another name; nothing was written")
            .into());
    }
    if let Some(other) = plugins.find(name).filter(|_| sort != Scaffold::Rust) {
        return Err(exit::usage(format!("`{name}` is already the name of {}", other.found().file.display()))
            .hint("choose another name; nothing was written")
            .into());
    }
    if setup.is_provider(name) && sort != Scaffold::Rust {
        return Err(exit::usage(format!("`{name}` is already the name of a provider"))
            .hint("choose another name; nothing was written")
            .into());
    }
    for (file, text) in &files {
        let parent = file.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(file, text)).map_err(|error| {
            Error::new(ErrorKind::Setup, format!("{} cannot be written: {error}", file.display()))
        })?;
    }
    let mut to = anstream::stderr().lock();
    let good = Style::Good.paint(setup.signs.good);
    for (file, _) in &files {
        writeln!(to, "{good} wrote {}", shown(file))?;
    }
    let word = shell_word(name);
    let next = match sort {
        Scaffold::Rust => format!(
            "cd {package}; cargo test; cargo build --release; consort plugins install target/release/{package}"
        ),
        Scaffold::VisionAgentsLive => {
            format!("edit it, then: consort plugins check {word}; consort plugins test {word}")
        }
        Scaffold::Llm => format!("consort plugins install-deps {word}, then: consort -m {word} \"hello\""),
        _ => format!("edit it, then: consort plugins check {word}; consort -m {word} \"hello\""),
    };
    writeln!(to, "{}", Style::Dim.paint(format!("next: {next}")))?;
    Ok(exit::OK)
}

/// A name as Cargo takes it: `my model` as `my-model`.
fn package_name(name: &str) -> String {
    let kept = |letter: char| if letter.is_alphanumeric() || letter == '_' { letter } else { '-' };
    let package: String = name.trim().chars().map(kept).collect();
    // Cargo keeps folders of these names beside what it builds.
    let is_cargos = ["build", "deps", "examples", "incremental"].contains(&package.as_str());
    let needs_more = is_cargos || package.starts_with(char::is_numeric);
    if needs_more { format!("plugin-{package}") } else { package }
}

/// The checkout that this program was built in and still runs from.
fn checkout() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let holds = |folder: &&Path| folder.join("crates/consort-plugin/Cargo.toml").is_file();
    program.ancestors().find(holds).map(Path::to_owned)
}

/// Where the crates come from while they are not on crates.io.
fn patch(checkout: Option<&Path>) -> String {
    let (mark, root) = match checkout {
        Some(root) => ("", root.display().to_string()),
        None => ("# ", "../consort".to_owned()),
    };
    let mut lines = vec!["# While these crates are not on crates.io, they come from a checkout.".to_owned()];
    lines.push(format!("{mark}[patch.crates-io]"));
    for name in ["consort-core", "consort-plugin"] {
        let path = toml::Value::from(format!("{root}/crates/{name}"));
        lines.push(format!("{mark}{name} = {{ path = {path} }}"));
    }
    lines.join("\n")
}

/// `my-model` as `MyModel`.
fn class_name(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut class: String = words
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
                .unwrap_or_default()
        })
        .collect();
    if class.starts_with(|letter: char| letter.is_ascii_digit()) {
        class.insert(0, 'M');
    }
    class
}

#[cfg(test)]
mod tests {
    use super::{class_name, package_name, patch};
    use std::path::Path;

    #[test]
    fn names_of_classes() {
        assert_eq!(class_name("my-model"), "MyModel");
        assert_eq!(class_name("my new_model"), "MyNewModel");
        assert_eq!(class_name("4o"), "M4o");
    }

    #[test]
    fn names_of_packages() {
        assert_eq!(package_name("my model.v2"), "my-model-v2");
        assert_eq!(package_name("build"), "plugin-build");
        assert_eq!(package_name("4o"), "plugin-4o");
    }

    #[test]
    fn where_the_crates_are() {
        let found = patch(Some(Path::new("/src/it's")));
        assert!(
            found.parse::<toml::Table>().unwrap()["patch"]["crates-io"]["consort-core"].is_table(),
            "{found}"
        );
        let none = patch(None);
        assert!(
            none.parse::<toml::Table>().unwrap().is_empty() && none.contains("../consort/crates"),
            "{none}"
        );
    }
}
