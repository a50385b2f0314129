//! Slips of a plugin's author in the protocol's words: a request need not wait for its end, and the check says what is wrong.
#![cfg(unix)]
use super::support::{Place, ask, has_python, model};
use consort_core::ErrorKind;
use consort_plugins::{Finding, Level, Plugin, examine};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plugin whose answer to `generate` ends with these lines, which are sent as these lines of Python make them.
fn slip(send: &str, generate: &str) -> Option<(Place, Arc<Plugin>)> {
    if !has_python() {
        return None;
    }
    let place = Place::new();
    let text = format!(
        r#"# /// llm-plugin
# protocol = 1
# ///
import json, sys, threading, time
out, sys.stdout = sys.stdout, sys.stderr
def line(m):
    return json.dumps({{"jsonrpc": "2.0", **m}}) + "\n"
def send(m):
    {send}
    out.flush()
def event(i, text):
    send({{"method": "generate/event", "params": {{"request": i, "events": [{{"type": "text", "text": text}}]}}}})
def generate(i):
    {generate}
for got in sys.stdin:
    m = json.loads(got); i = m.get("id"); p = m.get("params", {{}})
    match m.get("method"):
        case "initialize": send({{"id": i, "result": {{"protocolVersion": 1, "capabilities": {{"generate": True, "countTokens": True}}}}}})
        case "models/list": send({{"id": i, "result": {{"models": [{{"id": "m"}}]}}}})
        case "generate": threading.Thread(target=generate, args=(i,)).start()
        case "tokens/count": send({{"id": i, "result": {{"tokens": 3, "exact": False}}}})
        case _ if i is not None: send({{"id": i, "result": {{}}}})
"#
    );
    place.plugin("slip.py", &text);
    let plugin = place.open().find("slip").unwrap();
    Some((place, plugin))
}

const SEND: &str = "out.write(line(m))";
const STOP: &str = "event(i, 'Hi'); send({'id': i, 'result': {'finishReason': 'stop'}})";

fn told(found: &[Finding]) -> String {
    let lines = found.iter().map(|one| format!("{:?} {} [{:?}]", one.level, one.message, one.help));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_id_that_comes_back_as_a_text_fails_at_once_and_says_why() {
    let begun = Instant::now();
    for (made, shown) in [("str(m['id'])", "\"1\""), ("float(m['id'])", "1.0")] {
        let send = format!("out.write(line({{**m, 'id': {made}}} if 'id' in m else m))");
        let Some((_place, plugin)) = slip(&send, STOP) else { return };
        let found = examine(&plugin, "hello").await;
        assert!(begun.elapsed() < Duration::from_secs(15), "it is not waited for");
        let words = format!("it answered the id {shown}, and was asked as 1");
        assert!(
            told(&found).contains(&words) && told(&found).contains("a number stays a number"),
            "{}",
            told(&found)
        );
        let log: Vec<String> = plugin.log().lines();
        assert!(log.iter().any(|line| line.contains(&words)), "{log:?}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_passed_over_and_told() {
    let Some((_place, plugin)) = slip("out.buffer.write(('\\ufeff' + line(m)).encode())", STOP) else {
        return;
    };
    let answer = ask(&model(&plugin).await.unwrap(), "hello").await;
    assert_eq!((answer.answer.text().as_str(), answer.error), ("Hi", None));
    let found = examine(&plugin, "hello").await;
    assert!(told(&found).contains("with a byte order mark"), "{}", told(&found));
}

#[tokio::test]
async fn an_error_that_is_none_ends_its_request_and_says_what_is_wrong() {
    for (error, words) in [
        ("'it broke'", "no object with `code` and `message`: \"it broke\""),
        ("{'code': 'E1', 'message': 'it broke'}", "could not be read (invalid type"),
    ] {
        let generate = format!("send({{'id': i, 'error': {error}}})");
        let Some((_place, plugin)) = slip(SEND, &generate) else { return };
        let begun = Instant::now();
        let error = ask(&model(&plugin).await.unwrap(), "hello").await.error.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10) && error.message().contains(words), "{error}");
        assert_eq!(error.kind(), ErrorKind::PluginBug);
    }
    let Some((_place, plugin)) = slip(SEND, "send({'id': i})") else { return };
    let error = ask(&model(&plugin).await.unwrap(), "hello").await.error.unwrap();
    assert!(error.message().contains("no method, no result and no error"), "{error}");
}

#[tokio::test]
async fn a_check_names_the_words_that_the_protocol_has_not() {
    let error =
        |error: &str| format!("send({{'id': i, 'error': {{'code': -32020, 'message': 'limit', {error}}}}})");
    let result = |result: &str| format!("event(i, 'Hi'); send({{'id': i, 'result': {{{result}}}}})");
    for (generate, words) in [
        (
            error("'data': {'kind': 'ratelimit'}"),
            "`ratelimit` as `kind`, which nobody knows (did you mean `rate_limit`?)",
        ),
        (error("'kind': 'rate_limit'"), "`kind` beside `data` of an error"),
        (
            result("'finish_reason': 'stop'"),
            "`finish_reason` in its answer, which nobody knows (did you mean `finishReason`?)",
        ),
        (
            result("'finishReason': 'end_turn'"),
            "`end_turn` as `finishReason`, which nobody knows (there are stop, length",
        ),
        (
            result("'usage': {'input_tokens': 3}"),
            "`input_tokens` in its `usage`, which nobody knows (did you mean `inputTokens`?)",
        ),
        (format!("{STOP}; send({{'id': i, 'result': {{}}}})"), "a second answer to the request"),
        ("send({'id': i, 'result': {}}); event(i, 'Hi')".to_owned(), "of a request behind its answer"),
        (STOP.to_owned(), "tokens, which is an estimate by its own word"),
    ] {
        let Some((_place, plugin)) = slip(SEND, &generate) else { return };
        let found = examine(&plugin, "hello").await;
        let is_it = |finding: &&Finding| {
            finding.message.contains(words)
                || words.starts_with("a second")
                    && finding.message.contains("answers to requests that were answered before")
        };
        let level = if generate == STOP { Level::Good } else { Level::Warning };
        assert!(
            found.iter().find(is_it).is_some_and(|finding| finding.level == level),
            "{words}: {}",
            told(&found)
        );
        let silent = found.iter().all(|finding| finding.level != Level::Warning);
        assert_eq!(silent, generate == STOP, "{}", told(&found));
    }
}

#[tokio::test]
async fn an_error_of_an_unknown_kind_says_so_where_it_is_met() {
    let generate =
        "send({'id': i, 'error': {'code': -32020, 'message': 'limit', 'data': {'kind': 'ratelimit'}}})";
    let Some((_place, plugin)) = slip(SEND, generate) else { return };
    let met = ask(&model(&plugin).await.unwrap(), "hello").await;
    assert!(met.error.is_some());
    let [warning] = &met.answer.warnings[..] else { panic!("{:?}", met.answer.warnings) };
    assert!(warning.message.contains("did you mean `rate_limit`?"), "{warning:?}");
}

#[tokio::test]
async fn a_cancel_that_is_ignored_or_answered_in_other_words_is_told() {
    let run = |steps: &str, end: &str| {
        format!(
            "[event(i, 'w') or time.sleep(0.1) for _ in range({steps})]; send({{'id': i, 'result': {{'finishReason': '{end}'}}}})"
        )
    };
    let heard = "[event(i, 'w') or time.sleep(0.1) for _ in range(15) if not cancelled]; send({'id': i, 'result': {'finishReason': END}})";
    let place_of = |generate: String, cancels: bool| {
        let (place, plugin) = slip(SEND, &generate)?;
        if cancels {
            let file = place.path("plugins").join("slip.py");
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.replace("    match m.get(\"method\"):\n", "    if m.get('method') in ('cancel', 'generate'): cancelled[:] = [1] * (m['method'] == 'cancel')\n    match m.get(\"method\"):\n");
            std::fs::write(&file, format!("cancelled = []\n{text}")).unwrap();
            let plugin = place.open().find("slip").unwrap();
            return Some((place, plugin));
        }
        Some((place, plugin))
    };
    for (generate, cancels, level, words) in [
        (run("20", "stop"), false, Level::Warning, "after it was cancelled"),
        (heard.replace("END", "'stop'"), true, Level::Warning, "but its answer says `stop`"),
        (
            heard.replace("END", "'cancelled' if cancelled else 'stop'"),
            true,
            Level::Good,
            "can be stopped, and answers again",
        ),
        (run("1", "stop"), false, Level::Good, "which came when its answer was over"),
    ] {
        let Some((_place, plugin)) = place_of(generate, cancels) else { return };
        let found = examine(&plugin, "hello").await;
        let is_it = |finding: &Finding| finding.level == level && finding.message.contains(words);
        assert!(found.iter().any(is_it), "{words}: {}", told(&found));
    }
}
