//! The licences of all that is linked into the program or built into its page, as one text.
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages whose code is in the built page.
const PAGE: [&str; 4] = ["highlight.js", "katex", "marked", "svelte"];

/// One text, the packages in the order of their names.
pub fn all(root: &Path) -> Result<String, String> {
    let mut text = String::from("Consort holds the work of others, under the licences that follow.\n");
    let mut told = BTreeSet::new();
    let linked = linked(root)?;
    for package in crates(root)? {
        let (name, version) = (word(&package["name"]), word(&package["version"]));
        let folder = PathBuf::from(word(&package["manifest_path"]));
        let own = package["source"].is_null();
        if !own && linked.contains(&format!("{name} v{version}")) && told.insert(format!("{name} {version}"))
        {
            tell(&mut text, &name, &version, &word(&package["license"]), folder.parent().unwrap_or(root))?;
        }
    }
    for name in PAGE {
        let folder = root.join("web/node_modules").join(name);
        let manifest = fs::read_to_string(folder.join("package.json"))
            .map_err(|error| format!("{name} of the page: {error}; run `cargo xtask dist` first"))?;
        let manifest: Value = serde_json::from_str(&manifest).map_err(|error| format!("{name}: {error}"))?;
        tell(&mut text, name, &word(&manifest["version"]), &word(&manifest["license"]), &folder)?;
    }
    Ok(text)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `NAME vVERSION` of each crate that the program is linked with; what only builds or tests it is not among them.
fn linked(root: &Path) -> Result<BTreeSet<String>, String> {
    let said = cargo(
        root,
        &["tree", "--package", "consort", "--edges", "normal", "--prefix", "none", "--format", "{p}"],
    )?;
    let pair = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(said.lines().map(pair).collect())
}

fn crates(root: &Path) -> Result<Vec<Value>, String> {
    let said = cargo(root, &["metadata", "--format-version", "1"])?;
    let value: Value = serde_json::from_str(&said).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(value["packages"].as_array().cloned().unwrap_or_default())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("cargo").args(arguments).current_dir(root).output();
    let output = output.map_err(|error| format!("cargo did not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`cargo {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// A package and the texts that it brings. One that brings none is named with its licence, which is all that it says.
fn tell(text: &mut String, name: &str, version: &str, licence: &str, folder: &Path) -> Result<(), String> {
    let _ = write!(text, "\n{}\n{name} {version} ({licence})\n", "=".repeat(100));
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_licence(path)).collect();
    files.sort();
    for file in files {
        let said = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let _ = write!(text, "\n{}\n", String::from_utf8_lossy(&said).trim_end());
    }
    Ok(())
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
    path.is_file()
        && ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|start| name.starts_with(start))
}
