//! The program against a server: answers in odd pieces, and every fault with its exit code and a hint.
use super::support::{Place, Run};
use consort_testkit::{FakeServer, Reply};
use insta::assert_snapshot;
use std::time::{Duration, Instant};

const KEY: &str = "sk-test-5ecret-0f-the-t3st";
const SSE: &str = "text/event-stream";

/// A vendor that nobody thought of, described by a file, with short timers.
fn place(server: &FakeServer) -> Place {
    let place = Place::new();
    let text = format!(
        "name = 'Acme'\nwire = 'openai-chat'\nbase_url = '{}/v9'\nkey_env = ['ACME_KEY']\n\
         timers = {{ connect = 1, first_event = 0.5, idle = 0.5, deadline = 5 }}\n",
        server.url()
    );
    place.file("home/providers/acme.toml", text);
    place
}

fn chunk(text: &str) -> String {
    format!(
        "data: {{\"id\":\"c-1\",\"model\":\"brain-7\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

const END: &str = "data: {\"id\":\"c-1\",\"model\":\"brain-7\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"id\":\"c-1\",\"model\":\"brain-7\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n\
    data: [DONE]\n\n";

/// Asks the vendor. Whatever comes of it, the key is nowhere in the output.
async fn ask(server: &FakeServer, args: &[&str]) -> Run {
    let place = place(server);
    let args: Vec<String> =
        ["-m", "acme/brain", "hi"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
    let run = tokio::task::spawn_blocking(move || {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let run = place.run_with(&[("ACME_KEY", KEY)], &args);
        assert!(!run.to_string().contains("5ecret"), "{run}");
        run
    });
    run.await.unwrap()
}

async fn answer(reply: Reply, args: &[&str]) -> Run {
    ask(&FakeServer::start([reply]).await.unwrap(), args).await
}

#[tokio::test]
async fn answers_come_in_any_pieces() {
    let body = format!("{}{}{END}", chunk("Grüße, "), chunk("Welt"));
    for sizes in [&[1][..], &[2, 3, 5, 7], &[64], &[4096]] {
        let run = answer(Reply::chunked(SSE, &body, sizes), &["-u"]).await;
        assert_eq!((run.code, run.stdout.as_str()), (0, "Grüße, Welt"), "{run}");
        assert!(run.stderr.starts_with("acme/brain - 3 in - 2 out - price unknown - "), "{run}");
    }
    let object = answer(Reply::chunked(SSE, &body, &[7]), &["--json"]).await.json();
    assert_eq!(object["text"], "Grüße, Welt");
    assert_eq!(object["resolved_model"], "brain-7");
    assert!(object["cost"].is_null());
}

#[tokio::test]
async fn a_single_body_is_asked_for() {
    let body = r#"{"id":"c-1","model":"brain-7","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}"#;
    let server = FakeServer::start([Reply::json(body)]).await.unwrap();
    let run = ask(&server, &["--no-stream", "-s", "Be kind.", "-o", "temperature", "0.5"]).await;
    assert_eq!(run.stdout, "Hello", "{run}");
    let asked = server.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("POST", "/v9/chat/completions"));
    assert_eq!(asked[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let sent: serde_json::Value = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!((&sent["model"], &sent["temperature"]), (&"brain".into(), &0.5.into()));
    assert!(sent.get("stream").is_none_or(|stream| stream == false), "{sent}");
}

#[tokio::test]
async fn each_status_has_its_exit_code() {
    let error = |message: &str| format!(r#"{{"error":{{"message":"{message}"}}}}"#);
    let cases = [
        (401, error(&format!("Incorrect API key provided: {KEY}")), 3, "auth"),
        (403, error("not yours"), 3, "permission"),
        (404, error("The model `brain` does not exist"), 4, "model_not_found"),
        (413, error("too large"), 5, "context_length"),
        (400, error("bad temperature"), 5, "invalid_request"),
        (500, error("oh"), 5, "server"),
        (529, error("overloaded"), 5, "overloaded"),
    ];
    for (status, body, code, kind) in cases {
        let run = answer(Reply::error(status, &[], &body), &["--json"]).await;
        let object = run.json();
        assert_eq!((run.code, object["error"]["code"].as_str()), (code, Some(kind)), "{status}: {run}");
        assert_eq!(object["error"]["status"], status);
        assert!(run.stderr.starts_with("error: acme: "), "{run}");
    }
}

#[tokio::test]
async fn a_refused_key_says_what_to_do() {
    let run = answer(Reply::error(401, &[], r#"{"error":{"message":"no such key"}}"#), &[]).await;
    assert_snapshot!(run, @r#"
    exit 3
    --- stderr
    error: acme: no such key
      help: replace the key with `consort keys set acme`, or in ACME_KEY
    "#);
}

#[tokio::test]
async fn each_form_of_retry_after_is_told() {
    for (header, seconds) in [(("retry-after", "7"), 7.0), (("retry-after-ms", "1500"), 1.5)] {
        let reply = Reply::error(429, &[header], r#"{"error":{"message":"slow down"}}"#);
        let run = answer(reply, &["--json"]).await;
        assert_eq!((run.code, run.json()["error"]["retry_after_s"].as_f64()), (6, Some(seconds)), "{run}");
    }
}

#[tokio::test]
async fn faults_of_the_stream_keep_what_came() {
    let error = "data: {\"error\":{\"message\":\"upstream fell over\",\"code\":502}}\n\n";
    let long = "x".repeat(1024 * 1024);
    let cases = [
        ("cut before", Reply::open(SSE).reset(), 7, "network", ""),
        ("cut after", Reply::open(SSE).piece(chunk("Hel")).reset(), 5, "interrupted", "Hel"),
        ("no end", Reply::open(SSE).piece(chunk("Hel")).end(), 5, "interrupted", "Hel"),
        ("error inside", Reply::open(SSE).piece(chunk("Hel")).piece(error).end(), 5, "server", "Hel"),
        ("garbage", Reply::json("\u{1}\u{2} this is not json"), 5, "protocol", ""),
        ("50 MB", Reply::open(SSE).piece("data: \"").repeat(&long, 50).end(), 5, "protocol", ""),
        ("silence", Reply::silence(), 7, "timeout", ""),
        ("stuck", Reply::open(SSE).piece(chunk("Hel")).hang(), 7, "timeout", "Hel"),
    ];
    for (name, reply, code, kind, text) in cases {
        let begun = Instant::now();
        let run = answer(reply, &["--json"]).await;
        assert!(begun.elapsed() < Duration::from_secs(8), "{name}");
        let object = run.json();
        assert_eq!((run.code, object["error"]["code"].as_str()), (code, Some(kind)), "{name}: {run}");
        assert_eq!(object["text"], text, "{name}");
    }
    let run = answer(Reply::open(SSE).piece(chunk("Hel")).reset(), &[]).await;
    assert!(run.stdout == "Hel" && run.stderr.starts_with("error: acme: "), "{run}");
}

#[tokio::test]
async fn the_log_holds_no_key() {
    let server =
        FakeServer::start([Reply::chunked(SSE, format!("{}{END}", chunk("Hi")), &[9])]).await.unwrap();
    let place = place(&server);
    let run = tokio::task::spawn_blocking(move || {
        place.run_with(&[("ACME_KEY", KEY), ("CONSORT_LOG", "trace")], &["-m", "acme/brain", "hi"])
    });
    let run = run.await.unwrap();
    assert_eq!(run.stdout, "Hi", "{run}");
    assert!(run.stderr.contains("DEBUG") && !run.stderr.contains("5ecret"), "{run}");
}

#[tokio::test]
async fn live_lists_are_asked_for_and_kept() {
    let list =
        r#"{"object":"list","data":[{"id":"brain","object":"model"},{"id":"brawn","object":"model"}]}"#;
    let server = FakeServer::start([Reply::json(list)]).await.unwrap();
    let place = place(&server);
    let runs = tokio::task::spawn_blocking(move || {
        let env = [("ACME_KEY", KEY)];
        let live = place.run_with(&env, &["models", "-q", "acme", "--live", "--json"]);
        (live, place.run_with(&env, &["models", "-q", "acme", "--json"]))
    });
    let (live, kept) = runs.await.unwrap();
    assert_eq!(live.json(), kept.json(), "{live}");
    assert_eq!(kept.json()[1]["id"], "acme/brawn", "{kept}");
    assert_eq!(server.asked().len(), 1);
}
