//! What a call costs beside the raw server, in one run: `cargo bench -p consort-mcp` (build the examples first:
//! `cargo build --release -p consort-mcp --examples`). And what a listing of twenty servers costs.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and may fail")]
use consort_core::Context;
use consort_mcp::McpServers;
use consort_settings::{Env, Folders, KeyStore, Settings};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CALLS: usize = 5000;

fn main() {
    let here = std::env::current_exe().unwrap();
    let server = here.parent().unwrap().parent().unwrap().join("examples/odd_server");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = std::env::temp_dir().join(format!("consort-mcp-bench-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    if server.exists() {
        let raw = median(raw(&server));
        let one = format!("[mcp.odd]\ncommand = '{}'\n", server.display());
        let ours = median(runtime.block_on(called(&place, &one)));
        println!("a call over stdio: {raw:.1} us raw, {ours:.1} us as a tool (median of {CALLS})");
    } else {
        println!("the server is not built: cargo build --release -p consort-mcp --examples");
    }
    let one = |number: u32| format!("[mcp.s{number}]\ncommand = 'sh'\nenv = {{ KEY = '${{env:HOME}}' }}\n");
    let twenty: String = (0..20).map(one).collect();
    let listed = (0..200).map(|_| {
        let begun = Instant::now();
        assert_eq!(open(&place, &twenty).rows().len(), 20);
        begun.elapsed()
    });
    println!("20 servers listed, none started: {:.0} us (median)", median(listed.collect()));
    let _ = std::fs::remove_dir_all(place);
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn open(place: &Path, settings: &str) -> McpServers {
    let folders = Folders { config: place.into(), data: place.join("data") };
    std::fs::write(folders.settings_file(), settings).unwrap();
    let env = Env::process();
    let (settings, problems) = Settings::load_from(&folders.settings_file(), None, &env);
    assert!(problems.is_empty(), "{problems:?}");
    McpServers::from_settings(&settings, &folders, &env, &KeyStore::of(&folders)).0
}

async fn called(place: &Path, settings: &str) -> Vec<Duration> {
    let servers = open(place, settings);
    let (tools, _) = servers.tools(&[]).await;
    let echo = tools.iter().find(|tool| tool.spec().name == "odd__echo").unwrap();
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let begun = Instant::now();
        echo.call(json!({"text": "hello"}), Context::default()).await.unwrap();
        times.push(begun.elapsed());
    }
    servers.stop().await;
    times
}

/// The least that a client can do: write a line, read a line.
fn raw(server: &Path) -> Vec<Duration> {
    let mut child = Command::new(server).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut times = Vec::new();
    for id in 0..CALLS {
        let params = json!({"name": "echo", "arguments": {"text": "hello"}});
        let request =
            json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string();
        let (begun, mut line) = (Instant::now(), String::new());
        to.write_all(format!("{request}\n").as_bytes()).unwrap();
        from.read_line(&mut line).unwrap();
        assert!(line.contains("hello"));
        times.push(begun.elapsed());
    }
    drop(to);
    let _ = child.wait();
    times
}
