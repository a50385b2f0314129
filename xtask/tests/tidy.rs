//! The invariants of ARCHITECTURE.md that a program can check.
#![allow(clippy::expect_used, clippy::panic, reason = "a test says what is wrong by failing")]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The floor that each crate stands on. Arrows only go down.
const FLOORS: &[(&str, u32)] = &[
    ("consort", 8),
    ("consort-cli", 7),
    ("consort-engine", 4),
    ("consort-server", 6),
    ("consort-realtime", 5),
    ("consort-web", 5),
    ("consort-plugins", 3),
    ("consort-mcp", 3),
    ("consort-routes", 3),
    ("consort-plugin", 1),
    ("consort-process", 1),
    ("consort-providers", 2),
    ("consort-settings", 1),
    ("consort-store", 1),
    ("consort-wire", 1),
    ("consort-core", 0),
];

/// Crates that do I/O, keep time or run tasks: nothing of them stands below the pure crates.
const IO: [&str; 14] = [
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "reqwest",
    "hyper",
    "ureq",
    "curl",
    "rustls",
    "native-tls",
    "axum",
    "rusqlite",
    "chrono",
];

/// Words that only a vendor's own files may say.
const VENDORS: [&str; 22] = [
    "openai",
    "anthropic",
    "claude",
    "gemini",
    "bedrock",
    "ollama",
    "mistral",
    "groq",
    "deepseek",
    "openrouter",
    "cohere",
    "perplexity",
    "cerebras",
    "fireworks",
    "together.ai",
    "moonshot",
    "vertex",
    "azure",
    "gpt-",
    "xai",
    "huggingface",
    "nvidia",
];

/// The crates that people see: they know the engine and the core types only.
const SURFACES: [&str; 4] = ["consort", "consort-cli", "consort-server", "consort-web"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn sources(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == end) {
                found.push(path);
            }
        }
    }
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a crate's manifest depends on in normal builds, by name.
fn dependencies(package: &str) -> Vec<String> {
    let manifest = read(&root().join("crates").join(package).join("Cargo.toml"));
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.starts_with("dependencies]") || section.ends_with(".dependencies]");
        } else if inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            names.push(name.trim().to_owned());
        }
    }
    names
}

/// All crates below one, as cargo resolves them.
fn tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            package,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn arrows_between_crates_only_go_down() {
    let floors: BTreeMap<&str, u32> = FLOORS.iter().copied().collect();
    for entry in std::fs::read_dir(root().join("crates")).expect("crates").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "consort-testkit" {
            continue;
        }
        let floor = floors
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} stands on no floor: add it to FLOORS"));
        for dependency in dependencies(&name).iter().filter(|dependency| dependency.starts_with("consort")) {
            let below =
                floors.get(dependency.as_str()).unwrap_or_else(|| panic!("{dependency} stands on no floor"));
            assert!(below < floor, "{name} (floor {floor}) must not depend on {dependency} (floor {below})");
        }
    }
}

/// The README's first command is `cargo run`, which must know what to run.
#[test]
fn there_is_one_program_to_run() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let usual = list(&metadata["workspace_default_members"]);
    let programs: Vec<String> = list(&metadata["packages"])
        .iter()
        .filter(|package| usual.contains(&package["id"]))
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| list(&target["kind"]).contains(&"bin".into()))
        .map(|target| target["name"].to_string())
        .collect();
    assert_eq!(programs, ["\"consort\""], "`cargo run` must have one program to choose from");
}

#[test]
fn the_pure_crates_do_no_io() {
    for package in ["consort-core", "consort-wire"] {
        let below = tree(package);
        for io in IO {
            assert!(!below.iter().any(|name| name == io), "{package} must not stand on {io}");
        }
        for file in sources(&root().join("crates").join(package).join("src"), "rs") {
            let text = read(&file);
            for word in ["std::net", "std::fs", "std::process", "std::env", "SystemTime::now"] {
                assert!(!text.contains(word), "{} must not use {word}", file.display());
            }
        }
    }
}

#[test]
fn wires_know_no_clock_and_no_runtime() {
    for folder in ["crates/consort-wire/src", "crates/consort-realtime/src/wire"] {
        for file in sources(&root().join(folder), "rs") {
            let text = read(&file);
            for word in ["Instant::now", "SystemTime::now", "async fn", "std::thread", "std::net", "std::fs"]
            {
                assert!(!text.contains(word), "{} must not use {word}", file.display());
            }
        }
    }
}

#[test]
fn surfaces_know_no_vendor() {
    for package in SURFACES {
        for file in sources(&root().join("crates").join(package).join("src"), "rs") {
            let text = read(&file).to_lowercase();
            for vendor in VENDORS {
                assert!(!text.contains(vendor), "{} names the vendor `{vendor}`", file.display());
            }
        }
    }
}

#[test]
fn only_one_module_looks_at_samples() {
    let audio = root().join("crates/consort-realtime/src/audio");
    let contract = root().join("crates/consort-core/src");
    for entry in std::fs::read_dir(root().join("crates")).expect("crates").flatten() {
        for file in sources(&entry.path().join("src"), "rs") {
            // The contract itself says what a piece is, and how it is written.
            if file.starts_with(&audio) || file.starts_with(&contract) {
                continue;
            }
            assert!(!read(&file).contains(".samples"), "{} looks at samples of sound", file.display());
        }
    }
}

#[test]
fn a_file_says_what_it_is_and_stays_small() {
    const LONGEST: usize = 800;
    for folder in ["crates", "xtask/src"] {
        for file in sources(&root().join(folder), "rs") {
            let text = read(&file);
            assert!(text.starts_with("//!"), "{} does not say what it is in its first line", file.display());
            let lines = text.lines().count();
            assert!(lines <= LONGEST, "{} has {lines} lines: it does more than one thing", file.display());
        }
    }
}

#[test]
fn a_provider_is_at_most_twenty_lines_of_connection() {
    for file in sources(&root().join("providers"), "toml") {
        let text = read(&file);
        // Model rows are a catalogue; what connects to the vendor stands before them.
        let connection = text.split("\nmodels = [").next().unwrap_or_default();
        let lines =
            connection.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
        let compatible = connection.contains("wire = \"openai-chat\"");
        assert!(!compatible || lines <= 20, "{} takes {lines} lines to connect", file.display());
    }
}

#[test]
fn unsafe_code_has_a_module_of_its_own() {
    for file in sources(&root().join("crates"), "rs") {
        let text = read(&file);
        assert!(
            !text.contains("unsafe {") || text.contains("SAFETY:"),
            "{}: unsafe without proof",
            file.display()
        );
    }
}
