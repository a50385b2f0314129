//! Every built-in provider sends to the right path, with the key in the right place, when a variable moves it.
use crate::support::Place;
use consort_core::Request;
use consort_settings::Env;
use consort_testkit::{FakeServer, Reply};

/// The provider, the variable of its address, the variable of its key, a model, the path that is asked, and
/// the header that holds the key.
const ALL: [[&str; 6]; 26] = [
    ["openai", "OPENAI_BASE_URL", "OPENAI_API_KEY", "gpt-4o-mini", "/chat/completions", "authorization"],
    ["openai", "OPENAI_BASE_URL", "OPENAI_API_KEY", "gpt-5-mini", "/responses", "authorization"],
    ["anthropic", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "claude-haiku-4-5", "/v1/messages", "x-api-key"],
    [
        "gemini",
        "GEMINI_BASE_URL",
        "GEMINI_API_KEY",
        "gemini-2.5-flash",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        "x-goog-api-key",
    ],
    [
        "vertex",
        "VERTEX_BASE_URL",
        "GOOGLE_ACCESS_TOKEN",
        "gemini-2.5-pro",
        "/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        "authorization",
    ],
    [
        "vertex-anthropic",
        "ANTHROPIC_VERTEX_BASE_URL",
        "GOOGLE_ACCESS_TOKEN",
        "claude-sonnet-5",
        "/models/claude-sonnet-5:streamRawPredict",
        "authorization",
    ],
    [
        "bedrock",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        "AWS_BEARER_TOKEN_BEDROCK",
        "amazon.nova-lite-v1:0",
        "/model/amazon.nova-lite-v1%3A0/converse-stream",
        "authorization",
    ],
    [
        "azure-openai",
        "AZURE_OPENAI_ENDPOINT",
        "AZURE_OPENAI_API_KEY",
        "gpt-4o",
        "/openai/v1/chat/completions",
        "api-key",
    ],
    ["ollama", "OLLAMA_HOST", "OLLAMA_API_KEY", "llama3", "/api/chat", "authorization"],
    ["groq", "GROQ_BASE_URL", "GROQ_API_KEY", "m", "/openai/v1/chat/completions", "authorization"],
    ["mistral", "MISTRAL_BASE_URL", "MISTRAL_API_KEY", "m", "/chat/completions", "authorization"],
    ["deepseek", "DEEPSEEK_BASE_URL", "DEEPSEEK_API_KEY", "m", "/chat/completions", "authorization"],
    ["openrouter", "OPENROUTER_BASE_URL", "OPENROUTER_API_KEY", "m", "/chat/completions", "authorization"],
    ["together", "TOGETHER_BASE_URL", "TOGETHER_API_KEY", "m", "/chat/completions", "authorization"],
    ["fireworks", "FIREWORKS_BASE_URL", "FIREWORKS_API_KEY", "m", "/chat/completions", "authorization"],
    ["xai", "XAI_BASE_URL", "XAI_API_KEY", "m", "/chat/completions", "authorization"],
    ["cerebras", "CEREBRAS_BASE_URL", "CEREBRAS_API_KEY", "m", "/chat/completions", "authorization"],
    [
        "perplexity",
        "PERPLEXITY_BASE_URL",
        "PERPLEXITY_API_KEY",
        "sonar",
        "/chat/completions",
        "authorization",
    ],
    ["cohere", "COHERE_BASE_URL", "COHERE_API_KEY", "m", "/v2/chat", "authorization"],
    ["huggingface", "HF_BASE_URL", "HF_TOKEN", "m", "/chat/completions", "authorization"],
    ["nvidia", "NVIDIA_BASE_URL", "NVIDIA_API_KEY", "m", "/chat/completions", "authorization"],
    ["moonshot", "MOONSHOT_BASE_URL", "MOONSHOT_API_KEY", "m", "/chat/completions", "authorization"],
    ["zai", "ZAI_BASE_URL", "ZAI_API_KEY", "m", "/chat/completions", "authorization"],
    ["lmstudio", "LM_STUDIO_API_BASE", "LMSTUDIO_API_KEY", "m", "/v1/chat/completions", "authorization"],
    ["llama-server", "LLAMA_SERVER_BASE_URL", "LLAMA_API_KEY", "m", "/v1/chat/completions", "authorization"],
    ["vllm", "VLLM_BASE_URL", "VLLM_API_KEY", "m", "/v1/chat/completions", "authorization"],
];

#[tokio::test]
async fn each_asks_the_right_address() {
    let place = Place::new();
    let server = FakeServer::start([Reply::error(500, &[], "{}")]).await.unwrap();
    for [id, at, key, model, path, header] in ALL {
        let env = Env::of([(at, server.url().as_str()), (key, "k3y")]);
        let model = place.provider(id, &env).model(model).unwrap();
        let error = model.generate(Request::ask("Hello").into(), place.context(&env)).await.unwrap_err();
        assert_eq!(error.http_status(), Some(500), "{id}: {error:?}");
        assert_eq!(error.provider_id(), Some(id));
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.path, path, "{id}");
        let shown = asked.header(header).unwrap_or_default();
        assert_eq!(shown.trim_start_matches("Bearer "), "k3y", "{id}");
    }
}
