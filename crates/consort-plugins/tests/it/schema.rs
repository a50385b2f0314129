//! Both sides of the protocol keep to its JSON Schema: the real host and real plugins, with a listener between them.
#![cfg(unix)]
use super::support::{Place, ask, drop_in, has_python, model};
use consort_core::{Context, Request};
use consort_plugin::testing::Transcript;
use consort_plugins::{Level, examine};
use std::future::poll_fn;
use std::path::PathBuf;

/// Starts what its arguments say, hands lines on in both directions, and writes each into a file.
const LISTENER: &str = r#"
import json, subprocess, sys, threading
log, config, command = open(sys.argv[1], "a", encoding="utf-8"), sys.argv[2], sys.argv[3:]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
lock = threading.Lock()

def note(side, line):
    with lock:
        log.write(side + line.decode())
        log.flush()

def back():
    for line in child.stdout:
        note("<", line)
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

threading.Thread(target=back, daemon=True).start()
for line in sys.stdin.buffer:
    message = json.loads(line)
    if message.get("method") == "initialize" and config != "{}":
        message["params"]["config"] = json.loads(config)
        line = json.dumps(message).encode() + b"\n"
    note(">", line)
    child.stdin.write(line)
    child.stdin.flush()
child.stdin.close()
child.wait()
"#;

struct Listened {
    place: Place,
    log: PathBuf,
}

impl Listened {
    fn to(command: &[String], config: &str) -> Self {
        let place = Place::new();
        std::fs::write(place.path("listener.py"), LISTENER).unwrap();
        let log = place.path("log.txt");
        let fixed = [
            "python3".to_owned(),
            place.path("listener.py").display().to_string(),
            log.display().to_string(),
            config.to_owned(),
        ];
        let run: Vec<&String> = fixed.iter().chain(command).collect();
        place.plugin(
            "wire.toml",
            &format!("protocol = 1\nsecrets = ['acme']\nrun = {}\n", serde_json::to_string(&run).unwrap()),
        );
        Self { place, log }
    }

    /// All lines are what the schema says, and every request was answered but those of the end.
    fn judge(&self) {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let mut both = Transcript::default();
        let mut lines = 0;
        for line in text.lines() {
            let (side, line) = line.split_at(1);
            let judged = if side == ">" { both.from_host(line) } else { both.from_plugin(line) };
            judged.unwrap_or_else(|wrong| panic!("{side} {wrong}\n{line}"));
            lines += 1;
        }
        assert!(lines > 10, "{text}");
    }
}

#[tokio::test]
async fn the_python_worker_and_the_host_keep_to_the_schema() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("parrot.py", &drop_in("for word in user_message.split():\n    yield word + ' '"));
    // A first run places the worker's files.
    place.open().check_all().await;
    let worker = std::fs::read_dir(place.path("data/plugin-state/worker")).unwrap().flatten().next().unwrap();
    let main = worker.path().join("consort_worker/__main__.py");
    let config =
        serde_json::json!({"dialect": "drop_in", "file": place.path("plugins/parrot.py"), "init": {}});
    let command = ["python3".to_owned(), "-I".into(), main.display().to_string()];
    let listened = Listened::to(&command, &config.to_string());
    talk(&listened).await;
    listened.judge();
}

#[tokio::test]
async fn a_plugin_in_rust_and_the_host_keep_to_the_schema() {
    let examples = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
    let parrot = examples.join("parrot");
    if !has_python() || !parrot.exists() {
        eprintln!("skipped: no python3, or no example (cargo build --examples -p consort-plugin)");
        return;
    }
    let listened = Listened::to(&[parrot.display().to_string()], "{}");
    talk(&listened).await;
    listened.judge();
}

/// Everything that a host says: start, list, ask, count, stop, look at itself, end.
async fn talk(listened: &Listened) {
    let plugins = listened.place.open();
    let plugin = plugins.find("wire").unwrap();
    let model = model(&plugin).await.unwrap_or_else(|error| panic!("{error} {:?}", plugin.log().lines()));
    assert!(!ask(&model, "one two three").await.answer.text().is_empty());
    model.count_tokens(&Request::ask("one two"), Context::default()).await.unwrap();
    let mut stream = model.stream(Request::ask("a b c d").into(), Context::default());
    poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    drop(stream);
    let findings = examine(&plugin, "hello there").await;
    assert!(findings.iter().all(|finding| finding.level != Level::Error), "{findings:?}");
    assert!(ask(&model, "at last").await.error.is_none());
    plugins.stop();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
}
