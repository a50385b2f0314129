//! What plugins cost, each figure beside the raw floor in the same run: `cargo bench -p consort-plugins`.
//!
//! The native plugin is an example of `consort-plugin` (`cargo build --release -p consort-plugin --examples` first);
//! without it, or without Python, its lines are left out.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and may fail")]
use consort_core::{Context, Delta, Event, Model, Request, State};
use consort_plugins::found::{Folder, Origin};
use consort_plugins::{Home, Plugin, Plugins};
use consort_settings::{Env, Folders};
use std::future::poll_fn;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const EVENTS: u64 = 200_000;
const PINGS: usize = 3000;

const TOKENS: &str = "from llm_utils import LLMClient


class Client(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        for _ in range(int(user_message.split()[-1])):
            yield 'token '

    def count_tokens(self, text):
        return len(text.split())
";

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = std::env::temp_dir().join(format!("consort-bench-{}", std::process::id()));
    std::fs::create_dir_all(place.join("plugins")).unwrap();
    runtime.block_on(listing(&place));
    runtime.block_on(async {
        match native() {
            Some(program) => {
                let link = place.join("plugins/native");
                std::fs::copy(program, &link).unwrap();
                let plugin = open(&place).find("native").unwrap();
                speak("native plugin", &plugin, &link, &[]).await;
            }
            None => println!("native plugin: not built (cargo build --release -p consort-plugin --examples)"),
        }
        if Command::new("python3").arg("--version").output().is_ok() {
            std::fs::write(place.join("plugins/tokens.py"), TOKENS).unwrap();
            first_word(&place).await;
            let plugin = open(&place).find("tokens").unwrap();
            let floor = place.join("floor.py");
            std::fs::write(&floor, FLOOR).unwrap();
            speak("Python worker", &plugin, &python(&place), &[floor.to_str().unwrap()]).await;
            saved(&place).await;
        }
    });
    let _ = std::fs::remove_dir_all(place);
}

/// The least that a Python process can do: answer lines.
const FLOOR: &str = r#"
import json, sys
out = sys.stdout.buffer
for line in sys.stdin.buffer:
    m = json.loads(line)
    if m["method"] == "ping":
        out.write(b'{"jsonrpc":"2.0","id":%d,"result":{}}\n' % m["id"]); out.flush()
    else:
        for _ in range(200000):
            out.write(json.dumps({"jsonrpc": "2.0", "method": "generate/event", "params": {"request": 1, "events": [{"type": "text", "text": "token "}]}}).encode() + b"\n")
            out.flush()
        out.write(b'{"jsonrpc":"2.0","id":1,"result":{}}\n'); out.flush()
"#;

fn open(place: &Path) -> Plugins {
    let vars = std::env::vars().filter(|(name, _)| ["PATH", "HOME", "PYENV_ROOT"].contains(&name.as_str()));
    let env: Env = vars.chain([("CONSORT_HOME".to_owned(), place.display().to_string())]).collect();
    let folders = Folders::find(&env);
    let folder = Folder { path: place.join("plugins"), origin: Origin::Flag, trusted: true };
    Plugins::open(Home::new(&folders, &env, []), vec![folder]).0
}

fn native() -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let file = here.parent()?.parent()?.join("examples/trouble");
    file.exists().then_some(file)
}

/// The real interpreter, as the worker uses it.
fn python(place: &Path) -> PathBuf {
    let text = std::fs::read_to_string(place.join("data/plugin-state/python.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    kept["found"]["program"].as_str().unwrap().into()
}

/// Listing fifty files, of which a cache knows.
async fn listing(place: &Path) {
    let many = place.join("many");
    std::fs::create_dir_all(many.join("plugins")).unwrap();
    for number in 0..50 {
        std::fs::write(many.join(format!("plugins/plugin_{number}.py")), TOKENS).unwrap();
    }
    let all = open(&many);
    all.check_all().await;
    let ready = all.rows().iter().filter(|row| row.state == State::Ready).count();
    all.stop();
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            let begun = Instant::now();
            let rows = open(&many).rows().len();
            assert_eq!(rows, 50);
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "listing 50 plugin files, {ready} of them ready: {:.2} ms median, no process started",
        times[25].as_secs_f64() * 1e3
    );
}

async fn model(plugin: &Arc<Plugin>) -> Arc<dyn Model> {
    let learnt = plugin.check().await;
    plugin.model_for(&learnt.models[0].card).await.unwrap()
}

/// Round trips and events, beside the same without us.
async fn speak(what: &str, plugin: &Arc<Plugin>, program: &Path, arguments: &[&str]) {
    let model = model(plugin).await;
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        times.push(plugin.ping().await.unwrap());
    }
    times.sort();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let (raw_ping, raw_events) = floor(program, arguments);
    println!(
        "{what}: round trip p50 {:.1} us, p99 {:.1} us (raw pipe p50 {:.1} us)",
        micros(times[PINGS / 2]),
        micros(times[PINGS * 99 / 100]),
        micros(raw_ping)
    );
    let begun = Instant::now();
    let mut stream = model.stream(Request::ask(format!("say {EVENTS}")).into(), Context::default());
    let mut seen = 0u64;
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        if let Event::PartDelta { delta: Delta::Text(_), .. } = event.unwrap() {
            seen += 1;
        }
    }
    let rate = seen as f64 / begun.elapsed().as_secs_f64();
    let raw = raw_events.map_or(String::new(), |raw| format!(" (raw lines {raw:.0}/s)"));
    println!("{what}: {rate:.0} events/s over {seen}{raw}");
}

/// The same pipe without any of our code on this side: pings, and lines of events.
fn floor(program: &Path, arguments: &[&str]) -> (Duration, Option<f64>) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut line = String::new();
    let mut times: Vec<Duration> = (0..PINGS)
        .map(|number| {
            let begun = Instant::now();
            writeln!(to, r#"{{"jsonrpc":"2.0","id":{number},"method":"ping"}}"#).unwrap();
            line.clear();
            from.read_line(&mut line).unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort();
    let events = (!arguments.is_empty()).then(|| {
        let begun = Instant::now();
        writeln!(to, r#"{{"jsonrpc":"2.0","id":1,"method":"generate"}}"#).unwrap();
        let mut lines = 0u64;
        loop {
            line.clear();
            from.read_line(&mut line).unwrap();
            if line.contains("\"result\"") {
                break;
            }
            lines += 1;
        }
        lines as f64 / begun.elapsed().as_secs_f64()
    });
    drop(to);
    let _ = child.wait();
    (times[PINGS / 2], events)
}

/// A drop-in's first word in a fresh process, beside what starting the interpreter costs.
async fn first_word(place: &Path) {
    let plugin = open(place).find("tokens").unwrap();
    model(&plugin).await;
    let mut ours = Vec::new();
    for _ in 0..11 {
        let plugin = open(place).find("tokens").unwrap();
        let known = plugin.learnt().unwrap();
        let begun = Instant::now();
        let model = plugin.model_for(&known.models[0].card).await.unwrap();
        let mut stream = model.stream(Request::ask("say 1").into(), Context::default());
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            if event.unwrap().is_content() {
                break;
            }
        }
        ours.push(begun.elapsed());
    }
    let interpreter = python(place);
    let mut bare: Vec<Duration> = (0..11)
        .map(|_| {
            let begun = Instant::now();
            Command::new(&interpreter).args(["-I", "-c", "pass"]).status().unwrap();
            begun.elapsed()
        })
        .collect();
    ours.sort();
    bare.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "drop-in, first word from nothing: {:.1} ms; python -c pass: {:.1} ms; more: {:.1} ms",
        millis(ours[5]),
        millis(bare[5]),
        millis(ours[5].saturating_sub(bare[5]))
    );
}

/// How soon a saved file's row changes, and how soon it is ready.
async fn saved(place: &Path) {
    let plugins = open(place);
    plugins.check_all().await;
    let _watching = plugins.watch();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut changed, mut ready) = (Vec::new(), Vec::new());
    for number in 0..7 {
        let before = fingerprint(&plugins);
        let mut changes = plugins.changes();
        changes.mark_unchanged();
        std::fs::write(place.join("plugins/tokens.py"), format!("{TOKENS}# {number}\n")).unwrap();
        let begun = Instant::now();
        changes.changed().await.unwrap();
        changed.push(begun.elapsed());
        while fingerprint(&plugins) == before {
            changes.changed().await.unwrap();
        }
        ready.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    changed.sort();
    ready.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "a saved file: its row changes in {:.0} ms, it is ready in {:.0} ms",
        millis(changed[3]),
        millis(ready[3])
    );
}

/// Of the version that answers.
fn fingerprint(plugins: &Plugins) -> String {
    plugins.find("tokens").unwrap().found().fingerprint.clone()
}
