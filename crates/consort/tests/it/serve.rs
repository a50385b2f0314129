//! `consort serve`, called as the page calls it.
use super::support::Place;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

/// A server that ends with its test.
struct Served {
    child: Child,
    address: String,
    token: Option<String>,
}

impl Served {
    fn start(place: &Place, args: &[&str]) -> Self {
        Self::start_with(place, args, &[])
    }

    fn start_with(place: &Place, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = place.command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        let mut child = command.envs(env.iter().copied()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let told = line.trim().strip_prefix("Consort is at ").and_then(|url| url.split_once("://"));
        let (scheme, address) = told.unwrap_or_else(|| panic!("{line}"));
        assert_eq!(scheme == "https", args.contains(&"--tls-cert"), "{line}");
        let (address, query) = address.split_once('/').unwrap();
        let token = query.strip_prefix("?token=").map(str::to_owned);
        Self { child, address: address.to_owned(), token }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.answer(method, path, "", body);
        // A short answer comes with its length.
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap())
            .unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// What a call with these lines in its head is answered, head and body.
    fn answer(&self, method: &str, path: &str, lines: &str, body: &Value) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, body) = (&self.address, body.to_string());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             {lines}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends one message over a live socket, which is given back: it stays open.
    fn live(&self, message: &Value) -> TcpStream {
        self.socket("/api/live", message)
    }

    fn socket(&self, path: &str, message: &Value) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let upgrade = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.address
        );
        stream.write_all(upgrade.as_bytes()).unwrap();
        stream.write_all(&frame(message)).unwrap();
        stream
    }
}

/// A whole text, of a length in two bytes, under a mask that changes nothing.
fn frame(message: &Value) -> Vec<u8> {
    let text = message.to_string();
    let mut frame = vec![0x81, 0xfe];
    frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn behind_a_name_a_token_is_asked_for_on_loopback_too() {
    let place = Place::new();
    let served = Served::start(&place, &["--host", "chat.example"]);
    let body = json!({"value": "sk-theirs"});
    let refused = served.answer("PUT", "/api/keys/acme", "", &body);
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let token = served.token.as_ref().expect("a token in the address");
    let known = format!("authorization: Bearer {token}\r\n");
    let taken = served.answer("PUT", "/api/keys/acme", &known, &body);
    assert!(taken.starts_with("HTTP/1.1 204"), "{taken}");
    let alone = Served::start(&place, &[]);
    assert_eq!(alone.token, None);
    assert!(alone.call("GET", "/api/keys", &Value::Null)["rows"].is_array());
}

#[test]
fn what_a_route_spent_of_its_budget_is_shown() {
    let place = Place::new();
    place.file(
        "home/consort.toml",
        "[routes.thrifty]\ntargets = [\"demo/text\"]\n\
         budgets = [{ per = \"model\", period = \"day\", hard = 2 }, { per = \"all\", period = \"month\", soft = 1 }]\n\
         [routes.free]\ntargets = [\"demo/text\"]\n",
    );
    let rows = Served::start(&place, &["--no-log"]).call("GET", "/api/routes", &Value::Null)["rows"].clone();
    let of =
        |id: &str| rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()["budget"].clone();
    let budget = of("route/thrifty");
    assert_eq!((&budget["spent"], &budget["limit"]), (&json!(0), &json!(1_000_000_000)), "{rows}");
    let day = 86_400_000;
    assert!(budget["resets"].as_u64().is_some_and(|at| at % day == 0), "{budget}");
    assert_eq!(of("route/free"), Value::Null);
}

#[test]
fn what_keeps_nothing_needs_no_database() {
    let place = Place::new();
    place.file(
        "home/consort.toml",
        "[models.\"demo/text\".options]\ndelay_ms = 0\n[routes.thrifty]\ntargets = [\"demo/text\"]\n\
         budgets = [{ per = \"all\", period = \"day\", hard = 1 }]\n",
    );
    place.file("home/data/conversations.db", "this is no database at all");
    let served = Served::start(&place, &["--no-log"]);
    let made = served.call("POST", "/api/conversations", &json!({"model": "route/thrifty"}));
    let id = made["id"].as_str().unwrap();
    let parts = json!([{"type": "text", "text": "hello"}]);
    let _live = served.live(&json!({
        "type": "start", "id": 1, "conversation": id, "key": "once", "parent": null,
        "user": {"parts": parts}, "models": ["route/thrifty"], "about": "x".repeat(100),
    }));
    let begun = Instant::now();
    let ended = loop {
        let now = served.call("GET", &format!("/api/conversations/{id}"), &Value::Null).to_string();
        if now.contains("\"complete\"") && now.contains("demo/text") || now.contains("\"failed\"") {
            break now;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{now}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(!ended.contains("\"failed\"") && !ended.contains("no database"), "{ended}");
}

/// A plugin's models stay where they are while it is looked at under other grants and keys.
#[cfg(unix)]
#[test]
fn models_stay_while_grants_and_keys_change() {
    let place = Place::new();
    let text = include_str!("plugins/samples/shell.sh")
        .replace(
            r#"{"id":"shell","#,
            r#"{"id":"keyed","aliases":["my-keyed"],"needs":{"secrets":["hosted"]}},{"id":"shell","#,
        )
        .replace(r#"*'"method":"models/list"'*) "#, r#"*'"method":"models/list"'*) sleep 1; "#);
    let file = place.file("home/data/plugins/slow.sh", text);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let served = Served::start(&place, &[]);
    let ids = || {
        let rows = served.call("GET", "/api/models", &Value::Null)["rows"].clone();
        let ids = rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        ids.filter(|id| id.starts_with("slow")).collect::<Vec<_>>()
    };
    let wanted = ["slow/keyed", "slow/shell"];
    let begun = Instant::now();
    while ids() != wanted {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", ids());
        std::thread::sleep(Duration::from_millis(50));
    }
    let changes = [
        ("PUT", "/api/plugins/slow/grants", json!({"keys": ["hosted"]})),
        ("PUT", "/api/keys/hosted", json!({"value": "sk-hosted-1"})),
        ("DELETE", "/api/keys/hosted", Value::Null),
        ("PUT", "/api/plugins/slow/grants", json!({"keys": []})),
    ];
    for (method, path, body) in changes {
        let done = served.answer(method, path, "", &body);
        assert!(done.starts_with("HTTP/1.1 2"), "{method} {path}: {done}");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1800) {
            assert_eq!(ids(), wanted, "after {method} {path} {body}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A list that comes late is in the rows by itself; what it holds can be asked, and is not where its key is missing.
#[cfg(unix)]
#[test]
fn a_list_that_comes_late_is_seen_and_a_model_without_its_key_is_not_asked() {
    let place = Place::new();
    let list = r#"'"models":[{"id":"shell","capabilities":{"input":["text"],"stream":true}}]'"#;
    let late = r#"'"models":[]'
    n=$((n+1))
    if [ $n = 1 ]; then
      (sleep 1; echo '{"jsonrpc":"2.0","method":"models/changed"}') &
    else
      result='"models":[{"id":"shell"},{"id":"keyed","needs":{"secrets":["hosted"]}}]'
    fi"#;
    let text = include_str!("plugins/samples/shell.sh");
    assert!(text.contains(list));
    let file = place.file("home/data/plugins/late.sh", text.replace(list, late));
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let served = Served::start(&place, &[]);
    let begun = Instant::now();
    loop {
        let rows = served.call("GET", "/api/models", &Value::Null).to_string();
        if rows.contains("late/keyed") && rows.contains("late/shell") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{rows}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let start = |model: &str| {
        let made = served.call("POST", "/api/conversations", &json!({"model": model}));
        let live = served.live(&json!({
            "type": "start", "id": 1, "conversation": made["id"], "key": model, "parent": null,
            "user": {"parts": [{"type": "text", "text": "hello"}]}, "models": [model], "about": "x".repeat(100),
        }));
        live.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (live, format!("/api/conversations/{}", made["id"].as_str().unwrap()))
    };
    let (_live, conversation) = start("late/shell");
    let begun = Instant::now();
    loop {
        let now = served.call("GET", &conversation, &Value::Null).to_string();
        if now.contains("from a shell") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{now}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut live, conversation) = start("late/keyed");
    let (mut said, mut piece) = (String::new(), [0; 4096]);
    while !said.contains("consort plugins grant late hosted") {
        let read = live.read(&mut piece).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert!(read > 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    let now = served.call("GET", &conversation, &Value::Null).to_string();
    assert!(!now.contains("from a shell"), "{now}");
}

/// An answer without end ends, and neither it nor what is kept of it takes the host's memory.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_without_end_is_ended_and_the_host_stays_small() {
    let place = Place::new();
    place.file(
        "home/data/plugins/endless.py",
        "from llm_utils import LLMClient\n\n\nclass Endless(LLMClient):\n    \
         def generate_response(self, system, user_message, max_tokens, temperature):\n        \
         while True:\n            yield 'z' * 10000\n",
    );
    let Some(python) = super::plugins::python_here() else { return };
    let served = Served::start_with(&place, &[], &[("CONSORT_PYTHON", python)]);
    let made = served.call("POST", "/api/conversations", &json!({"model": "endless"}));
    let id = made["id"].as_str().unwrap();
    let parts = json!([{"type": "text", "text": "hello"}]);
    let _live = served.live(&json!({
        "type": "start", "id": 1, "conversation": id, "key": "once", "parent": null,
        "user": {"parts": parts}, "models": ["endless"], "about": "x".repeat(100),
    }));
    let status = format!("/proc/{}/status", served.child.id());
    let begun = Instant::now();
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let list = served.call("GET", "/api/conversations", &Value::Null).to_string();
        if begun.elapsed() > Duration::from_secs(3) && !list.contains("\"running\":true") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "{list}");
    }
    let peak = std::fs::read_to_string(status).unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    eprintln!("peak {} MiB after {:?}", peak >> 10, begun.elapsed());
    assert!(peak >> 10 < 900, "{} MiB", peak >> 10);
    let now = served.call("GET", &format!("/api/conversations/{id}"), &Value::Null).to_string();
    assert!(now.contains("longer than 24 MiB"), "{}", now.len());
    // The list of plugins says what went wrong last.
    let plugins = served.call("GET", "/api/plugins", &Value::Null);
    let failed = plugins["rows"][0]["failed"].as_str().unwrap_or_default();
    assert!(failed.contains("longer than 24 MiB"), "{plugins}");
}

/// A toolbox keeps its state for as long as its conversation is open, and each conversation has one of its own.
#[test]
fn a_toolbox_is_opened_once_for_a_conversation() {
    let Some(python) = super::plugins::python_here() else { return };
    let place = Place::new();
    place.file("home/data/plugins/notes.py", include_str!("plugins/samples/notes.py"));
    let served = Served::start_with(&place, &["--no-log"], &[("CONSORT_PYTHON", python)]);
    let begun = Instant::now();
    let names = loop {
        let tools = served.call("GET", "/api/tools", &Value::Null)["rows"].clone();
        let names: Vec<Value> = tools.as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
        if names.len() > 1 || begun.elapsed() > Duration::from_secs(20) {
            break names;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(
        names,
        ["time", "Notes_add", "Notes_end"],
        "one that must be given something first is not offered"
    );
    let settings = json!({"tools": ["Notes_add", "Notes_end"], "allowed": ["Notes_add", "Notes_end"]});
    let made = || {
        let made = served.call("POST", "/api/conversations", &json!({"model": "demo", "settings": settings}));
        made["id"].as_str().unwrap().to_owned()
    };
    let mut key = 0;
    let mut asks = |id: &str, tool: &str| {
        key += 1;
        let path = format!("/api/conversations/{id}");
        let head = served.call("GET", &path, &Value::Null)["conversation"]["head"].clone();
        let parts = json!([{"type": "text", "text": format!("/tool {tool} {{}}")}]);
        let _live = served.live(&json!({
            "type": "start", "id": 1, "conversation": id, "key": format!("key {key}"), "parent": head,
            "user": {"parts": parts}, "models": ["demo"], "about": "x".repeat(100),
        }));
        let begun = Instant::now();
        loop {
            let now = served.call("GET", &path, &Value::Null);
            let last = now["turns"].as_array().and_then(|turns| turns.last()).cloned().unwrap_or_default();
            // The call of the tool is an answer of its own, before the one in words.
            let is_new = now["conversation"]["head"] != head && last["parts"][0]["type"] == "text";
            if is_new && last["role"] == "assistant" && last["status"] != "running" {
                break last["parts"].to_string();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{now}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let (one, other) = (made(), made());
    for (conversation, notes) in [(&one, 1), (&one, 2), (&other, 1), (&one, 3), (&other, 2)] {
        let answer = asks(conversation, "Notes_add");
        assert!(answer.contains(&format!("{notes} notes")), "{notes}: {answer}");
    }
    // Its process ends: the next question opens it anew.
    asks(&other, "Notes_end");
    let answer = asks(&one, "Notes_add");
    assert!(answer.contains("1 notes"), "{answer}");
}

#[test]
#[cfg(unix)]
fn a_server_that_is_ended_tells_its_live_sessions_and_waits_for_them() {
    let place = Place::new();
    let mut served = Served::start(&place, &["--no-log"]);
    let path = "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent";
    let setup = json!({"setup": {"model": "models/demo/live", "systemInstruction": {"parts": [{"text": "x".repeat(99)}]}}});
    let mut stream = served.socket(path, &setup);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut seen = Vec::new();
    let mut piece = [0; 1024];
    while !String::from_utf8_lossy(&seen).contains("setupComplete") {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend(&piece[..read]);
    }
    let pid = served.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    // Up to the end, which is one: a program that only dies cuts the connection.
    stream.read_to_end(&mut seen).unwrap();
    assert!(String::from_utf8_lossy(&seen).contains(r#"{"goAway":{"timeLeft":"5s"}}"#));
    let close = [&[0x88, 17, 0x03, 0xe9][..], b"the server ends"].concat();
    assert!(seen.ends_with(&close), "{}", String::from_utf8_lossy(&seen));
    assert!(served.child.wait().unwrap().success());
}

#[test]
fn with_a_certificate_it_speaks_tls() {
    let place = Place::new();
    consort_testkit::certificate(&place.path(""), "localhost").unwrap();
    let file = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let served = Served::start(&place, &["--no-log", "--tls-cert", &cert, "--tls-key", &key]);
    let port = served.address.rsplit(':').next().unwrap();
    // Its own live client goes there, and looks at what the server proves.
    let talk = |authority: &str| {
        let base = format!("https://localhost:{port}/v1");
        let env =
            [("OPENAI_BASE_URL", base.as_str()), ("OPENAI_API_KEY", "any"), ("SSL_CERT_FILE", authority)];
        place.run_with(&env, &["talk", "openai/demo/live", "--text", "hello"])
    };
    let run = talk(&file("ca.pem"));
    assert!(run.code == 0 && run.stdout.contains("You said: hello"), "{run}");
    // Whoever speaks no TLS there is told nothing, and holds up nobody.
    let mut plain = TcpStream::connect(&served.address).unwrap();
    plain.write_all(b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let _silent = TcpStream::connect(&served.address).unwrap();
    assert_eq!(talk(&file("ca.pem")).code, 0);
    let wrong = place.run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", &key, "--tls-key", &key]);
    assert!(wrong.code != 0 && wrong.stderr.contains("there is no certificate in it"), "{wrong}");
    let alone = place.run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert]);
    assert!(alone.code != 0 && alone.stderr.contains("--tls-key"), "{alone}");
}

#[test]
fn what_a_live_session_of_another_programs_client_warns_of_is_told_once() {
    let mut served = Served::start(&Place::new(), &[]);
    let voice = |name: &str| json!({"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": name}}}});
    let mut stream = served.socket("/v1/realtime?model=demo/live", &voice("nobody"));
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut come = String::new();
    for round in 1..=2 {
        stream.write_all(&frame(&json!({"type": "response.create"}))).unwrap();
        while come.matches("response.done").count() < round {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).unwrap();
            assert!(length > 0, "{come}");
            come += &String::from_utf8_lossy(&piece[..length]);
        }
        stream.write_all(&frame(&voice("nobody else"))).unwrap();
    }
    served.child.kill().unwrap();
    let mut told = String::new();
    served.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(told.matches("a served live session").count(), 1, "{told}");
}
