//! What a plugin says of what went wrong, by whichever way it says it, holds no key that it was given.
#![cfg(unix)]
use super::support::{Place, ask, closed, has_python, heard, live, model};
use consort_core::{CloseReason, Context, SessionEvent, SessionInput, Tool};
use consort_plugins::{Plugins, examine};
use serde_json::json;

const KEY: &str = "sk-super-secret-99";

/// Says its key in each of the ways in which it can fail, and in words that are no failure.
const SPILLS: &str = r#"# /// llm-plugin
# protocol = 1
# ///
import json, os, sys

KEY = os.environ.get("SPILL_API_KEY", "none")
FAILURE = {"code": -32020, "message": "401 for " + KEY,
           "data": {"kind": "auth", "at": KEY, "help": "not " + KEY, "code": KEY, "requestId": KEY}}
EVENTS = {
    "warn": [{"type": "warning", "message": "beware of " + KEY}],
    "kind": [{"type": KEY}],
    "fail": [],
    "odd": [],
    "say": [{"type": "text", "text": "I am " + KEY}],
}
TOLD = {
    "warn": [{"type": "warning", "message": "beware of " + KEY}],
    "fail": [{"type": "error", "error": FAILURE}],
    "again": [{"type": "reconnecting", "reason": "away: " + KEY}],
    "odd": [{"type": "transcript", "role": KEY}],
    "path": [{"type": "audio", "item": "i", "path": "/" + KEY, "rate": 24000}],
    "say": [{"type": "text", "item": "i", "text": "I am " + KEY}],
    "end": [{"type": "closed", "reason": "bye, " + KEY}],
    "break": [{"type": "closed", "reason": "error", "error": FAILURE}],
}

def send(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()

def event(method, of, events):
    send(method=method, params={**of, "events": events})

for line in sys.stdin:
    m = json.loads(line)
    i, method, p = m.get("id"), m.get("method"), m.get("params") or {}
    if method == "initialize":
        send(id=i, result={"protocolVersion": 1, "capabilities": {"generate": True, "realtime": True, "tools": True}})
    elif method == "models/list":
        send(id=i, result={"models": [{"id": "m"}, {"id": "spill", "kind": "realtime"}]})
    elif method == "tools/list":
        send(id=i, result={"tools": [{"name": "lookup"}, {"name": "fail"}]})
    elif method == "tools/call" and p["name"] == "fail":
        send(id=i, error=FAILURE)
    elif method == "tools/call":
        send(id=i, result={"content": [{"type": "text", "text": "no such " + KEY}], "isError": True})
    elif method == "generate":
        word = p["messages"][-1]["content"][0]["text"]
        event("generate/event", {"request": i}, EVENTS.get(word, [{"type": "text", "text": "here"}]))
        if word == "fail":
            send(id=i, error=FAILURE)
        else:
            send(id=i, result={"finishReason": "stop", **({"usage": KEY} if word == "odd" else {})})
    elif method == "realtime/open" and p.get("system") == "no":
        send(id=i, error=FAILURE)
    elif method == "realtime/open":
        send(id=i, result={"session": "rt1"})
    elif method == "realtime/input":
        for each in p["inputs"]:
            said = TOLD.get(each["text"], TOLD["warn"] + TOLD["fail"] + TOLD["break"])
            event("realtime/event", {"session": "rt1"}, said)
    elif method == "realtime/close":
        event("realtime/event", {"session": "rt1"}, [{"type": "closed", "reason": "asked for"}])
        send(id=i, result={})
    elif i is not None:
        send(id=i, result={})
"#;

/// A place with this plugin, which was granted its variable.
fn spills() -> Option<(Place, Plugins)> {
    if !has_python() {
        return None;
    }
    let place = Place::new();
    place.plugin("spill.py", SPILLS);
    let variable = [("SPILL_API_KEY", KEY)];
    let plugins = place.open_with(&variable);
    plugins.allowed().grant(plugins.find("spill").unwrap().found(), "SPILL_API_KEY").unwrap();
    let plugins = place.open_with(&variable);
    Some((place, plugins))
}

fn is_masked(told: &impl std::fmt::Debug) {
    let told = format!("{told:?}");
    assert!(!told.contains(KEY) && told.contains("***"), "{told}");
}

#[tokio::test]
async fn of_a_request() {
    let Some((_place, plugins)) = spills() else { return };
    let model = model(&plugins.find("spill").unwrap()).await.unwrap();
    for word in ["warn", "kind"] {
        is_masked(&ask(&model, word).await.answer.warnings);
    }
    for word in ["fail", "odd"] {
        is_masked(&ask(&model, word).await.error.unwrap());
    }
    // What a model says is its own affair.
    assert_eq!(ask(&model, "say").await.answer.text(), format!("I am {KEY}"));
}

#[tokio::test]
async fn of_a_session() {
    let Some((_place, plugins)) = spills() else { return };
    let mut session = live(&plugins, "spill").await;
    let told = [
        ("warn", "warning"),
        ("fail", "error"),
        ("again", "reconnecting"),
        ("odd", "warning"),
        ("path", "warning"),
    ];
    for (word, kind) in told {
        session.sink.push(SessionInput::text(word)).unwrap();
        is_masked(&heard(&mut session, kind).await.last());
    }
    session.sink.push(SessionInput::text("say")).unwrap();
    let said = heard(&mut session, "text").await.pop();
    assert!(matches!(&said, Some(SessionEvent::Text { text, .. }) if text.contains(KEY)), "{said:?}");
    session.sink.push(SessionInput::text("end")).unwrap();
    assert_eq!(closed(&mut session).await, CloseReason::Ended { message: "bye, ***".into() });
    let mut session = live(&plugins, "spill").await;
    session.sink.push(SessionInput::text("break")).unwrap();
    is_masked(&closed(&mut session).await);
}

#[tokio::test]
async fn of_a_tool() {
    let Some((_place, plugins)) = spills() else { return };
    let plugin = plugins.find("spill").unwrap();
    for tool in plugin.tools().await.unwrap().tools {
        match tool.call(json!({}), Context::default()).await {
            Ok(output) => is_masked(&output),
            Err(error) => is_masked(&error),
        }
    }
}

#[tokio::test]
async fn of_the_contract_test() {
    let Some((_place, plugins)) = spills() else { return };
    is_masked(&examine(&plugins.find("spill").unwrap(), "hello").await);
}
