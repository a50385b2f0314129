//! Builds the web chat into OUT_DIR and lists its files for `src/lib.rs`.
//!
//! What is built: `web/` of the repository, by npm, in a copy below OUT_DIR, so that the sources stay as they are; where that
//! is not, `dist/` beside this file, which a published crate brings. `CONSORT_WEB` says otherwise: `none`, or a built folder.
#![allow(
    clippy::print_stderr,
    clippy::exit,
    reason = "this is how a build script says what is wrong, without a backtrace"
)]
#![allow(clippy::unnecessary_debug_formatting, reason = "a path is written as a literal of Rust")]
use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// What the page is made of. Its tests are not among them.
const INPUTS: [&str; 9] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
];

fn main() {
    println!("cargo::rerun-if-env-changed=CONSORT_WEB");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let table = match built(&out) {
        Ok(Some(dist)) => table(&dist).unwrap_or_else(|error| {
            stop(
                &format!("the built page cannot be read: {error}"),
                &["build it again, or set CONSORT_WEB=none"],
            )
        }),
        Ok(None) => "&[]".to_owned(),
        Err(error) => stop(
            &format!("the web page cannot be copied to be built: {error}"),
            &["CONSORT_WEB=none builds without it"],
        ),
    };
    if let Err(error) = fs::write(out.join("files.rs"), table) {
        stop(&format!("the list of the page's files cannot be written: {error}"), &[]);
    }
}

/// Says what is wrong in the program's own way. A panic would bury it under a backtrace.
fn stop(what: &str, help: &[&str]) -> ! {
    eprintln!("error: {what}");
    for line in help {
        eprintln!("  help: {line}");
    }
    exit(1)
}

/// The folder of the built page; none where it is not wanted.
fn built(out: &Path) -> io::Result<Option<PathBuf>> {
    match env::var("CONSORT_WEB").as_deref() {
        Ok("none") => return Ok(None),
        Ok(folder) if !folder.is_empty() => {
            println!("cargo::rerun-if-changed={folder}");
            let folder = PathBuf::from(folder);
            if !folder.join("index.html").is_file() {
                let what = format!("CONSORT_WEB names {}, which has no index.html", folder.display());
                stop(&what, &["name the folder that `npm run build` made (web/dist), or `none`"]);
            }
            return Ok(Some(folder));
        }
        _ => {}
    }
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let web = here.join("../../web");
    if !web.join("package.json").is_file() {
        println!("cargo::rerun-if-changed=dist");
        return Ok(Some(here.join("dist")));
    }
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", web.join(input).display());
    }
    let copy = out.join("web");
    for input in INPUTS {
        replace(&web.join(input), &copy.join(input))?;
    }
    install(&copy)?;
    npm(&copy, &["run", "build"]);
    Ok(Some(copy.join("dist")))
}

/// Packages are installed again only when what names them changed: that takes most of the time.
fn install(copy: &Path) -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for name in ["package.json", "package-lock.json"] {
        fs::read(copy.join(name))?.hash(&mut hasher);
    }
    let wanted = format!("{:016x}", hasher.finish());
    let stamp = copy.join("node_modules/.consort-stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    npm(copy, &["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]);
    fs::write(stamp, wanted)
}

fn npm(folder: &Path, arguments: &[&str]) {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let words = arguments.join(" ");
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            stop(
                &format!("`npm {words}` failed:\n{}", String::from_utf8_lossy(&said).trim()),
                &[
                    "Node.js 20.19 or newer is needed: https://nodejs.org",
                    "CONSORT_WEB=none builds everything but the web page",
                ],
            )
        }
        Err(error) => stop(
            &format!("the web page is built by npm, which did not start: {error}"),
            &[
                "install Node.js 20.19 or newer: https://nodejs.org",
                "CONSORT_WEB=none builds everything but the web page; CONSORT_WEB=FOLDER takes a built one",
            ],
        ),
    }
}

/// Copies a file or folder, and takes away what is there and no longer in the source.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        return fs::copy(from, to).map(drop);
    }
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        replace(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The files as Rust: path, type, tag, and the content in each form that was made of it.
fn table(dist: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    list(dist, &mut paths)?;
    paths.sort();
    let mut rows = String::from("&[\n");
    for path in paths {
        let name = path.strip_prefix(dist).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let mut hasher = DefaultHasher::new();
        fs::read(&path)?.hash(&mut hasher);
        let form = |end: &str| {
            let packed = PathBuf::from(format!("{}.{end}", path.display()));
            if packed.is_file() { format!("Some(include_bytes!({packed:?}))") } else { "None".to_owned() }
        };
        let _ = writeln!(
            rows,
            "File {{ path: {:?}, mime: {:?}, tag: \"W/\\\"{:016x}\\\"\", plain: include_bytes!({path:?}), brotli: {}, gzip: {} }},",
            name,
            mime(&name),
            hasher.finish(),
            form("br"),
            form("gz"),
        );
    }
    rows.push(']');
    Ok(rows)
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, found)?;
        } else if !path.extension().is_some_and(|end| end == "br" || end == "gz") {
            found.push(path);
        }
    }
    Ok(())
}

fn mime(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}
