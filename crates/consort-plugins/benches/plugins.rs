//! What plugins cost, each figure beside its limit and the raw floor in the same run: `cargo bench -p consort-plugins`.
//!
//! A pipe's round trip takes from 6 to 90 us, by which core wakes which: more than our limits, and nothing of ours. So ours
//! and a raw pipe (`cat`; for Python the least script that answers lines) take turns in short batches, with five processes
//! of each, since a process mostly stays where it was placed. The median of the batches is told of both, and that twice:
//! with both sides on one core (`one-core` as argument; this runs itself so), where what is measured is our code and the
//! system's switch, and as the scheduler places them. Each figure is judged, and a miss makes the exit code 1; but where the
//! raw pipe as scheduled is beyond the limit itself, that is said instead: nothing on top of it could keep within it.
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
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Turns that ours and the raw floor take.
const BATCHES: usize = 15;
const PINGS: usize = 200;
/// Processes of each that take part in round trips.
const PROCESSES: usize = 5;
const EVENT_BATCHES: usize = 5;
const EVENTS: usize = 40_000;

/// Whether any figure is beyond its limit.
static MISSED: AtomicBool = AtomicBool::new(false);

/// The most, or the least, that a figure may be.
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    /// `14.3 us, at most 30 us: ok`.
    fn judge(&self, figure: f64, unit: &str) -> String {
        let (word, limit, good) = match self {
            Self::AtMost(limit) => ("at most", limit, figure <= *limit),
            Self::AtLeast(limit) => ("at least", limit, figure >= *limit),
        };
        if !good {
            MISSED.store(true, Relaxed);
        }
        let shown = if figure < 1000.0 { format!("{figure:.1}") } else { format!("{figure:.0}") };
        format!("{shown} {unit}, {word} {limit} {unit}: {}", if good { "ok" } else { "MISS" })
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

const TOKENS: &str = "from llm_utils import LLMClient


class Client(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        for _ in range(int(user_message.split()[-1])):
            yield 'token '

    def count_tokens(self, text):
        return len(text.split())
";

/// As argument: round trips alone, all on one core.
const ONE_CORE: &str = "one-core";

fn main() -> ExitCode {
    let one_core = std::env::args().any(|argument| argument == ONE_CORE);
    if one_core && !take_one_core() {
        println!("round trips on one core: not on this system");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = std::env::temp_dir().join(format!("consort-bench-{}", std::process::id()));
    std::fs::create_dir_all(place.join("plugins")).unwrap();
    if !one_core {
        runtime.block_on(listing(&place));
        // All of a process that is begun on one core stays there: its threads, and its plugins.
        let alone = Command::new(std::env::current_exe().unwrap()).arg(ONE_CORE).status().unwrap();
        MISSED.fetch_or(!alone.success(), Relaxed);
    }
    let placed = if one_core { Placed::OneCore } else { Placed::AsScheduled };
    runtime.block_on(async {
        match native() {
            Some(program) => {
                std::fs::copy(program, place.join("plugins/native")).unwrap();
                let raw = || Raw::start(Path::new("cat"), &[]);
                round_trips("native plugin", placed, || open(&place).find("native").unwrap(), raw, 30.0)
                    .await;
                if !one_core {
                    let plugin = open(&place).find("native").unwrap();
                    events("native plugin", &plugin, None, 150_000.0).await;
                }
            }
            None => println!("native plugin: not built (cargo build --release -p consort-plugin --examples)"),
        }
        if Command::new("python3").arg("--version").output().is_ok() {
            std::fs::write(place.join("plugins/tokens.py"), TOKENS).unwrap();
            if !one_core {
                first_word(&place).await;
            }
            let plugin = open(&place).find("tokens").unwrap();
            model(&plugin).await;
            let floor = place.join("floor.py");
            std::fs::write(&floor, FLOOR).unwrap();
            let raw = || Raw::start(&python(&place), &[floor.to_str().unwrap()]);
            round_trips("Python worker", placed, || open(&place).find("tokens").unwrap(), raw, 80.0).await;
            if !one_core {
                events("Python worker", &plugin, Some(raw()), 50_000.0).await;
                saved(&place).await;
            }
        }
    });
    let _ = std::fs::remove_dir_all(place);
    ExitCode::from(u8::from(MISSED.load(Relaxed)))
}

/// On which cores the two sides of a pipe are.
#[derive(Clone, Copy)]
enum Placed {
    OneCore,
    AsScheduled,
}

/// Puts this process, and all that it starts, on the last of its cores.
#[cfg(target_os = "linux")]
fn take_one_core() -> bool {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(mine) = sched_getaffinity(None) else { return false };
    let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|core| mine.is_set(*core)) else { return false };
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn take_one_core() -> bool {
    false
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
        for _ in range(m["params"]["count"]):
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
    let begun = (cpu_time(), Instant::now());
    for _ in 0..50 {
        assert_eq!(open(&many).rows().len(), 50);
    }
    let (what, took) = match (cpu_time(), begun.0) {
        (Some(now), Some(then)) => ("CPU", now.saturating_sub(then)),
        _ => ("wall", begun.1.elapsed()),
    };
    println!(
        "listing 50 plugin files, {ready} of them ready: {} ({what}); no process started",
        Limit::AtMost(15.0).judge(millis(took) / 50.0, "ms")
    );
}

/// What this thread has had of a processor, where the kernel tells it.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

async fn model(plugin: &Arc<Plugin>) -> Arc<dyn Model> {
    let learnt = plugin.check().await;
    plugin.model_for(&learnt.models[0].card).await.unwrap()
}

/// Round trips of ours and of the raw pipe, in turns.
async fn round_trips(
    what: &str,
    placed: Placed,
    plugin: impl Fn() -> Arc<Plugin>,
    raw: impl Fn() -> Raw,
    at_most: f64,
) {
    let (mut ours, mut bare, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        let (plugin, mut raw) = (plugin(), raw());
        model(&plugin).await;
        for _ in 0..BATCHES / PROCESSES {
            let mut batch = Vec::with_capacity(PINGS);
            for _ in 0..PINGS {
                batch.push(micros(plugin.ping().await.unwrap()));
            }
            all.extend_from_slice(&batch);
            ours.push(median(batch));
            bare.push(median((0..PINGS).map(|number| micros(raw.ping(number))).collect()));
        }
    }
    let (ours, bare) = (median(ours), median(bare));
    all.sort_by(f64::total_cmp);
    let (place, is_beyond) = match placed {
        Placed::OneCore => ("on one core", false),
        Placed::AsScheduled => ("as scheduled", bare > at_most),
    };
    let judged = if is_beyond {
        format!("{ours:.1} us, at most {at_most} us: beyond it here, as the raw pipe is")
    } else {
        Limit::AtMost(at_most).judge(ours, "us")
    };
    println!(
        "{what}: round trip {place} p50 {judged}; raw pipe in the same run {bare:.1} us, ratio {:.2}; p99 {:.1} us",
        ours / bare,
        all[all.len() * 99 / 100]
    );
}

/// Streamed events of ours, and lines of the raw pipe, in turns.
async fn events(what: &str, plugin: &Arc<Plugin>, mut raw: Option<Raw>, at_least: f64) {
    let model = model(plugin).await;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..EVENT_BATCHES {
        let begun = Instant::now();
        let mut stream = model.stream(Request::ask(format!("say {EVENTS}")).into(), Context::default());
        let mut seen = 0;
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            seen += usize::from(matches!(event.unwrap(), Event::PartDelta { delta: Delta::Text(_), .. }));
        }
        assert_eq!(seen, EVENTS, "each word is an event");
        ours.push(seen as f64 / begun.elapsed().as_secs_f64());
        bare.extend(raw.as_mut().map(Raw::events));
    }
    let ours = median(ours);
    let floor = if bare.is_empty() {
        String::new()
    } else {
        let bare = median(bare);
        format!("; raw lines in the same run {bare:.0}/s, ratio {:.2}", ours / bare)
    };
    println!("{what}: streamed events {}{floor}", Limit::AtLeast(at_least).judge(ours, "/s"));
}

/// The same pipe without any of our code on this side.
struct Raw {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    line: String,
}

impl Raw {
    fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        Self { to: child.stdin.take(), from, child, line: String::new() }
    }

    /// One write, as ours are.
    fn ask(&mut self, mut text: String) {
        text.push('\n');
        self.to.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn read(&mut self) -> &str {
        self.line.clear();
        assert_ne!(self.from.read_line(&mut self.line).unwrap(), 0, "the raw process ended");
        &self.line
    }

    fn ping(&mut self, number: usize) -> Duration {
        let begun = Instant::now();
        self.ask(format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"ping"}}"#));
        self.read();
        begun.elapsed()
    }

    /// Lines of events in a second.
    fn events(&mut self) -> f64 {
        let begun = Instant::now();
        self.ask(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"generate","params":{{"count":{EVENTS}}}}}"#));
        let mut lines = 0u32;
        while !self.read().contains("\"result\"") {
            lines += 1;
        }
        f64::from(lines) / begun.elapsed().as_secs_f64()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.to = None; // it ends with its input
        let _ = self.child.wait();
    }
}

/// A drop-in's first word in a fresh process, in turns with starting the interpreter alone.
async fn first_word(place: &Path) {
    let plugin = open(place).find("tokens").unwrap();
    model(&plugin).await;
    let interpreter = python(place);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
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
        ours.push(millis(begun.elapsed()));
        let begun = Instant::now();
        Command::new(&interpreter).args(["-I", "-c", "pass"]).status().unwrap();
        bare.push(millis(begun.elapsed()));
    }
    let (ours, bare) = (median(ours), median(bare));
    println!(
        "drop-in, first word from nothing {ours:.1} ms, python -c pass {bare:.1} ms; beyond it {}",
        Limit::AtMost(60.0).judge((ours - bare).max(0.0), "ms")
    );
}

/// How soon a saved file's row changes, and how soon it is ready.
async fn saved(place: &Path) {
    let plugins = open(place);
    plugins.check_all().await;
    let _watching = plugins.watch();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut changed, mut ready) = (Vec::new(), Vec::new());
    for number in 0..BATCHES {
        let before = fingerprint(&plugins);
        let mut changes = plugins.changes();
        changes.mark_unchanged();
        std::fs::write(place.join("plugins/tokens.py"), format!("{TOKENS}# {number}\n")).unwrap();
        let begun = Instant::now();
        changes.changed().await.unwrap();
        changed.push(millis(begun.elapsed()));
        while fingerprint(&plugins) == before {
            changes.changed().await.unwrap();
        }
        ready.push(millis(begun.elapsed()));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    println!(
        "a saved file: its row changes in {}; it is ready in {}",
        Limit::AtMost(120.0).judge(median(changed), "ms"),
        Limit::AtMost(250.0).judge(median(ready), "ms")
    );
}

/// Of the version that answers.
fn fingerprint(plugins: &Plugins) -> String {
    plugins.find("tokens").unwrap().found().fingerprint.clone()
}
