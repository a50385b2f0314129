//! What is released: the archive, and crates that need nothing but themselves.
#![allow(clippy::expect_used, reason = "a test says what is wrong by failing")]
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::archive::{Entry, write};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn unpack(archive: &Path) -> tar::Archive<flate2::read::GzDecoder<fs::File>> {
    tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(archive).expect("an archive")))
}

#[test]
fn the_same_files_make_the_same_archive_and_its_checksum_is_right() {
    let entries = || {
        let entry =
            |name: &str, content: &str, runs| Entry { name: name.into(), content: content.into(), runs };
        [entry("consort", "the program", true), entry("README.md", "# Read me", false)]
    };
    let (one, two) = (fresh("archive-1"), fresh("archive-2"));
    let (file, sum) = write(&one, "consort-1-here", &entries()).expect("written");
    let (again, same) = write(&two, "consort-1-here", &entries()).expect("written");
    assert_eq!(fs::read(&file).expect("one"), fs::read(again).expect("two"));
    assert_eq!(sum, same);
    let said = fs::read_to_string(one.join("consort-1-here.tar.gz.sha256")).expect("a checksum");
    assert_eq!(said, format!("{sum}  consort-1-here.tar.gz\n"));
    let mut found = BTreeMap::new();
    for entry in unpack(&file).entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        let path = entry.path().expect("a path").display().to_string();
        let header = entry.header();
        assert_eq!((header.mtime().expect("a time"), header.uid().expect("an owner")), (0, 0));
        found.insert(path, (text, header.mode().expect("a mode")));
    }
    let wanted =
        [("consort-1-here/README.md", "# Read me", 0o644), ("consort-1-here/consort", "the program", 0o755)];
    assert_eq!(found, wanted.map(|(path, text, mode)| (path.to_owned(), (text.to_owned(), mode))).into());
}

/// A folder of programs with these alone: what a build may call. No Node is among them.
fn path_without_node(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    let all: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    for name in ["cargo", "rustc", "rustup", "cc", "gcc", "ld", "as", "ar"] {
        if let Some(found) = all.iter().map(|place| place.join(name)).find(|path| path.is_file()) {
            #[cfg(unix)]
            std::os::unix::fs::symlink(found, bin.join(name)).expect("a link");
            #[cfg(not(unix))]
            fs::copy(found, bin.join(name)).expect("a copy");
        }
    }
    bin
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Uses the crate as somebody who has only what was published: prints each file that the page names, and its length.
const READER: &str = r#"
fn main() {
    let page = consort_web::asset("index.html", "").expect("the page");
    let html = std::str::from_utf8(page.body).expect("text");
    for path in html.split('"').filter_map(|word| word.strip_prefix('/')).filter(|path| path.starts_with("assets/")) {
        println!("{path} {}", consort_web::asset(path, "br").expect(path).body.len());
    }
}
"#;

#[test]
#[ignore = "builds the page with npm; see CONTRIBUTING.md"]
fn the_published_crate_of_the_page_is_built_and_read_without_node() {
    let root = root();
    xtask::stage::stage(&root).expect("staged");
    let target = fresh("packaged");
    run(Command::new("cargo")
        .args([
            "package",
            "--package",
            "consort-web",
            "--allow-dirty",
            "--no-verify",
            "--offline",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(&root));
    let version = xtask::archive::version(&root).expect("a version");
    let place = fresh("published");
    unpack(&target.join(format!("package/consort-web-{version}.crate"))).unpack(&place).expect("unpacked");
    let reader = place.join("reader");
    fs::create_dir_all(reader.join("src")).expect("a folder");
    let manifest = format!(
        "[package]\nname = \"reader\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\nconsort-web = {{ path = \"../consort-web-{version}\" }}\n"
    );
    fs::write(reader.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(reader.join("src/main.rs"), READER).expect("a program");
    let bin = path_without_node(&place);
    let said = run(Command::new("cargo")
        .args(["run", "--quiet", "--offline"])
        .current_dir(&reader)
        .env("PATH", &bin)
        .env("CARGO_TARGET_DIR", place.join("target"))
        .env_remove("CONSORT_WEB"));
    assert!(said.lines().count() >= 2 && said.contains("assets/index-"), "{said}");
}

#[test]
fn crates_that_embed_what_lies_elsewhere_name_their_copy_of_it() {
    for (name, copy) in [("web", "/dist"), ("providers", "/providers"), ("plugins", "/consort_worker")] {
        let manifest =
            fs::read_to_string(root().join(format!("crates/consort-{name}/Cargo.toml"))).expect("a manifest");
        assert!(
            manifest.contains(&format!("include = [\"/src\", \"/build.rs\", \"{copy}\"]")),
            "consort-{name}: {copy}"
        );
        let ignored = fs::read_to_string(root().join(".gitignore")).expect("a list");
        assert!(ignored.contains(&format!("/crates/consort-{name}{copy}\n")), "consort-{name}: {copy}");
    }
}
