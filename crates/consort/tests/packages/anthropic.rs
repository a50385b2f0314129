//! llm-anthropic against a server of our own, named by ANTHROPIC_BASE_URL.
use crate::answers::{anthropic, anthropic_text};
use crate::home::Home;
use crate::support::Vendor;
use consort_testkit::Reply;
use serde_json::Value;

const MODEL: &str = "llm-anthropic/anthropic/claude-sonnet-4-5";

#[test]
#[ignore = "installs a package"]
fn anthropic_streams_thinks_and_calls() {
    let Some(home) = Home::with("llm-anthropic") else { return };
    let vendor = Vendor::new([anthropic()]);
    let url = vendor.url();
    let env = [("ANTHROPIC_BASE_URL", url.as_str())];
    // The key belongs to a provider: the package gets it when it is granted, and not before.
    home.run(&["plugins", "revoke", "llm-anthropic", "anthropic"]);
    home.key("anthropic", "sk-ant-test");
    let refused = home.run_with(&env, &["-m", MODEL, "x"]);
    assert!(
        refused.code == 3 && refused.stderr.contains("consort plugins grant llm-anthropic anthropic"),
        "{refused}"
    );
    assert_eq!(home.row("llm-anthropic")["state"], "needs setup");
    assert!(vendor.server.asked().is_empty());
    assert_eq!(home.run(&["plugins", "grant", "llm-anthropic", "anthropic"]).code, 0);

    let run = home.run_with(
        &env,
        &[
            "--json",
            "-m",
            MODEL,
            "-s",
            "be kind",
            "-o",
            "max_tokens",
            "77",
            "-a",
            &home.picture(),
            "Weather?",
        ],
    );
    assert_eq!(run.code, 0, "{run}");
    let object = run.json();
    assert_eq!(object["text"].as_str().map(str::trim), Some("Let me look."), "{object:#}");
    assert_eq!(object["resolved_model"], "claude-x-2026", "{object:#}");
    assert_eq!(
        (object["usage"]["input"].as_u64(), object["usage"]["output"].as_u64()),
        (Some(9), Some(20)),
        "{object:#}"
    );
    assert_eq!(
        (object["tool_calls"][0]["name"].as_str(), object["finish"].as_str()),
        (Some("weather"), Some("tool_calls")),
        "{object:#}"
    );
    let asked = vendor.server.asked().pop().unwrap();
    assert_eq!(asked.header("x-api-key"), Some("sk-ant-test"));
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!((body["max_tokens"].as_u64(), body["stream"].as_bool()), (Some(77), Some(true)), "{body:#}");
    assert!(asked.text().contains("\"image/png\"") && asked.text().contains("be kind"));
    // The thought is shown beside the answer.
    let shown = home.run_with(&env, &["-m", MODEL, "x"]);
    assert!(shown.stderr.contains("hm") && shown.stdout.contains("Let me look."), "{shown}");
    assert!(!home.run(&["plugins", "log", "llm-anthropic"]).stdout.contains("sk-ant-test"));
}

#[test]
#[ignore = "installs a package"]
fn anthropic_whole_answers_and_errors() {
    let Some(home) = Home::with("llm-anthropic") else { return };
    let limited = Reply::error(
        429,
        &[("retry-after", "7"), ("request-id", "req_1"), ("x-should-retry", "false")],
        "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow down\"}}",
    );
    let vendor = Vendor::new([anthropic_text("All at once."), limited]);
    let url = vendor.url();
    let env = [("ANTHROPIC_BASE_URL", url.as_str())];
    // The caller's own key needs no grant.
    let run = home.run_with(&env, &["-m", MODEL, "--no-stream", "--key", "sk-ant-mine", "x"]);
    assert_eq!(run.stdout, "All at once.", "{run}");
    assert_eq!(vendor.server.asked()[0].header("x-api-key"), Some("sk-ant-mine"));
    let run = home.run_with(&env, &["-m", MODEL, "--json", "--key", "sk-ant-mine", "x"]);
    assert_eq!(run.code, 6, "{run}");
    let error = run.json()["error"].clone();
    assert_eq!(
        (error["status"].as_u64(), error["retry_after_s"].as_f64(), error["request_id"].as_str()),
        (Some(429), Some(7.0), Some("req_1")),
        "{error:#}"
    );
    assert!(!run.stderr.contains("sk-ant-mine"), "{run}");
}
