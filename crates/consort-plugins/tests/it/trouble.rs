//! A plugin that misbehaves on request: what its host does about each thing, and what it gives and refuses.
#![cfg(unix)]
use super::support::{Place, ask, ask_within, model, processes};
use consort_core::{BoxFuture, Context, Error, ErrorKind, Model, Request, RunTool, ToolCall, ToolOutput};
use consort_plugins::{Plugin, Plugins};
use consort_testkit::{FakeServer, Reply};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The example, where it was built: `cargo test --workspace` does.
fn trouble(place: &Place, manifest: &str) -> Option<Plugins> {
    trouble_with(place, manifest, &[])
}

fn trouble_with(place: &Place, manifest: &str, env: &[(&str, &str)]) -> Option<Plugins> {
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent()?.parent()?.join("examples/trouble");
    if !example.exists() {
        eprintln!("skipped: no example (cargo build --examples -p consort-plugin)");
        return None;
    }
    std::fs::copy(example, place.path("plugins/trouble")).unwrap();
    place.plugin("trouble.toml", manifest);
    Some(place.open_with(env))
}

async fn asked(plugins: &Plugins) -> (Arc<Plugin>, Arc<dyn Model>) {
    let plugin = plugins.find("trouble").unwrap();
    let model = model(&plugin).await.unwrap();
    (plugin, model)
}

#[tokio::test]
async fn each_fault_has_its_kind_and_the_next_call_works() {
    let place = Place::new();
    let Some(plugins) = trouble(&place, "limits = { memory_mb = 200 }\n") else { return };
    let (plugin, model) = asked(&plugins).await;
    for (prompt, kind, words) in [
        ("die", ErrorKind::PluginCrash, "exited with code 3"),
        ("kill", ErrorKind::PluginCrash, "was killed"),
        ("panic", ErrorKind::PluginBug, "trouble.rs:"),
        ("error rate_limit", ErrorKind::RateLimit, ""),
        ("error quota", ErrorKind::Quota, ""),
        ("wrong", ErrorKind::PluginBug, "could not be read"),
        ("half", ErrorKind::PluginCrash, ""),
        ("long", ErrorKind::PluginBug, "8 MiB"),
    ] {
        let outcome = ask(&model, prompt).await;
        let error =
            outcome.error.unwrap_or_else(|| panic!("{prompt} went well: {:?}", outcome.answer.text()));
        assert_eq!(error.kind(), kind, "{prompt}: {error}");
        assert!(error.to_string().contains(words), "{prompt}: {error}");
        let after = ask(&model, "hello").await;
        assert!(after.error.is_none(), "after {prompt}: {:?}", after.error);
    }
    // What is wrong and yet no failure.
    for prompt in ["flood 2000", "print 200", "stray 20", "twice", "big"] {
        let outcome = ask(&model, prompt).await;
        assert!(outcome.error.is_none(), "{prompt}: {:?}", outcome.error);
    }
    assert!(plugin.log().lines().iter().any(|line| line.contains("printed")));
}

#[tokio::test]
async fn one_that_prints_into_the_protocol_over_and_over_is_stopped() {
    let place = Place::new();
    let Some(plugins) = trouble(&place, "") else { return };
    let (_, model) = asked(&plugins).await;
    let error = ask(&model, "stray 100000").await.error.unwrap();
    assert!(error.to_string().contains("belongs to the protocol"), "{error}");
}

#[tokio::test]
async fn one_that_is_deaf_to_cancel_is_ended_and_started_again() {
    let place = Place::new();
    let Some(plugins) = trouble(&place, "") else { return };
    let (_, model) = asked(&plugins).await;
    let begun = Instant::now();
    let error = ask_within(&model, "deaf", Duration::from_millis(300)).await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(2), "whoever asked does not wait for it");
    let first = processes(&place.path("plugins"));
    while processes(&place.path("plugins")) == first {
        assert!(begun.elapsed() < Duration::from_secs(20), "it still runs");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ask(&model, "hello").await.error.is_none());
}

#[tokio::test]
async fn no_child_survives_it() {
    let place = Place::new();
    let Some(plugins) = trouble(&place, "") else { return };
    let (_, model) = asked(&plugins).await;
    let child: u32 = ask(&model, "fork").await.answer.text().trim().parse().unwrap();
    let alive = |process: u32| std::fs::metadata(format!("/proc/{process}")).is_ok();
    assert!(alive(child));
    plugins.end(Duration::from_secs(10)).await;
    assert!(!alive(child), "the child {child} survived");
}

#[tokio::test]
async fn keys_reach_a_plugin_by_grant_alone() {
    let place = Place::new();
    let manifest = "secrets = ['acme']\nenv = { ACME_KEY = 'acme' }\n";
    let Some(plugins) = trouble_with(&place, manifest, &[("MY_TOKEN", "t0ken-value")]) else { return };
    let keys = consort_settings::KeyStore::new(place.path("keys.json"));
    keys.set("acme", &consort_core::Secret::new("sk-acme-12345")).unwrap();
    keys.set("other", &consort_core::Secret::new("sk-other-12345")).unwrap();
    let (plugin, model) = asked(&plugins).await;
    let refused = ask(&model, "secret acme").await;
    let error = refused.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Setup);
    assert!(error.hints()[0].contains("consort plugins grant trouble acme"), "{error:?}");
    for variable in ["ACME_KEY", "MY_TOKEN", "CONSORT_HOME"] {
        assert_eq!(ask(&model, &format!("env {variable}")).await.answer.text(), "not set", "{variable}");
    }
    for name in ["acme", "MY_TOKEN"] {
        plugins.allowed().grant(plugin.found(), name).unwrap();
    }
    plugin.forget();
    let (plugin, model) = asked(&plugins).await;
    let given = ask(&model, "secret acme").await;
    assert_eq!(given.answer.text(), "13", "{:?}", given.error);
    assert!(ask(&model, "secret other").await.error.is_some(), "what was not granted stays shut");
    assert_eq!(ask(&model, "env ACME_KEY").await.answer.text(), "sk-acme-12345");
    assert_eq!(ask(&model, "env MY_TOKEN").await.answer.text(), "t0ken-value");
    assert!(!plugin.log().lines().join("\n").contains("sk-acme"));
}

#[tokio::test]
async fn http_goes_to_named_hosts_alone() {
    let server = FakeServer::start([Reply::json(r#"{"said":"hello"}"#)]).await.unwrap();
    let place = Place::new();
    let manifest = format!("hosts = ['127.0.0.1:{}']\n", server.port());
    let Some(plugins) = trouble(&place, &manifest) else { return };
    let (_, model) = asked(&plugins).await;
    let answer = ask(&model, &format!("http {}/x", server.url())).await;
    assert!(answer.answer.text().contains("hello"), "{:?} {:?}", answer.answer.text(), answer.error);
    for address in ["http://127.0.0.1:1/", "https://example.com/", "file:///etc/passwd", "http://localhost/"]
    {
        let error = ask(&model, &format!("http {address}")).await.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Permission, "{address}: {error}");
    }
    assert_eq!(server.asked().len(), 1);
}

struct Doubler;

impl RunTool for Doubler {
    fn run(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        let number = call.arguments.value().unwrap_or_default()["n"].as_i64().unwrap_or(0);
        Box::pin(async move { Ok(ToolOutput::text((2 * number).to_string())) })
    }
}

#[tokio::test]
async fn tools_of_the_request_run_through_the_host() {
    let place = Place::new();
    let Some(plugins) = trouble(&place, "") else { return };
    let (_, model) = asked(&plugins).await;
    let request = || Arc::new(Request::ask("tool double {\"n\": 21}"));
    let context = Context { tools: Some(Arc::new(Doubler)), ..Context::default() };
    let answer = model.generate(request(), context).await.unwrap();
    assert!(answer.text().contains("42"), "{}", answer.text());
    let error = model.generate(request(), Context::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[tokio::test]
async fn a_reader_that_is_slow_loses_nothing() {
    let place = Place::new();
    let Some(plugins) = trouble(&place, "") else { return };
    let (_, model) = asked(&plugins).await;
    let text = "x".repeat(1000);
    let mut stream = model.stream(Request::ask(format!("say 20000 {text}")).into(), Context::default());
    let mut bytes = 0;
    let mut events = 0u32;
    while let Some(event) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        if let consort_core::Event::PartDelta { delta: consort_core::Delta::Text(text), .. } = event.unwrap()
        {
            bytes += text.len();
            events += 1;
            if events.is_multiple_of(2000) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    assert_eq!(bytes, 20_000_000);
}
