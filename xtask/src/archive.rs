//! The release archive: the program, its licences and those of what is in it. The same files give the same archive, byte for
//! byte, and its checksum stands beside it.
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What goes with the program.
const BESIDE: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// One file of an archive.
#[derive(Debug)]
pub struct Entry {
    pub name: String,
    pub content: Vec<u8>,
    pub runs: bool,
}

/// Builds the program for release and packs it into `folder`. Gives what to say.
pub fn archive(root: &Path, folder: &Path) -> Result<String, String> {
    cargo(root, &["build", "--release", "--locked", "--package", "consort"])?;
    let name = format!("consort-{}-{}", version(root)?, target(root)?);
    let program = format!("consort{}", std::env::consts::EXE_SUFFIX);
    let built = target_folder(root).join("release").join(&program);
    let mut entries = vec![Entry { content: read(&built)?, name: program, runs: true }];
    for name in BESIDE {
        entries.push(Entry { name: name.to_owned(), content: read(&root.join(name))?, runs: false });
    }
    let licences = crate::licences::all(root)?.into_bytes();
    entries.push(Entry { name: "LICENSES-OF-OTHERS.txt".to_owned(), content: licences, runs: false });
    let (file, sum) =
        write(folder, &name, &entries).map_err(|error| format!("the archive cannot be written: {error}"))?;
    Ok(format!("{}\nsha256 {sum}\n", file.display()))
}

/// Writes `NAME.tar.gz` and `NAME.tar.gz.sha256`. Gives the archive's path and checksum.
pub fn write(folder: &Path, name: &str, entries: &[Entry]) -> io::Result<(PathBuf, String)> {
    fs::create_dir_all(folder)?;
    let packed = pack(name, entries)?;
    let sum = Sha256::digest(&packed).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let file = folder.join(format!("{name}.tar.gz"));
    fs::write(&file, packed)?;
    fs::write(folder.join(format!("{name}.tar.gz.sha256")), format!("{sum}  {name}.tar.gz\n"))?;
    Ok((file, sum))
}

/// Nothing of this machine gets in: no time, no owner, no name of a user.
fn pack(name: &str, entries: &[Entry]) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(entry.content.len() as u64);
        header.set_mode(if entry.runs { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, format!("{name}/{}", entry.name), entry.content.as_slice())?;
    }
    let mut gzip = tar.into_inner()?;
    gzip.flush()?;
    gzip.finish()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("cargo").args(arguments).current_dir(root).status();
    let status = status.map_err(|error| format!("cargo did not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {}` ended with {status}", arguments.join(" ")))
    }
}

fn target_folder(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// The version of all crates that are published.
pub fn version(root: &Path) -> Result<String, String> {
    let manifest = String::from_utf8_lossy(&read(&root.join("Cargo.toml"))?).into_owned();
    let after = manifest.split_once("[workspace.package]").map(|(_, rest)| rest).unwrap_or_default();
    let line = after.lines().find_map(|line| line.strip_prefix("version = \""));
    let found = line.and_then(|rest| rest.strip_suffix('"'));
    found.map(str::to_owned).ok_or_else(|| "Cargo.toml names no version".to_owned())
}

/// The triple of this machine, as the compiler names it.
fn target(root: &Path) -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .current_dir(root)
        .output()
        .map_err(|error| format!("rustc did not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "rustc names no host".to_owned())
}
