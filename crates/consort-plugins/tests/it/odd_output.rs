//! Output that is no protocol: who asked, and whoever checks the plugin, is told what came and what became of it.
#![cfg(unix)]
use super::support::{Place, Raw, ask, ask_within, has_python, model};
use consort_core::ErrorKind;
use consort_plugins::{Finding, Level, examine};
use std::time::Duration;

/// What the answer to this prompt says, and its warnings.
async fn answer(raw: &Raw, prompt: &str) -> (String, Vec<String>) {
    let outcome = ask(&model(&raw.plugin()).await.unwrap(), prompt).await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    let warnings = outcome.answer.warnings.iter().map(|warning| warning.message.clone()).collect();
    (outcome.answer.text(), warnings)
}

fn at_least(found: &[Finding], level: Level, words: &str) {
    let is_it = |finding: &Finding| finding.level == level && finding.message.contains(words);
    assert!(found.iter().any(is_it), "no {words}: {found:#?}");
}

#[tokio::test]
async fn a_line_that_is_no_message_is_a_warning_with_what_was_got_and_how_often() {
    let Some(raw) = Raw::new("") else { return };
    for (prompt, words) in [
        ("latin", &["raw sent 3 lines that are no UTF-8", "caf\u{fffd}"][..]),
        ("no json", &["raw sent 2 lines that are no JSON", "{'jsonrpc': oops}"]),
        ("no message", &["a line that is no message", "no id and no method", "bare"]),
    ] {
        let (said, warnings) = answer(&raw, prompt).await;
        assert_eq!(said, "said", "{prompt}");
        let [warning] = &warnings[..] else { panic!("{prompt}: {warnings:?}") };
        assert!(words.iter().all(|word| warning.contains(word)), "{prompt}: {warning}");
        let found = examine(&raw.plugin(), prompt).await;
        at_least(&found, Level::Warning, words[0]);
    }
    assert_eq!(answer(&raw, "print").await, ("said".into(), vec![]), "what somebody prints is in the log");
    assert_eq!(
        answer(&raw, "hello").await,
        ("hello".into(), vec![]),
        "an answer warns of its own lines alone"
    );
}

#[tokio::test]
async fn an_answer_that_is_empty_by_a_slip_names_it_and_fails_the_check() {
    let Some(raw) = Raw::new("") else { return };
    for (prompt, words) in [
        ("type", &["of the type `txt`", "nobody knows"][..]),
        ("field", &["raw sent 3 events of the type `text` without `text`", "\"txt\":\"lost\""]),
        ("other request", &["of the request 99999", "asked as"]),
        ("method", &["`generate/events`"]),
        ("only a field", &["`txt`", "lost"]),
    ] {
        let (said, warnings) = answer(&raw, prompt).await;
        assert_eq!(said, "", "{prompt}");
        let [warning] = &warnings[..] else { panic!("{prompt}: {warnings:?}") };
        assert!(words.iter().all(|word| warning.contains(word)), "{prompt}: {warning}");
        let found = examine(&raw.plugin(), prompt).await;
        at_least(&found, Level::Error, words[0]);
    }
    // Newer plugins may say more than this host knows: that is no mistake where they say something.
    assert_eq!(answer(&raw, "type and text").await, ("said".into(), vec![]));
}

#[tokio::test]
async fn an_empty_answer_of_a_program_is_explained_in_its_words() {
    let Some(raw) = Raw::new("") else { return };
    let found = examine(&raw.plugin(), "").await;
    let told = found.iter().find(|finding| finding.message.contains("answers with nothing")).unwrap();
    assert!(told.help.as_ref().unwrap().contains("generate/event"), "{told:?}");
}

#[tokio::test]
async fn what_was_no_answer_is_told_of_one_that_never_came() {
    let Some(raw) = Raw::new("") else { return };
    let model = model(&raw.plugin()).await.unwrap();
    let outcome = ask_within(&model, "unanswered text", Duration::from_secs(1)).await;
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let [warning] = &outcome.answer.warnings[..] else { panic!("{:?}", outcome.answer.warnings) };
    assert!(warning.message.contains("{'id': oops}"), "{warning:?}");
}

#[tokio::test]
async fn one_that_dies_of_an_exception_is_told_with_its_line() {
    let Some(raw) = Raw::new("") else { return };
    let error = ask(&model(&raw.plugin()).await.unwrap(), "raise").await.error.unwrap();
    let line = include_str!("raw.py").lines().position(|line| line.contains("json.loads(None)")).unwrap() + 1;
    assert!(
        error.message().contains(&format!("exited with code 1 at raw.py:{line}; its last words: ")),
        "{error}"
    );
}

#[tokio::test]
async fn a_model_without_an_id_is_told_as_that() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let text = include_str!("raw.py").replace("{\"id\": \"raw\",", "{\"name\": \"raw\",");
    std::fs::write(place.path("nameless.py"), text).unwrap();
    let run = format!("run = ['python3', {:?}]\n", place.path("nameless.py").display().to_string());
    place.plugin("nameless.toml", &format!("protocol = 1\n{run}"));
    let plugins = place.open();
    // Asked for before anybody looked at it.
    let model = plugins.providers().first().and_then(|provider| provider.model("nameless")).unwrap();
    let error = ask(&model, "hello").await.error.unwrap();
    assert!(error.hints().iter().any(|hint| hint.contains("has no `id`")), "{error:?}");
    let found = examine(&plugins.find("nameless").unwrap(), "hello").await;
    at_least(&found, Level::Note, "has no `id`");
    at_least(&found, Level::Error, "lists no model");
}

#[tokio::test]
async fn one_that_never_answers_its_first_request_is_told_the_likeliest_cause() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    for (line, words) in
        [("pass", "flush every line"), ("print(\"{'id': oops}\", flush=True)", "{'id': oops}")]
    {
        let quiet = place.path("quiet.py");
        std::fs::write(&quiet, format!("import sys\nfor line in sys.stdin:\n    {line}\n")).unwrap();
        let run = format!("run = ['python3', '{}']", quiet.display());
        place.plugin("quiet.toml", &format!("protocol = 1\n{run}\nlimits = {{ start_s = 1 }}\n"));
        let found = examine(&place.open().find("quiet").unwrap(), "hello").await;
        let help = found.iter().find_map(|finding| finding.help.clone()).unwrap();
        assert!(help.contains(words) && help.contains("start_s"), "{found:#?}");
    }
}
