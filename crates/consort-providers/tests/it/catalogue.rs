//! The catalogue: what comes with the program, and what users lay over it.
use crate::support::Place;
use consort_core::State;
use consort_providers::Catalogue;
use consort_settings::{Env, Settings};

#[tokio::test]
async fn the_built_in_providers_are_there() {
    let place = Place::new();
    let catalogue = place.catalogue(&Env::default());
    assert!(catalogue.problems.is_empty(), "{:?}", catalogue.problems);
    let ids: Vec<_> = catalogue.providers.iter().map(|provider| provider.card().id.clone()).collect();
    for id in [
        "openai",
        "anthropic",
        "gemini",
        "bedrock",
        "vertex",
        "vertex-anthropic",
        "ollama",
        "azure-openai",
        "groq",
        "mistral",
        "deepseek",
        "openrouter",
        "together",
        "fireworks",
        "xai",
        "cerebras",
        "perplexity",
        "cohere",
        "huggingface",
        "nvidia",
        "moonshot",
        "zai",
        "lmstudio",
        "llama-server",
        "whisper-server",
        "vllm",
        "tgi",
        "text-generation-webui",
    ] {
        assert!(ids.iter().any(|known| known == id), "{id}");
    }
    for provider in &catalogue.providers {
        let mut seen = std::collections::HashSet::new();
        for model in provider.models().await.unwrap() {
            assert!(seen.insert(model.card().id.clone()), "{} twice", model.card().id);
        }
    }
}

#[test]
fn states_say_what_is_missing() {
    let place = Place::new();
    let check = |id: &str, env: Env, wanted: State| {
        assert_eq!(place.provider(id, &env).card().state, wanted, "{id}");
    };
    let missing = |missing: &str| State::NeedsSetup { missing: missing.into() };
    check("openai", Env::default(), missing("OPENAI_API_KEY"));
    check("openai", Env::of([("OPENAI_API_KEY", "k")]), State::Ready);
    check("ollama", Env::default(), State::Unchecked);
    check("azure-openai", Env::of([("AZURE_OPENAI_API_KEY", "k")]), missing("AZURE_OPENAI_RESOURCE"));
    check("bedrock", Env::default(), missing("AWS_BEARER_TOKEN_BEDROCK"));
    check("bedrock", Env::of([("AWS_ACCESS_KEY_ID", "a")]), State::Ready);
    check("vertex", Env::of([("GOOGLE_CLOUD_PROJECT", "p")]), missing("GOOGLE_ACCESS_TOKEN"));
    place.write("keys.json", r#"{"groq": "k"}"#);
    check("groq", Env::default(), State::Ready);
}

#[tokio::test]
async fn users_add_and_override() {
    let place = Place::new();
    place.write("providers/acme.toml", "wire = \"openai-chat\"\nbase_url = \"https://acme.example/v1\"\n");
    place.write(
        "providers/openai.toml",
        "base_url = \"https://proxy.example/v1\"\nmodels = [{ name = \"gpt-4o\", context = 5 }]\n",
    );
    place.write("providers/broken.toml", "name = \"x\"\nwhat = 1\n");
    place.write("providers/homeless.toml", "name = \"x\"\nwire = \"openai-chat\"\n");
    let table = toml::from_str("name = \"Groq of ours\"\n").unwrap();
    let wrong = toml::from_str("nmae = \"no\"\n").unwrap();
    let settings = Settings {
        providers: [("groq".to_owned(), table), ("mistral".to_owned(), wrong)].into(),
        ..Settings::default()
    };
    let catalogue = Catalogue::load(&place.folders(), &Env::default(), &settings);
    let provider = |id: &str| catalogue.providers.iter().find(|provider| provider.card().id == id);
    assert_eq!(provider("acme").unwrap().card().name, "acme");
    assert_eq!(provider("groq").unwrap().card().name, "Groq of ours");
    // What a bad table describes is not loaded without it: its key might go elsewhere than the user wanted.
    assert!(["mistral", "homeless", "broken"].iter().all(|id| provider(id).is_none()));
    let models = provider("openai").unwrap().models().await.unwrap();
    let gpt = models.iter().find(|model| model.card().name == "gpt-4o").unwrap();
    assert_eq!((gpt.card().limits.context, gpt.card().limits.output), (Some(5), Some(16384)));
    let told: Vec<String> = catalogue
        .problems
        .iter()
        .map(|problem| {
            format!("{}:{:?} {}", problem.file.file_name().unwrap().display(), problem.line, problem.message)
        })
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("broken.toml:Some(2) unknown field `what`"), "{told:?}");
    assert!(
        told.iter().any(|one| one.starts_with("homeless.toml:None") && one.contains("no `base_url`")),
        "{told:?}"
    );
    assert!(told.iter().any(|one| one.contains("[providers.mistral]: unknown field `nmae`")), "{told:?}");
}
