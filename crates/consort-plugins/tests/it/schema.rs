//! Both sides of the protocol keep to its JSON Schema: the real host and real plugins, with a listener between them.
#![cfg(unix)]
use super::support::{Place, ask, drop_in, has_python, model};
use consort_core::{Context, Request};
use consort_plugin::testing::Transcript;
use consort_plugins::{Level, examine};
use std::future::poll_fn;
use std::io::{BufRead, Write};
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

const BRUNO: &str = "from bruno_core.interfaces import LLMInterface\nclass A(LLMInterface):\n    async def stream(self, \
    messages, **kwargs):\n        for word in messages[-1].content.split():\n            yield word + ' '\n";

const VISION: &str = "from vision_agents.core.llm.llm import LLM, LLMResponseDelta, LLMResponseFinal\nclass A(LLM):\n    \
    async def simple_response(self, text, participant=None):\n        for word in text.split():\n            yield \
    LLMResponseDelta(word + ' ')\n        yield LLMResponseFinal('', input_tokens=1)\n";

const LIVE: &str = "from vision_agents.core.llm import realtime\nclass A(realtime.Realtime):\n    async def \
    simple_audio_response(self, pcm):\n        self._emit_user_speech_started()\n        \
    self._emit_audio_output_event(pcm.to_bytes(), pcm.sample_rate)\n        self._emit_audio_output_done_event()\n        \
    self._emit_agent_speech_transcription('hi')\n        self._emit_error_event(ValueError('x'))\n    async def \
    simple_response(self, text): self._emit_response_event(text=text)\n";

/// The worker's front door, once it is placed.
async fn worker_of(place: &Place) -> String {
    place.plugin("parrot.py", &drop_in("for word in user_message.split():\n    yield word + ' '"));
    // A first run places the worker's files.
    place.open().check_all().await;
    let worker = std::fs::read_dir(place.path("data/plugin-state/worker")).unwrap().flatten().next().unwrap();
    worker.path().join("consort_worker/__main__.py").display().to_string()
}

#[tokio::test]
async fn the_python_worker_and_the_host_keep_to_the_schema() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let main = worker_of(&place).await;
    place.plugin("brave.py", BRUNO);
    place.plugin("seer.py", VISION);
    for (dialect, file) in [("drop_in", "parrot.py"), ("bruno", "brave.py"), ("vision", "seer.py")] {
        let file = place.path(&format!("plugins/{file}"));
        let config = serde_json::json!({"dialect": dialect, "file": file, "init": {}});
        let listened = Listened::to(&["python3".to_owned(), "-I".into(), main.clone()], &config.to_string());
        talk(&listened).await;
        listened.judge();
    }
}

#[tokio::test]
async fn a_live_session_with_the_python_worker_keeps_to_the_schema() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let main = worker_of(&place).await;
    place.plugin("live.py", LIVE);
    let file = place.path("plugins/live.py");
    let mut worker = std::process::Command::new("python3")
        .args(["-I", &main])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (mut into, out) = (worker.stdin.take().unwrap(), worker.stdout.take().unwrap());
    let (mut lines, mut both) = (std::io::BufReader::new(out).lines(), Transcript::default());
    let config = serde_json::json!({"dialect": "vision", "file": file, "init": {}});
    let about = serde_json::json!({"protocolVersion": 1, "host": {"name": "t", "version": "0"}, "capabilities": {},
        "limits": {"maxMessageBytes": 8_388_608}, "dataDir": place.path("state"), "config": config});
    let mut say = |both: &mut Transcript, message: serde_json::Value| {
        let line = message.to_string();
        both.from_host(&line).unwrap();
        writeln!(into, "{line}").unwrap();
    };
    say(&mut both, serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}));
    let open = serde_json::json!({"model": "live", "system": "s", "inputRate": 24000, "tools": [], "meta": {"raw": true}});
    let mut seen = Vec::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        both.from_plugin(&line).unwrap_or_else(|wrong| panic!("{wrong}\n{line}"));
        let message: serde_json::Value = serde_json::from_str(&line).unwrap();
        let events = message["params"]["events"].as_array().cloned().unwrap_or_default();
        let kinds = events.iter().map(|event| event["type"].as_str().unwrap().to_owned());
        seen.extend(kinds.filter(|kind| kind != "raw"));
        if message["id"] == 1 {
            say(&mut both, serde_json::json!({"jsonrpc": "2.0", "id": 2, "method": "models/list"}));
        } else if message["id"] == 2 {
            say(
                &mut both,
                serde_json::json!({"jsonrpc": "2.0", "id": 3, "method": "realtime/open", "params": open}),
            );
        } else if message["id"] == 3 {
            let inputs = serde_json::json!([{"type": "audio", "data": "AAAA", "rate": 16000, "channels": 1},
                {"type": "interrupt", "heardMs": 5}, {"type": "commit"}, {"type": "text", "text": "hi"}]);
            let params = serde_json::json!({"session": message["result"]["session"], "inputs": inputs});
            say(
                &mut both,
                serde_json::json!({"jsonrpc": "2.0", "method": "realtime/input", "params": params}),
            );
        } else if seen.len() == 7 && !seen.contains(&"asked to close".to_owned()) {
            let params = serde_json::json!({"session": message["params"]["session"]});
            say(
                &mut both,
                serde_json::json!({"jsonrpc": "2.0", "id": 4, "method": "realtime/close", "params": params}),
            );
            seen.push("asked to close".to_owned());
        } else if message["id"] == 4 {
            break;
        }
    }
    drop(into);
    worker.wait().unwrap();
    // Words are answered at once, whatever is heard meanwhile.
    seen.sort();
    let wanted = "asked to close,audio,audio_done,closed,error,speech_started,text,transcript,turn_done";
    assert_eq!(seen.join(","), wanted);
    assert!(both.unanswered().is_empty());
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
