//! A small MCP server over stdio that misbehaves on request, for the tests of this crate.
//!
//! Words on its command line say how it is from the start (`banner`, `tools=1000`, `pages`, `twice`, ...); its tools
//! misbehave one at a time.
#![allow(
    clippy::unwrap_used,
    clippy::exit,
    clippy::print_stderr,
    clippy::zombie_processes,
    reason = "it is here to misbehave"
)]
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
struct Server {
    words: Arc<[String]>,
    /// Names that were added by `change`.
    later: Arc<Mutex<Vec<String>>>,
    cancelled: Arc<Mutex<Vec<Value>>>,
    answers: Sender<Value>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|known| known == word);
    if has("die") {
        eprintln!("no such luck");
        std::process::exit(3);
    }
    if has("banner") {
        print_line("Welcome to the odd server!");
        print_line("");
        print_line("{\"not\": \"a message\"}");
    }
    let (answers, answered) = channel();
    let answered = Arc::new(Mutex::new(answered));
    let server = Server { words: words.into(), later: Arc::default(), cancelled: Arc::default(), answers };
    for line in std::io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line.unwrap()) else { continue };
        server.message(&message, &answered);
    }
    if server.has("stubborn") {
        std::thread::sleep(Duration::from_mins(10));
    }
}

impl Server {
    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    fn number(&self, word: &str) -> Option<usize> {
        self.words.iter().find_map(|known| known.strip_prefix(word)?.strip_prefix('=')?.parse().ok())
    }

    fn message(&self, message: &Value, answered: &Arc<Mutex<Receiver<Value>>>) {
        let id = message["id"].clone();
        match message["method"].as_str() {
            None => drop(self.answers.send(message.clone())),
            Some("initialize") => self.begin(&id, message),
            Some("ping") => answer(&id, json!({})),
            Some("tools/list") => self.list(&id, &message["params"]),
            Some("notifications/cancelled") => {
                self.cancelled.lock().unwrap().push(message["params"]["requestId"].clone());
            }
            Some("tools/call") if message["params"]["name"] == "freeze" => {
                std::thread::sleep(Duration::from_mins(10));
            }
            // One that does one thing after the other: meanwhile it hears nothing.
            Some("tools/call") if message["params"]["name"] == "alone" => {
                let text = message["params"]["arguments"]["text"].as_str().unwrap_or_default();
                std::thread::sleep(Duration::from_millis(text.parse().unwrap()));
                say(&id, "done");
            }
            Some("tools/call") => {
                let (server, params, answered) = (self.clone(), message["params"].clone(), answered.clone());
                std::thread::spawn(move || server.call(&id, &params, &answered));
            }
            Some(_) => {}
        }
    }

    fn begin(&self, id: &Value, message: &Value) {
        if self.has("mute") {
            return;
        }
        if self.has("confused") {
            return send(&json!({"jsonrpc": "2.0", "id": id, "result": ["what?"]}));
        }
        let version = message["params"]["protocolVersion"].clone();
        let tools = json!({"listChanged": true});
        let info = json!({"name": "odd", "version": "1.2"});
        answer(
            id,
            json!({"protocolVersion": version, "capabilities": {"tools": tools, "logging": {}}, "serverInfo": info}),
        );
    }

    fn list(&self, id: &Value, params: &Value) {
        let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
        let tool =
            |name: &str| json!({"name": name, "description": format!("Does {name}"), "inputSchema": schema});
        let mut names: Vec<String> = TOOLS.iter().map(|name| (*name).to_owned()).collect();
        if let Some(many) = self.number("tools") {
            names = (0..many).map(|number| format!("tool_{number}")).collect();
        }
        if self.has("twice") {
            names.push("echo".to_owned());
        }
        if self.has("alike") {
            names.extend(["a.b".to_owned(), "a/b".to_owned(), "n".repeat(90)]);
        }
        names.extend(self.later.lock().unwrap().iter().cloned());
        let from: usize = params["cursor"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        let most = if self.has("pages") { 7 } else { names.len() };
        let page: Vec<Value> = names.iter().skip(from).take(most).map(|name| tool(name)).collect();
        let mut result = json!({"tools": page});
        if self.has("endless") {
            result["nextCursor"] = "0".into();
        } else if from + most < names.len() {
            result["nextCursor"] = (from + most).to_string().into();
        }
        answer(id, result);
    }

    fn call(&self, id: &Value, params: &Value, answered: &Mutex<Receiver<Value>>) {
        let text = params["arguments"]["text"].as_str().unwrap_or_default();
        let number = text.parse::<u64>().unwrap_or(0);
        let token = &params["_meta"]["progressToken"];
        match params["name"].as_str().unwrap_or_default() {
            "echo" => say(id, text),
            "fail" => {
                answer(
                    id,
                    json!({"content": [{"type": "text", "text": "it did not work"}], "isError": true}),
                );
            }
            "refuse" => {
                let error = json!({"code": -32602, "message": format!("no such thing: {text}")});
                send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
            "die" => {
                eprintln!("I am dying: {text}");
                std::process::exit(7);
            }
            "hang" => std::thread::sleep(Duration::from_mins(10)),
            "garbage" => {
                send(&json!({"jsonrpc": "2.0", "id": id, "result": {"content": "no list"}, "error": 7}));
            }
            "odd_result" => answer(id, json!(["what?"])),
            "wrong_id" => {
                for wrong in [json!(99_999), json!("x"), json!(null)] {
                    say(&wrong, "not for you");
                }
                say(id, "right");
            }
            "long_line" => say(id, &"x".repeat(usize::try_from(number).unwrap())),
            "endless_line" => loop {
                write_all(&vec![b'x'; 65536]);
            },
            "flood" => loop {
                print_line("spam spam spam spam spam spam spam spam");
            },
            "notify" => loop {
                send(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
            },
            "pester" => {
                for number in 0_u64.. {
                    send(&json!({"jsonrpc": "2.0", "id": number, "method": "roots/list"}));
                }
            }
            "slowly" => {
                for step in 0..number {
                    std::thread::sleep(Duration::from_millis(100));
                    let params =
                        json!({"progressToken": token, "progress": step, "message": format!("step {step}")});
                    send(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}));
                }
                say(id, "done");
            }
            "cancelled" => {
                answer(id, json!({"content": [], "structuredContent": *self.cancelled.lock().unwrap()}));
            }
            "change" => {
                self.later.lock().unwrap().push(text.to_owned());
                send(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
                say(id, "changed");
            }
            "ask" => {
                let message = json!({"role": "user", "content": {"type": "text", "text": "hi"}});
                let params = json!({"messages": [message], "maxTokens": 5, "message": "hi",
                    "requestedSchema": {"type": "object", "properties": {}}});
                send(&json!({"jsonrpc": "2.0", "id": "mine", "method": text, "params": params}));
                say(id, &answered.lock().unwrap().recv().unwrap().to_string());
            }
            "variable" => say(id, &std::env::var(text).unwrap_or_else(|_| "(unset)".to_owned())),
            "complain" => {
                eprintln!("stderr: {text}");
                let params = json!({"level": "warning", "data": format!("logged: {text}")});
                send(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params}));
                std::thread::sleep(Duration::from_millis(100));
                say(id, "said");
            }
            "child" => {
                let child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
                say(id, &format!("{} {}", std::process::id(), child.id()));
            }
            _ => say(id, "no such tool"),
        }
    }
}

const TOOLS: [&str; 22] = [
    "echo",
    "fail",
    "refuse",
    "die",
    "hang",
    "freeze",
    "garbage",
    "odd_result",
    "wrong_id",
    "long_line",
    "endless_line",
    "flood",
    "notify",
    "pester",
    "slowly",
    "cancelled",
    "change",
    "ask",
    "variable",
    "complain",
    "child",
    "alone",
];

fn say(id: &Value, text: &str) {
    answer(id, json!({"content": [{"type": "text", "text": text}]}));
}

fn answer(id: &Value, result: Value) {
    send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
}

fn send(message: &Value) {
    print_line(&message.to_string());
}

fn print_line(line: &str) {
    write_all(format!("{line}\n").as_bytes());
}

/// Nobody reads any more: there is nothing left to do.
fn write_all(bytes: &[u8]) {
    let mut to = std::io::stdout().lock();
    if to.write_all(bytes).and_then(|()| to.flush()).is_err() {
        std::process::exit(0);
    }
}
