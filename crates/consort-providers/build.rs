//! Embeds `providers/*.toml`: a new vendor is a new file there, and no Rust.
//!
//! The files are turned into JSON here, because the program reads all of them at each start and JSON is read
//! several times faster.
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    // A published crate carries a copy of its own.
    let repository = here.join("../../providers");
    let root = if repository.is_dir() { repository } else { here.join("providers") };
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&root)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    let mut source = String::from("&[\n");
    for file in files {
        let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file)?;
        let value: serde_json::Value =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        writeln!(source, "    ({id:?}, {:?}),", value.to_string())?;
    }
    source.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("providers.rs"), source)?;
    Ok(())
}
