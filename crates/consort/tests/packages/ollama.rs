//! llm-ollama against a server of our own, named by OLLAMA_HOST.
use crate::answers::{ollama_chat, ollama_show, ollama_tags};
use crate::home::Home;
use crate::support::Vendor;
use serde_json::Value;

#[test]
#[ignore = "installs a package"]
fn ollama() {
    let Some(home) = Home::with("llm-ollama") else { return };
    // Without a server it has no models, and that is no fault.
    let none = home.run_with(&[("OLLAMA_HOST", "http://127.0.0.1:9")], &["plugins", "reload", "llm-ollama"]);
    assert!(none.code == 0 && none.stderr.contains("llm-ollama is ready"), "{none}");
    let vendor = Vendor::new([]);
    vendor.server.at("/api/tags", ollama_tags());
    vendor.server.at("/api/show", ollama_show());
    vendor.server.at("/api/chat", ollama_chat());
    let url = vendor.url();
    let env = [("OLLAMA_HOST", url.as_str())];
    // Now it runs: what was learnt without it does not stand in the way.
    let run = home.run_with(
        &env,
        &[
            "--json",
            "-m",
            "llm-ollama/ollama/tiny:latest",
            "-s",
            "be kind",
            "-o",
            "temperature",
            "0.5",
            "hello",
        ],
    );
    assert_eq!(run.code, 0, "{run}");
    let object = run.json();
    assert_eq!(
        (object["text"].as_str(), object["usage"]["input"].as_u64(), object["usage"]["output"].as_u64()),
        (Some("Hello"), Some(5), Some(2)),
        "{object:#}"
    );
    let asked = vendor.server.asked();
    let chat = asked.iter().find(|asked| asked.path == "/api/chat").unwrap();
    let body: Value = serde_json::from_slice(&chat.body).unwrap();
    assert_eq!(
        (&body["messages"][0]["role"], &body["messages"][1]["content"]),
        (&"system".into(), &"hello".into())
    );
    assert_eq!(body["options"]["temperature"], 0.5);
    let picture = home.run_with(&env, &["-m", "tiny:latest", "-a", &home.picture(), "what is this"]);
    assert_eq!((picture.code, picture.stdout.as_str()), (0, "Hello"), "{picture}");
    let last: Value = serde_json::from_slice(&vendor.server.asked().last().unwrap().body).unwrap();
    assert!(last["messages"][0]["images"][0].is_string(), "{last:#}");
    assert_eq!(home.row("llm-ollama")["state"], "ready");
    let commands = home.run_with(&env, &["plugins", "run", "llm-ollama", "--", "ollama", "models"]);
    assert!(commands.code == 0 && commands.stdout.contains("tiny:latest"), "{commands}");
}
