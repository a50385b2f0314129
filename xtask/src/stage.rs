//! What crates take from elsewhere in the repository, copied beside them for `cargo package`: a published crate carries its
//! own copy, so that installing it needs neither the repository nor Node.
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// From, to. The copies are ignored by git and named in each crate's `include`; in the repository nobody reads them.
const STAGED: [(&str, &str); 3] = [
    ("web/dist", "crates/consort-web/dist"),
    ("providers", "crates/consort-providers/providers"),
    ("python/consort_worker", "crates/consort-plugins/consort_worker"),
];

/// Builds the page and copies all that is to be staged. Gives what to say.
pub fn stage(root: &Path) -> Result<String, String> {
    let web = root.join("web");
    npm(&web, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    npm(&web, &["run", "build"])?;
    let mut said = String::new();
    for (from, to) in STAGED {
        let files = copied(&root.join(from), &root.join(to))
            .map_err(|error| format!("{from} cannot be copied to {to}: {error}"))?;
        let _ = writeln!(said, "{to}: {files} files");
    }
    Ok(said)
}

fn npm(web: &Path, arguments: &[&str]) -> Result<(), String> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let status = Command::new(program).args(arguments).current_dir(web).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`npm {}` ended with {status}", arguments.join(" "))),
        Err(error) => Err(format!("npm did not start: {error}; install Node.js 20.19 or newer")),
    }
}

/// Makes `to` the same as `from`, without what Python keeps beside its sources. Gives the number of files.
fn copied(from: &Path, to: &Path) -> io::Result<usize> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    let mut files = 0;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            if !path.ends_with("__pycache__") {
                files += copied(&path, &target)?;
            }
        } else {
            fs::copy(&path, &target)?;
            files += 1;
        }
    }
    Ok(files)
}
