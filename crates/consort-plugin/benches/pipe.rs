//! How fast a plugin speaks through a pipe: `cargo bench -p consort-plugin`. It starts the example `trouble`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench prints, and fails by stopping"
)]
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const EVENTS: u32 = 1_000_000;

fn main() {
    let bench = std::env::current_exe().unwrap();
    let folder = bench.parent().unwrap().parent().unwrap();
    let mut child = Command::new(folder.join("examples/trouble"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo build --release --examples -p consort-plugin");
    let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut buffer = vec![0; 1 << 16];
    let mut until = |mark: &[u8], from: &mut dyn Read| {
        let mut tail: Vec<u8> = Vec::new();
        while !tail.windows(mark.len()).any(|window| window == mark) {
            let count = from.read(&mut buffer).unwrap();
            assert!(count > 0, "the plugin is gone");
            tail.drain(..tail.len().saturating_sub(mark.len()));
            tail.extend_from_slice(&buffer[..count]);
        }
    };
    let ask = |text: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":2,"method":"generate","params":{{"model":"trouble","messages":[{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}]}}}}{}"#,
            "\n"
        )
    };
    let end: &[u8] = b"\"finishReason\"";
    to.write_all(
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":1}}\n",
    )
    .unwrap();
    until(b"\n", &mut from);
    let many = ask(&format!("say {EVENTS}"));
    let took = time(|| {
        to.write_all(many.as_bytes()).unwrap();
        until(end, &mut from);
    });
    println!("events            {:>10.0} /s", f64::from(EVENTS) / took.as_secs_f64());
    let ping = b"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\n";
    let mut rounds = |what: &str, line: &[u8], mark: &[u8]| {
        let mut all: Vec<Duration> = (0..10_000)
            .map(|_| {
                time(|| {
                    to.write_all(line).unwrap();
                    until(mark, &mut from);
                })
            })
            .collect();
        all.sort();
        let of = |share: usize| all[all.len() * share / 100].as_secs_f64() * 1e6;
        println!("{what}  p50 {:>6.1} us   p99 {:>6.1} us", of(50), of(99));
    };
    rounds("ping            ", ping, b"\n");
    rounds("a short answer  ", ask("hi").as_bytes(), end);
    drop(to);
    child.wait().unwrap();
}

fn time(work: impl FnOnce()) -> Duration {
    let before = Instant::now();
    work();
    before.elapsed()
}
