//! What is sent for a question, and what is shown of an answer. The wires are in `vendors`, the faults in `faults`.
use super::support::{Place, Run};
use consort_testkit::{FakeServer, Reply};
use insta::assert_snapshot;

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
async fn a_refused_key_says_what_to_do() {
    let run = answer(Reply::error(401, &[], r#"{"error":{"message":"no such key"}}"#), &[]).await;
    assert_snapshot!(run, @r#"
    exit 3
    --- stderr
    error: acme: no such key
      help: replace the key with `consort keys set acme`, or in ACME_KEY
    "#);
}
