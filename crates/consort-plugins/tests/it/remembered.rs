//! What a plugin keeps in its host's memory: its own conversations, whatever it calls them, and no more than it may.
use crate::support::{Place, ask, has_python, model};
use consort_core::{BoxFuture, Error, ErrorKind, Keeps, Memory, Message, Model};
use consort_plugins::{Home, Plugins};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Asks its host for what the prompt says, `METHOD PARAMS`, and answers with what it was told.
const ASKER: &str = r#"# /// llm-plugin
# protocol = 1
# ///
import json, sys

def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()

waiting, offers = {}, {}
for line in sys.stdin:
    m = json.loads(line)
    i, method, p = m.get("id"), m.get("method"), m.get("params") or {}
    if method == "initialize":
        offers = p["capabilities"]
        send({"id": i, "result": {"protocolVersion": 1, "capabilities": {"generate": True}}})
    elif method == "models/list":
        send({"id": i, "result": {"models": [{"id": "asker"}]}})
    elif method == "generate":
        asked, _, params = p["messages"][-1]["content"][0]["text"].partition(" ")
        params = json.loads(params or "{}")
        if "much" in params:
            text = "x" * params.pop("much")
            params["messages"] = [{"role": "user", "content": [{"type": "text", "text": text}]}]
        waiting[f"q{i}"] = i
        send({"id": f"q{i}", "method": asked, "params": params})
    elif method is None and i in waiting:
        said = m.get("error", {}).get("message") or json.dumps(m["result"]) + f" {offers['memory']}"
        event = {"type": "text", "text": said[:300]}
        send({"method": "generate/event", "params": {"request": waiting[i], "events": [event]}})
        send({"id": waiting.pop(i), "result": {"finishReason": "stop"}})
    elif i is not None:
        send({"id": i, "result": {}})
"#;

/// Keeps it in a map.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, Vec<Message>>>);

impl Memory for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn keeps(&self) -> Keeps {
        Keeps::History
    }

    fn history<'a>(&'a self, conversation: &'a str) -> BoxFuture<'a, Result<Vec<Message>, Error>> {
        let found = self.0.lock().unwrap().get(conversation).cloned().unwrap_or_default();
        Box::pin(async { Ok(found) })
    }

    fn append<'a>(&'a self, conversation: &'a str, message: Message) -> BoxFuture<'a, Result<(), Error>> {
        self.0.lock().unwrap().entry(conversation.to_owned()).or_default().push(message);
        Box::pin(async { Ok(()) })
    }

    fn clear<'a>(&'a self, conversation: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.0.lock().unwrap().remove(conversation);
        Box::pin(async { Ok(()) })
    }
}

/// The plugin, in a folder of its own.
struct Asker {
    place: Place,
    plugins: Plugins,
    model: Arc<dyn Model>,
}

impl Asker {
    /// Nothing, and a word, where this machine has no Python.
    async fn new(ready: impl FnOnce(Home) -> Home) -> Option<Self> {
        if !has_python() {
            return None;
        }
        let place = Place::new();
        place.plugin("asker.py", ASKER);
        let plugins = place.open_as(&[], ready);
        let model = model(&plugins.find("asker").unwrap()).await.unwrap();
        Some(Self { place, plugins, model })
    }

    /// What another run of the program, in the same place, answers.
    async fn says_anew(&self, ready: impl FnOnce(Home) -> Home, prompt: &str) -> String {
        let plugins = self.place.open_as(&[], ready);
        let model = model(&plugins.find("asker").unwrap()).await.unwrap();
        ask(&model, prompt).await.answer.text()
    }

    async fn says(&self, prompt: &str) -> String {
        ask(&self.model, prompt).await.answer.text()
    }
}

/// A memory, and a home that offers it.
fn offered() -> (Arc<Kept>, impl FnOnce(Home) -> Home) {
    let kept = Arc::new(Kept::default());
    let memory: Arc<dyn Memory> = kept.clone();
    (kept, |home| home.remembering(move || Ok(memory.clone())))
}

#[tokio::test]
async fn conversations_are_the_plugins_own() {
    let (kept, ready) = offered();
    let Some(asker) = Asker::new(ready).await else { return };
    let line = r#"{"conversation": "c", "messages": [{"role": "user", "content": [{"type": "text", "text": "tea", "opaque": {"id": 7}}]}]}"#;
    assert_eq!(asker.says(&format!("memory/append {line}")).await, "{} True");
    let all = r#"memory/history {"conversation": "c"}"#;
    let found = asker.says(all).await;
    assert!(found.contains(r#""text": "tea""#) && found.contains(r#""opaque": {"id": 7}"#), "{found}");
    let last = asker.says(r#"memory/history {"conversation": "c", "limit": 0}"#).await;
    assert_eq!(last, r#"{"messages": []} True"#);
    // Whatever it says, it names its own.
    assert_eq!(
        asker.says(r#"memory/history {"conversation": "../other/c"}"#).await,
        r#"{"messages": []} True"#
    );
    let name = kept.0.lock().unwrap().keys().next().unwrap().clone();
    assert!(name.starts_with('/') && name.ends_with("/asker/c"), "{name}");
    assert_eq!(asker.says(r#"memory/clear {"conversation": "c"}"#).await, "{} True");
    assert_eq!(asker.says(all).await, r#"{"messages": []} True"#);
    for wrong in
        [r#"{"conversation": ""}"#.to_owned(), format!(r#"{{"conversation": "{}"}}"#, "x".repeat(513))]
    {
        let refused = asker.says(&format!("memory/history {wrong}")).await;
        assert!(refused.contains("1 to 512 bytes"), "{refused}");
    }
    let wrong = r#"{"conversation": "c", "messages": [{"role": "nobody", "content": []}]}"#;
    assert!(asker.says(&format!("memory/append {wrong}")).await.contains("the role `nobody`"));
}

/// A file of the same name that somebody else wrote is another plugin. One in the usual folder is known by its name.
#[tokio::test]
async fn a_plugin_of_the_same_name_elsewhere_is_another() {
    let (kept, ready) = offered();
    let Some(asker) = Asker::new(ready).await else { return };
    let line = r#"{"conversation": "c", "messages": [{"role": "user", "content": [{"type": "text", "text": "tea"}]}]}"#;
    assert_eq!(asker.says(&format!("memory/append {line}")).await, "{} True");
    let memory: Arc<dyn Memory> = kept.clone();
    let other = Asker::new(|home| home.remembering(move || Ok(memory.clone()))).await.unwrap();
    let all = r#"memory/history {"conversation": "c"}"#;
    assert_eq!(other.says(all).await, r#"{"messages": []} True"#);
    let name = kept.0.lock().unwrap().keys().next().unwrap().clone();
    let guess = format!(r#"memory/history {{"conversation": "{}"}}"#, name.replace("asker", ".."));
    assert_eq!(other.says(&guess).await, r#"{"messages": []} True"#);
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let (kept, ready) = offered();
    let Some(asker) = Asker::new(ready).await else { return };
    let append = format!(r#"memory/append {{"conversation": "c", "much": {}}}"#, 7 << 20);
    for _ in 0..5 {
        assert_eq!(asker.says(&append).await, "{} True");
    }
    // A process that starts anew has not more room.
    asker.plugins.find("asker").unwrap().forget();
    for _ in 0..4 {
        assert_eq!(asker.says(&append).await, "{} True");
    }
    assert!(asker.says(&append).await.contains("64 MiB"));
    asker.plugins.find("asker").unwrap().forget();
    assert!(asker.says(&append).await.contains("64 MiB"));
    // Nor has another run of the program.
    let memory: Arc<dyn Memory> = kept.clone();
    let again = asker.says_anew(|home| home.remembering(move || Ok(memory.clone())), &append).await;
    assert!(again.contains("64 MiB"), "{again}");
    assert!(asker.says(r#"memory/history {"conversation": "c"}"#).await.contains("larger than one line"));
    assert!(asker.says(r#"memory/history {"conversation": "c", "limit": 1}"#).await.contains("xxx"));
}

#[tokio::test]
async fn a_host_without_a_memory_and_one_that_cannot_be_opened() {
    let all = r#"memory/history {"conversation": "c"}"#;
    let Some(without) = Asker::new(|home| home).await else { return };
    assert!(without.says(all).await.contains("this host keeps nothing for plugins"));
    let full = || Err(Error::new(ErrorKind::Setup, "the disk is full"));
    let broken = Asker::new(|home| home.remembering(full)).await.unwrap();
    assert!(broken.says(all).await.contains("the disk is full"));
}
