//! llm-mistral, whose host is fixed, behind a proxy that answers for it. It asks for its list of models first.
use crate::answers::{mistral, mistral_models};
use crate::home::Home;
use crate::support::Proxy;
use serde_json::Value;

#[test]
#[ignore = "installs a package"]
fn mistral_through_the_proxy() {
    let Some(home) = Home::with("llm-mistral") else { return };
    home.key("mistral", "sk-mis-test");
    assert_eq!(home.run(&["plugins", "grant", "llm-mistral", "mistral"]).code, 0);
    let proxy = Proxy::new([]);
    proxy.server.at("/v1/models", mistral_models());
    proxy.server.at("/v1/chat/completions", mistral());
    let refreshed =
        home.run_with(&proxy.env(), &["plugins", "run", "llm-mistral", "--", "mistral", "refresh"]);
    assert_eq!(refreshed.code, 0, "{refreshed}");
    let reloaded = home.run_with(&proxy.env(), &["plugins", "reload", "llm-mistral"]);
    assert!(reloaded.stderr.contains("llm-mistral is ready"), "{reloaded}");
    let models = home.row("llm-mistral")["models"].clone();
    let ours =
        models.as_array().unwrap().iter().find(|id| id.as_str().unwrap().contains("mistral-tiny-test"));
    let model = ours.unwrap_or_else(|| panic!("{models}")).as_str().unwrap();
    let run = home.run_with(
        &proxy.env(),
        &["--json", "-m", model, "-s", "be kind", "-o", "temperature", "0.5", "hello"],
    );
    assert_eq!(run.code, 0, "{run}");
    let object = run.json();
    assert_eq!(
        (object["text"].as_str(), object["resolved_model"].as_str()),
        (Some("Bonjour"), Some("mistral-x-2026")),
        "{object:#}"
    );
    assert_eq!(
        (object["usage"]["input"].as_u64(), object["usage"]["output"].as_u64()),
        (Some(11), Some(2)),
        "{object:#}"
    );
    let asked = proxy.server.asked();
    let chat = asked.iter().find(|asked| asked.path.starts_with("/v1/chat")).unwrap();
    assert!(chat.host.starts_with("api.mistral.ai"), "{}", chat.host);
    assert_eq!(chat.header("authorization"), Some("Bearer sk-mis-test"));
    let body: Value = serde_json::from_slice(&chat.body).unwrap();
    assert_eq!(body["temperature"], 0.5, "{body:#}");
    let picture = home.picture();
    let seeing =
        models.as_array().unwrap().iter().find(|id| id.as_str().unwrap().contains("pixtral-test")).unwrap();
    let run = home.run_with(&proxy.env(), &["-m", seeing.as_str().unwrap(), "-a", &picture, "look"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "Bonjour"), "{run}");
    let blind = home.run_with(&proxy.env(), &["-m", model, "-a", &picture, "look"]);
    assert!(blind.code == 2 && blind.stderr.contains("cannot read images"), "{blind}");
}
