//! llm-gemini, whose host is fixed, behind a proxy that answers for it.
use crate::answers::gemini;
use crate::home::Home;
use crate::support::Proxy;
use consort_testkit::Reply;
use serde_json::{Value, json};

const MODEL: &str = "llm-gemini/gemini/gemini-2.5-flash";

#[test]
#[ignore = "installs a package"]
fn gemini_through_the_proxy() {
    let Some(home) = Home::with("llm-gemini") else { return };
    home.key("gemini", "sk-gem-test");
    assert_eq!(home.run(&["plugins", "grant", "llm-gemini", "gemini"]).code, 0);
    let proxy = Proxy::new([gemini(&[json!({"text": "Hel"}), json!({"text": "lo"})])]);
    let run = home.run_with(
        &proxy.env(),
        &[
            "--json",
            "-m",
            MODEL,
            "-s",
            "be kind",
            "-o",
            "temperature",
            "0.5",
            "-a",
            &Home::picture(),
            "hello",
        ],
    );
    assert_eq!(run.code, 0, "{run}");
    let object = run.json();
    assert_eq!(
        (object["text"].as_str(), object["resolved_model"].as_str()),
        (Some("Hello"), Some("gemini-x-001")),
        "{object:#}"
    );
    assert_eq!(
        (object["usage"]["input"].as_u64(), object["usage"]["output"].as_u64()),
        (Some(5), Some(2)),
        "{object:#}"
    );
    let asked = proxy.server.asked().pop().unwrap();
    assert!(asked.host.starts_with("generativelanguage.googleapis.com"), "{}", asked.host);
    assert_eq!(asked.header("x-goog-api-key"), Some("sk-gem-test"));
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["generationConfig"]["temperature"], 0.5, "{body:#}");
    assert!(asked.text().contains("image/png") && asked.text().contains("be kind"), "{body:#}");
}

#[test]
#[ignore = "installs a package"]
fn gemini_embeds_and_has_commands() {
    let Some(home) = Home::with("llm-gemini") else { return };
    home.key("gemini", "sk-gem-test");
    home.run(&["plugins", "grant", "llm-gemini", "gemini"]);
    let vectors = json!({"embeddings": [{"values": [0.5, 0.25]}, {"values": [1.0, 0.0]}]});
    let proxy = Proxy::new([]);
    proxy
        .server
        .at("/v1beta/models/gemini-embedding-001:batchEmbedContents", Reply::json(&vectors.to_string()));
    proxy.server.at("/v1beta/models", Reply::json("{\"models\":[{\"name\":\"models/gemini-listed\",\"supportedGenerationMethods\":[\"generateContent\"]}]}"));
    let run = home
        .run_with(&proxy.env(), &["embed", "--json", "-m", "llm-gemini/gemini-embedding-001", "one", "two"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["vectors"], json!([[0.5, 0.25], [1.0, 0.0]]));
    let run = home.run_with(&proxy.env(), &["plugins", "run", "llm-gemini", "--", "gemini", "models"]);
    assert!(run.code == 0 && run.stdout.contains("gemini-listed"), "{run}");
    // What follows is the command's own: its flags are not ours, and its exit code is handed on.
    let help = home.run(&["plugins", "run", "llm-gemini", "gemini", "--help"]);
    assert!(help.code == 0 && help.stdout.contains("files"), "{help}");
    assert_eq!(home.run(&["plugins", "run", "llm-gemini", "--", "gemini", "nonsense"]).code, 2);
}

#[test]
#[ignore = "installs a package"]
fn a_key_in_a_variable_counts_from_the_first_question() {
    let Some(home) = Home::with("llm-gemini") else { return };
    home.run(&["keys", "remove", "gemini"]);
    // To grant is to forget what was learnt: which variables the models read is not known when it is started.
    assert_eq!(home.run(&["plugins", "grant", "llm-gemini", "gemini"]).code, 0);
    let proxy = Proxy::new([gemini(&[json!({"text": "well"})])]);
    let [url, trusted] = proxy.env();
    let run = home.run_with(&[url, trusted, ("LLM_GEMINI_KEY", "sk-gem-env")], &["-m", MODEL, "hello"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "well"), "{run}");
    assert_eq!(proxy.server.asked()[0].header("x-goog-api-key"), Some("sk-gem-env"));
}
