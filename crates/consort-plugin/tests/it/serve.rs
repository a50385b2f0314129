//! Serving: the handshake, answers, cancel, panics, keys, tools, and what is no message.
use crate::support::{asking, driver, hello, stop, telling};
use consort_core::{ConfigKey, Context, Error, ErrorKind, ToolCall};
use consort_plugin::protocol::{MAX_MESSAGE, code};
use consort_plugin::testing::Driver;
use consort_plugin::{HttpRequest, Link};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_version_is_agreed_on() {
    let greet = |version: u32| {
        let mut driver = Driver::of_plugin(hello()).unwrap();
        driver.send_unjudged(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":{version}}}}}{}"#,
            "\n"
        ));
        let answer: Value = serde_json::from_str(&driver.line_unjudged(SOON).unwrap()).unwrap();
        answer
    };
    assert_eq!(greet(1)["result"]["protocolVersion"], 1);
    assert_eq!(greet(9)["result"]["protocolVersion"], 1);
    let refused = greet(0);
    assert_eq!(refused["error"]["code"], code::VERSION);
    assert_eq!(refused["error"]["data"]["supported"], json!([1]));
}

#[test]
fn nothing_but_a_ping_comes_before_the_handshake() {
    let mut driver = Driver::of_plugin(hello()).unwrap();
    assert!(driver.call("ping", json!({})).is_ok());
    let early = driver.call("models/list", json!({})).unwrap_err();
    assert_eq!(early.code, code::INVALID_REQUEST);
    driver.initialize().unwrap();
    assert!(driver.initialize().is_err(), "a second handshake");
}

#[test]
fn a_plugin_that_cannot_start_says_what_is_missing() {
    let plugin = hello().on_start(|plugin, start| match start.config.get("region") {
        Some(_) => Ok(plugin),
        None => Err(Error::new(ErrorKind::Setup, "`region` is not set").hint("set it")),
    });
    let failure = Driver::of_plugin(plugin).unwrap().initialize().unwrap_err();
    assert_eq!(
        (failure.kind(), failure.data.missing.as_deref()),
        (ErrorKind::Setup, Some("`region` is not set"))
    );
    assert_eq!(failure.data.help.as_deref(), Some("set it"));
}

/// Waits until it is so.
fn comes(flag: &AtomicBool, else_say: &str) {
    let until = Instant::now() + SOON;
    while !flag.load(SeqCst) {
        assert!(Instant::now() < until, "{else_say}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_cancelled_request_is_answered_soon() {
    let dropped = Arc::new(AtomicBool::new(false));
    struct OnDrop(Arc<AtomicBool>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    let flag = dropped.clone();
    let mut patient = driver(telling(move |_, _, mut say| {
        let guard = OnDrop(flag.clone());
        async move {
            say.text("on").await;
            std::future::pending::<()>().await;
            drop(guard);
            stop()
        }
    }));
    let id = patient.ask("generate", asking("m", "go"));
    assert!(patient.line(SOON).is_some());
    let before = Instant::now();
    patient.cancel(id);
    let answer = patient.answered(id);
    assert_eq!(answer.result.unwrap().finish_reason.as_deref(), Some("cancelled"));
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    comes(&dropped, "the author's future was not dropped");
    // Code that blocks is answered for.
    let blocks = Arc::new(AtomicBool::new(false));
    let flag = blocks.clone();
    let mut blocking = driver(telling(move |_, _, mut say| {
        let flag = flag.clone();
        async move {
            say.text("on").await;
            flag.store(true, SeqCst);
            std::thread::sleep(Duration::from_secs(8));
            stop()
        }
    }));
    let id = blocking.ask("generate", asking("m", "go"));
    assert!(blocking.line(SOON).is_some());
    // What is cancelled between the word and the sleep does not block.
    comes(&blocks, "it did not go on");
    blocking.cancel(id);
    let before = Instant::now();
    assert!(blocking.answered(id).result.is_ok());
    assert!(before.elapsed() < Duration::from_secs(4), "{:?}", before.elapsed());
    assert!(blocking.line(SOON).unwrap().contains("blocks"));
    assert!(blocking.call("ping", json!({})).is_ok());
}

#[test]
fn a_panic_says_where_and_ends_one_request_only() {
    let mut driver = driver(telling(|request, _, mut say| async move {
        assert!(request.last_user_text() != "panic", "as asked");
        say.text("fine").await;
        stop()
    }));
    let failure = driver.generate(asking("m", "panic")).result.unwrap_err();
    assert_eq!(
        (failure.kind(), failure.message.as_str()),
        (ErrorKind::PluginBug, "the plugin panicked: as asked")
    );
    let at = failure.data.at.unwrap();
    assert!(at.contains("serve.rs:"), "{at}");
    assert_eq!(driver.generate(asking("m", "go")).text(), "fine");
}

#[test]
fn a_ping_is_answered_while_requests_block() {
    let mut driver = driver(telling(|_, _, _| async move {
        std::thread::sleep(Duration::from_secs(2));
        stop()
    }));
    for _ in 0..20 {
        driver.ask("generate", asking("m", "go"));
    }
    let before = Instant::now();
    assert!(driver.call("ping", json!({})).is_ok());
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[test]
fn keys_come_with_the_request_or_from_the_host() {
    let plugin = telling(|request, context: Context, mut say| async move {
        let name = request.last_user_text();
        let key = ConfigKey { name, secret: true, required: true, ..ConfigKey::default() };
        let found = context.credentials.resolve("zoo", &key).await?;
        say.text(found.as_ref().map_or("none", |key| key.expose())).await;
        stop()
    });
    let mut driver = Driver::of_plugin(plugin).unwrap().secret("acme", "sk-host").secret("other", "sk-other");
    driver.initialize().unwrap();
    let mut params = asking("m", "acme");
    params["secrets"] = json!({"acme": "sk-given"});
    assert_eq!(driver.generate(params).text(), "sk-given");
    assert_eq!(driver.generate(asking("m", "other")).text(), "sk-other");
    let refused = driver.generate(asking("m", "secret")).result.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Setup);
}

#[test]
fn a_model_runs_tools_of_the_host() {
    let mut driver = driver(telling(|_, context: Context, mut say| async move {
        let tools = context.tools.ok_or_else(|| Error::unsupported("no tools"))?;
        let call = ToolCall { id: "c".into(), name: "t".into(), arguments: json!({"x": 1}).into() };
        let output = tools.run(call).await?;
        say.text(output.content[0].as_text().unwrap_or_default()).await;
        stop()
    }));
    assert_eq!(driver.generate(asking("m", "go")).text(), r#"{"x":1}"#);
    let mut params = asking("m", "go");
    params["meta"] = json!({"runTools": false});
    assert_eq!(driver.generate(params).result.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(driver.wrong(), [] as [String; 0]);
}

#[test]
fn the_host_is_reached_from_inside_a_request_only() {
    assert!(Link::current().is_none());
    let mut driver = driver(telling(|_, _, mut say| async move {
        let link = Link::current().ok_or_else(|| Error::unsupported("no host"))?;
        link.log("info", "hello");
        link.models_changed();
        let failed = link.http(HttpRequest::default()).await.unwrap_err();
        say.text(failed.kind().as_str()).await;
        stop()
    }));
    // The driver knows no HTTP, and says so.
    assert_eq!(driver.generate(asking("m", "go")).text(), "unsupported");
}

#[test]
fn what_is_no_message_is_refused_and_the_next_is_answered() {
    let mut driver = driver(hello());
    let long =
        format!(r#"{{"jsonrpc":"2.0","id":50,"method":"ping","params":"{}"}}"#, "x".repeat(MAX_MESSAGE));
    let cases: [(&str, i32, Value); 7] = [
        ("garbage", code::PARSE, Value::Null),
        ("[1,2]", code::INVALID_REQUEST, Value::Null),
        (r#"{"jsonrpc":"2.0","id":7}"#, code::INVALID_REQUEST, 7.into()),
        (r#"{"jsonrpc":"2.0","id":8,"method":"ping""#, code::PARSE, 8.into()),
        (&long, code::INVALID_REQUEST, 50.into()),
        (r#"{"jsonrpc":"2.0","id":9,"method":"no/such"}"#, code::UNKNOWN_METHOD, 9.into()),
        (
            r#"{"jsonrpc":"2.0","id":10,"method":"generate","params":{"model":7}}"#,
            code::INVALID_PARAMS,
            10.into(),
        ),
    ];
    for (line, code, id) in cases {
        driver.send_unjudged(&format!("{line}\n"));
        let answer: Value = serde_json::from_str(&driver.line_unjudged(SOON).unwrap()).unwrap();
        let start: String = line.chars().take(60).collect();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&code.into(), &id), "{start}: {answer}");
    }
    driver.send_unjudged("\n  \n{\"jsonrpc\":\"2.0\",\"method\":\"x-unheard\"}\n");
    assert!(driver.call("ping", json!({})).is_ok());
    assert_eq!(driver.generate(asking("m", "go")).text(), "hello");
}

#[test]
fn the_end_of_stdin_ends_what_runs() {
    let (to, cancelled) = mpsc::channel();
    let mut driver = driver(telling(move |_, context: Context, mut say| {
        let to = to.clone();
        async move {
            say.text("on").await;
            context.cancel.cancelled().await;
            to.send(()).unwrap();
            stop()
        }
    }));
    driver.ask("generate", asking("m", "go"));
    assert!(driver.line(SOON).is_some());
    drop(driver);
    // Either the code saw the cancel, or its future was dropped and the channel with it.
    assert!(cancelled.recv_timeout(SOON) != Err(mpsc::RecvTimeoutError::Timeout));
}
