//! Public MCP servers, unmodified from npm and PyPI. They need Node, Python and the network once, and are run by
//! `cargo test -p consort-mcp --test servers -- --ignored`; what they install stays in the target folder for the next time.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "these are tests, helpers included"
)]
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod support;

use consort_core::{Body, Context, MediaSource, ToolOutput};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use support::{Place, Tools, words};

/// One at a time: the second of two would wait for the first anyway.
static INSTALLING: Mutex<()> = Mutex::new(());

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp");
    std::fs::create_dir_all(&root).unwrap();
    root
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The program of an npm package.
fn npm(package: &str) -> Option<PathBuf> {
    if !has("npm") {
        return None;
    }
    let _turn = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let program = root().join("node_modules").join(package).join("dist/index.js");
    if !program.exists() {
        let prefix = root();
        let flags = ["install", "--no-audit", "--no-fund", "--prefix"];
        run(Command::new("npm").args(flags).arg(&prefix).arg(package).current_dir(&prefix));
    }
    Some(program)
}

/// The program of a PyPI package.
fn pypi(package: &str) -> Option<PathBuf> {
    if !has("python3") {
        return None;
    }
    let _turn = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let venv = root().join("venv");
    let program = venv.join("bin").join(package);
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", package]));
    }
    Some(program)
}

async fn call(tools: &Tools, name: &str, arguments: Value) -> ToolOutput {
    tools.get(name).call(arguments, Context::default().within(Duration::from_mins(1))).await.unwrap()
}

#[tokio::test]
#[ignore = "installs a package"]
async fn everything_over_stdio() {
    let Some(program) = npm("@modelcontextprotocol/server-everything") else { return };
    let place = Place::new(&format!("[mcp.all]\ncommand = 'node'\nargs = ['{}']\n", program.display()));
    let (servers, tools) = place.tools().await;
    eprintln!("{:?}", tools.names());
    everything(&tools).await;
    servers.stop().await;
}

#[tokio::test]
#[ignore = "installs a package"]
async fn everything_over_http() {
    let Some(program) = npm("@modelcontextprotocol/server-everything") else { return };
    let (_server, port) = listening(&program);
    let place = Place::new(&format!("[mcp.all]\nurl = 'http://127.0.0.1:{port}/mcp'\n"));
    let (servers, tools) = place.tools().await;
    everything(&tools).await;
    servers.stop().await;
}

/// What the server that has everything gives, whichever way it is reached.
async fn everything(tools: &Tools) {
    assert_eq!(words(&call(tools, "all__echo", json!({"message": "hello"})).await), "Echo: hello");
    let image = call(tools, "all__get-tiny-image", json!({})).await;
    let picture = image.content.iter().find_map(|part| match &part.body {
        Body::Media(media) => Some(media),
        _ => None,
    });
    let picture = picture.expect("a picture");
    assert_eq!(picture.mime, "image/png");
    assert!(matches!(&picture.source, MediaSource::Bytes(bytes) if bytes.starts_with(b"\x89PNG")));
    let wrong = call(tools, "all__echo", json!({"message": 7})).await;
    assert!(wrong.is_error, "{wrong:?}");
    let long = json!({"duration": 2, "steps": 4});
    let done = words(&call(tools, "all__trigger-long-running-operation", long).await);
    assert!(done.contains("completed"), "{done}");
    let structured = call(tools, "all__get-structured-content", json!({"location": "New York"})).await;
    assert!(words(&structured).contains("temperature") && structured.content.len() == 1, "{structured:?}");
}

/// The server on a port of its own, ended with the value.
struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listening(program: &Path) -> (Listening, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("node");
    command.arg(program).arg("streamableHttp").env("PORT", port.to_string());
    let child = Listening(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return (child, port);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the server does not listen");
}

#[tokio::test]
#[ignore = "installs a package"]
async fn filesystem() {
    let Some(program) = npm("@modelcontextprotocol/server-filesystem") else { return };
    // The server is told the current folder as its root, which then counts instead of its arguments.
    let folder = std::env::current_dir().unwrap();
    let described = format!("command = 'node'\nargs = ['{}', '{}']\n", program.display(), folder.display());
    let (_servers, tools) = Place::new(&format!("[mcp.files]\n{described}")).tools().await;
    let path = folder.join("Cargo.toml").display().to_string();
    let text = words(&call(&tools, "files__read_text_file", json!({"path": path})).await);
    assert!(text.contains("name = \"consort-mcp\""), "{text}");
    let outside = call(&tools, "files__read_text_file", json!({"path": "/etc/passwd"})).await;
    assert!(outside.is_error && words(&outside).contains("Access denied"), "{outside:?}");
}

#[tokio::test]
#[ignore = "installs a package"]
async fn time() {
    let Some(program) = pypi("mcp-server-time") else { return };
    let (servers, tools) =
        Place::new(&format!("[mcp.time]\ncommand = '{}'\n", program.display())).tools().await;
    let arguments =
        json!({"source_timezone": "Europe/Oslo", "time": "12:00", "target_timezone": "Asia/Tokyo"});
    let text = words(&call(&tools, "time__convert_time", arguments).await);
    assert!(text.contains("Asia/Tokyo") && text.contains('T'), "{text}");
    let wrong = call(&tools, "time__get_current_time", json!({"timezone": "Nowhere/Never"})).await;
    assert!(wrong.is_error, "{wrong:?}");
    assert!(servers.check("time").await.unwrap().server.contains("time"));
}
