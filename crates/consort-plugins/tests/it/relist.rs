//! Plugins whose list of models changes while they run.
#![cfg(unix)]
use super::support::{Place, ask, has_python};
use consort_core::State;
use consort_plugins::{Plugins, Row};
use std::time::{Duration, Instant};

/// A plugin that notes how often it was asked for its models, in `asked` beside it. What `at_list` and `at_ask` say is done then.
fn plugin(known: &str, at_list: &str, at_ask: &str) -> String {
    format!(
        r#"# /// llm-plugin
# protocol = 1
# ///
import json, os, sys, threading, time
out, sys.stdout = sys.stdout, sys.stderr
known, asked = {known}, 0
def send(m):
    out.write(json.dumps({{"jsonrpc": "2.0", **m}}) + "\n"); out.flush()
def changed():
    send({{"method": "models/changed"}})
def later():
    known.append("second"); changed()
def flood():
    while True:
        changed(); time.sleep(0.001)
for line in sys.stdin:
    m = json.loads(line); i = m.get("id"); p = m.get("params", {{}})
    match m.get("method"):
        case "initialize": send({{"id": i, "result": {{"protocolVersion": 1, "capabilities": {{"generate": True}}}}}})
        case "models/list":
            asked += 1
            open(os.path.join(os.path.dirname(__file__), "..", "asked"), "w").write(str(asked))
            send({{"id": i, "result": {{"models": [{{"id": k}} for k in known]}}}})
            {at_list}
        case "generate":
            {at_ask}
            send({{"id": i, "result": {{"finishReason": "stop", "content": [{{"type": "text", "text": p["model"]}}]}}}})
        case _ if i is not None: send({{"id": i, "result": {{}}}})
"#
    )
}

const LATER: &str = "if asked == 1: threading.Timer(0.3, later).start()";

/// The row of `late`, once it lists these names.
async fn until_listed(plugins: &Plugins, names: &[&str]) -> Row {
    let begun = Instant::now();
    loop {
        let row = plugins.rows().into_iter().find(|row| row.plugin.id() == "late").unwrap();
        let learnt = row.learnt.clone();
        let listed: Vec<String> =
            learnt.iter().flat_map(|learnt| &learnt.models).map(|known| known.card.name.clone()).collect();
        if listed == names {
            return row;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{listed:?} and not {names:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_list_that_comes_late_is_in_the_row_and_can_be_asked() {
    if !has_python() {
        return;
    }
    for (known, names) in [("['first']", &["first", "second"][..]), ("[]", &["second"])] {
        let place = Place::new();
        place.plugin("late.py", &plugin(known, LATER, "pass"));
        let plugins = place.open();
        let mut changes = plugins.changes();
        plugins.check_all().await;
        changes.mark_unchanged();
        let row = until_listed(&plugins, names).await;
        assert_eq!(row.state, State::Ready);
        assert!(changes.has_changed().unwrap(), "whoever keeps the rows is told");
        let providers = plugins.providers();
        let model = providers[0].model("second").unwrap();
        assert_eq!(ask(&model, "hello").await.answer.text(), "second");
        // What is known of it is kept: nothing runs for the next listing.
        plugins.end(Duration::from_secs(1)).await;
        until_listed(&place.open(), names).await;
    }
}

#[tokio::test]
async fn a_list_that_changes_with_each_answer_is_known_after_it() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("late.py", &plugin("['first']", "pass", "known.append('m' + str(len(known))); changed()"));
    let plugins = place.open();
    plugins.check_all().await;
    let model = plugins.providers()[0].model("first").unwrap();
    assert_eq!(ask(&model, "hello").await.answer.text(), "first");
    until_listed(&plugins, &["first", "m1"]).await;
    assert_eq!(ask(&model, "hello").await.answer.text(), "first");
    until_listed(&plugins, &["first", "m1", "m2"]).await;
}

#[tokio::test]
async fn one_that_says_without_end_that_it_changed_is_asked_once_a_second() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let flood = "if asked == 1: threading.Thread(target=flood, daemon=True).start()";
    place.plugin("late.py", &plugin("['first']", flood, "pass"));
    let plugins = place.open();
    plugins.check_all().await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let asked: u32 = std::fs::read_to_string(place.path("asked")).unwrap().parse().unwrap();
    assert!((2..=5).contains(&asked), "{asked}");
}
