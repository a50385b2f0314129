//! Keys: whose they are, where they are looked for, and what a row says where one is not there.
use crate::support::{Place, ask, has_python, model, reason};
use consort_core::Context;
use consort_plugins::Plugins;
use std::sync::Arc;

/// Lists a model where its host gives it the first of these keys, and says that its list needs them all.
const LISTER: &str = r#"# /// llm-plugin
# protocol = 1
# ///
import json, sys

NAMES, VARIABLE = @NAMES@, "ACME_KEY"

def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()

needs = {"secrets": NAMES, "env": [VARIABLE]}
asked = None
for line in sys.stdin:
    m = json.loads(line)
    i, method, p = m.get("id"), m.get("method"), m.get("params") or {}
    if method == "initialize":
        send({"id": i, "result": {"protocolVersion": 1, "capabilities": {"generate": True}}})
    elif method == "models/list":
        asked = i
        send({"id": "k", "method": "secrets/get", "params": {"name": NAMES[0], "env": VARIABLE}})
    elif method is None and i == "k":
        models = [{"id": "m", "needs": @OF_MODEL@}] if "result" in m else []
        notes = ["got " + m["result"]["value"]] if models else []
        send({"id": asked, "result": {"models": models, "needs": needs, "notes": notes}})
    elif method == "generate":
        event = {"type": "text", "text": "here"}
        send({"method": "generate/event", "params": {"request": i, "events": [event]}})
        send({"id": i, "result": {"finishReason": "stop"}})
    elif i is not None:
        send({"id": i, "result": {}})
"#;

/// A place with a plugin whose list, and whose model, need these.
fn lister(names: &str, of_model: &str) -> Option<Place> {
    if !has_python() {
        return None;
    }
    let place = Place::new();
    place.plugin("lister.py", &LISTER.replace("@NAMES@", names).replace("@OF_MODEL@", of_model));
    Some(place)
}

fn grant(plugins: &Plugins, key: &str) {
    plugins.allowed().grant(plugins.find("lister").unwrap().found(), key).unwrap();
}

/// What its row says, and what to do about it.
fn row(plugins: &Plugins) -> (String, String) {
    let plugin = plugins.find("lister").unwrap();
    (reason(&plugin.state()), plugin.help().unwrap_or_default())
}

#[tokio::test]
async fn a_hosted_vendors_key_is_granted_by_no_spelling_of_its_name() {
    let spellings = ["anthropic", "Anthropic", "ANTHROPIC", "anthropic_api", "ANTHROPIC_API_KEY"];
    for (names, given) in spellings.map(|name| (name, &[][..])).into_iter().chain([("acme", &["acme"][..])]) {
        let Some(place) = lister(&format!("[{names:?}]"), "{}") else { return };
        let plugin = place.open_with(&[("ANTHROPIC_API_KEY", "sk-own")]).find("lister").unwrap();
        plugin.check().await;
        assert_eq!(plugin.grant_own_keys().unwrap(), given, "{names}");
    }
}

#[tokio::test]
async fn a_key_that_only_a_variable_holds_is_found_each_time() {
    let Some(place) = lister(r#"["acme"]"#, "{}") else { return };
    let plugins = place.open();
    plugins.find("lister").unwrap().check().await;
    let lacks = "needs the key `acme`".to_owned();
    assert_eq!(row(&plugins), (lacks.clone(), "consort plugins grant lister acme".into()));
    grant(&plugins, "acme");
    let plugins = place.open();
    plugins.find("lister").unwrap().check().await;
    assert_eq!(row(&plugins), (lacks.clone(), "consort keys set acme".into()));
    // What was learnt without the key is no word about how it is with it.
    let exported = [("ACME_KEY", "sk-acme")];
    assert_eq!(row(&place.open_with(&exported)), ("unchecked".into(), String::new()));
    assert_eq!(row(&place.open()), (lacks, "consort keys set acme".into()));
    for _ in 0..3 {
        let plugins = place.open_with(&exported);
        let provider = &plugins.providers()[0];
        let mut found = provider.models().await.unwrap();
        if found.is_empty() {
            found = provider.discover(Context::default()).await.unwrap();
        }
        assert_eq!(ask(&found[0], "x").await.answer.text(), "here");
        assert_eq!(row(&plugins), ("ready".into(), String::new()));
        let notes = plugins.find("lister").unwrap().learnt().unwrap().notes.join(" ");
        assert!(notes.starts_with("got ") && !notes.contains("sk-acme"), "{notes}");
    }
}

#[tokio::test]
async fn a_row_names_the_key_that_is_not_there() {
    let needs = r#"{"secrets": ["acme", "other"], "env": ["ACME_KEY", "OTHER_KEY"]}"#;
    let Some(place) = lister(r#"["acme", "other"]"#, needs) else { return };
    let both = [("ACME_KEY", "sk-acme"), ("OTHER_KEY", "sk-other")];
    grant(&place.open(), "acme");
    let plugins = place.open_with(&both[..1]);
    let plugin: Arc<_> = plugins.find("lister").unwrap();
    plugin.check().await;
    let lacks = "needs the key `other`".to_owned();
    assert_eq!(row(&plugins), (lacks.clone(), "consort plugins grant lister other".into()));
    grant(&plugins, "other");
    let plugins = place.open_with(&both[..1]);
    plugins.find("lister").unwrap().check().await;
    assert_eq!(row(&plugins), (lacks, "consort keys set other".into()));
    let plugins = place.open_with(&both);
    model(&plugins.find("lister").unwrap()).await.unwrap();
    assert_eq!(row(&plugins), ("ready".into(), String::new()));
}

/// Answers whatever keys it has: its host must know better.
const CARELESS: &str = r#"# /// llm-plugin
# protocol = 1
# ///
import json, sys

for line in sys.stdin:
    m = json.loads(line)
    i, method, result = m.get("id"), m.get("method"), {}
    if method == "initialize":
        result = {"protocolVersion": 1, "capabilities": {"generate": True}, "env": ["SIGN_OF_ACME"]}
    elif method == "models/list":
        needs = {"secrets": ["acme"], "env": ["ACME_KEY", "SIGN_OF_ACME"]}
        result = {"models": [{"id": "open"}, {"id": "big", "needs": needs}]}
    elif method == "generate":
        result = {"finishReason": "stop", "content": [{"type": "text", "text": "here"}]}
    if i is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": i, "result": result}), flush=True)
"#;

#[tokio::test]
async fn a_model_whose_key_is_not_there_is_not_asked() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("lister.py", CARELESS);
    let says = async |more: &[(&str, &str)], name: &str| {
        let plugins = place.open_with(more);
        plugins.find("lister").unwrap().check().await;
        let answer = ask(&plugins.providers()[0].model(name).unwrap(), "x").await;
        let error =
            answer.error.map(|error| format!("{}: {} {:?}", error.kind(), error.message(), error.hints()));
        error.unwrap_or_else(|| answer.answer.text())
    };
    assert_eq!(says(&[], "open").await, "here");
    let lacks = |help: &str| format!("setup: `lister/big` needs setup: the key `acme` [\"{help}\"]");
    assert_eq!(says(&[], "big").await, lacks("consort plugins grant lister acme"));
    grant(&place.open(), "acme");
    assert_eq!(says(&[], "big").await, lacks("consort keys set acme"));
    assert_eq!(says(&[("ACME_KEY", "sk-acme")], "big").await, "here");
    // One that it reads by itself is a key too, once it is given to it.
    let own = [("SIGN_OF_ACME", "sk-acme")];
    assert_eq!(says(&own, "big").await, lacks("consort keys set acme"));
    grant(&place.open(), "SIGN_OF_ACME");
    assert_eq!(says(&own, "big").await, "here");
}
