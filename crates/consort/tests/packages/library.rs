//! What the program has no flag for, by the library, with the same packages in the same home: schemas, tools whose
//! results go back, and conversations.
use crate::answers::{anthropic, gemini};
use crate::blocks::blocks;
use crate::guide::{async_model, new_model};
use crate::home::Home;
use consort::{
    Context, FunctionSpec, Media, Message, Model, Output, Part, Provider, Request, Response, Role, Secret,
    ToolSpec,
};
use consort_plugins::found::{Folder, Origin};
use consort_plugins::{Home as Plugged, PluginProvider, Plugins};
use consort_providers::{KeyChain, TokioClock};
use consort_settings::{Env, Folders, KeyStore};
use consort_testkit::{FakeServer, TlsProxy};
use serde_json::{Value, json};
use std::sync::Arc;

/// The plugins of the home, with these variables.
fn open(_home: &Home, more: &[(&str, &str)]) -> Plugins {
    let own = Home::path("").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let fixed = [("CONSORT_HOME", own.as_str()), ("PATH", path.as_str())];
    let env =
        Env::of(fixed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let folders = Folders::find(&env);
    let folder = Folder { path: folders.plugins_dir(), origin: Origin::Data, trusted: true };
    Plugins::open(Plugged::new(&folders, &env, ["anthropic".to_owned(), "gemini".to_owned()]), vec![folder]).0
}

async fn model(plugins: &Plugins, plugin: &str, name: &str) -> Arc<dyn Model> {
    let plugin = plugins.find(plugin).unwrap();
    plugin.check().await;
    PluginProvider::new(plugin).model(name).unwrap_or_else(|| panic!("no model {name}"))
}

/// Asks with a key of the caller's own.
async fn ask(model: &Arc<dyn Model>, request: Request) -> Response {
    let nowhere = KeyStore::of(&Folders { config: "/nowhere".into(), data: "/nowhere".into() });
    let chain = KeyChain::new(Some(Secret::new("sk-mine")), nowhere, Env::default());
    model.generate(request.into(), Context::new(Arc::new(TokioClock), Arc::new(chain))).await.unwrap()
}

fn weather() -> ToolSpec {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    ToolSpec::Function(FunctionSpec::new("weather", "The weather of a city.", city))
}

fn called(answer: &Response) -> Vec<(String, Value)> {
    answer.tool_calls().map(|call| (call.name.clone(), call.arguments.value().unwrap())).collect()
}

/// The next turn: what was answered, and what its tool said.
fn with_result(mut request: Request, answer: Response, result: &str) -> Request {
    let call = answer.tool_calls().next().unwrap().clone();
    request.messages.push(answer.into_message());
    request.messages.push(Message::new(Role::Tool, vec![Part::tool_result(call.id, call.name, result)]));
    request
}

fn body(asked: &consort_testkit::Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

#[tokio::test]
#[ignore = "installs a package"]
async fn a_schema_and_a_conversation_of_the_guide() {
    let Some(all) = blocks("003") else { return };
    let Some(home) = Home::with_file("guide_async", &async_model(&all)) else { return };
    let plugins = open(&home, &[]);
    let asked = model(&plugins, "guide_async", "my-model-id").await;
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let mut request = Request::ask("a dog");
    request.output = Output::Schema { name: "dog".into(), description: None, schema, strict: None };
    request.stream = false;
    let answer = ask(&asked, request).await;
    assert_eq!(answer.text(), "{\"name\": \"x\"}");

    let Some(home) = Home::with_file("guide_media", &new_model(&all)) else { return };
    let plugins = open(&home, &[]);
    let asked = model(&plugins, "guide_media", "new-model").await;
    let picture = std::fs::read(Home::picture()).unwrap();
    let first = Message::new(
        Role::User,
        vec![Part::media(Media::bytes("image/png", picture)), Part::text("what is this")],
    );
    let talk = vec![first, Message::assistant("a cat"), Message::user("and now")];
    let answer = ask(&asked, Request::new(talk)).await;
    let seen: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!((&seen[1]["content"], &seen[2]["content"]), (&"a cat".into(), &"and now".into()), "{seen:#}");
    assert_eq!(seen[0]["content"][0]["text"], "what is this", "{seen:#}");
    assert!(
        seen[0]["content"][1]["image_url"]["url"].as_str().unwrap().starts_with("data:image/png"),
        "{seen:#}"
    );
}

/// Tools in the six steps of the guide, in all four cases: sync, async, streamed, not.
const TOOLS: &str = "import llm


def turn(prompt, response, conversation):
    earlier = [call.name for each in (conversation.responses if conversation else []) for call in each.tool_calls_or_raise()]
    if prompt.tool_results:
        assert prompt.prompt is None or prompt.prompt == ''
        return f'{prompt.tool_results[0].name} said {prompt.tool_results[0].output} after {earlier}'
    for tool in prompt.tools:
        response.add_tool_call(llm.ToolCall(name=tool.name, arguments={'city': 'Oslo'}, tool_call_id='c1'))
    return ''


class Caller(llm.Model):
    model_id = 'caller'
    supports_tools = True

    def execute(self, prompt, stream, response, conversation):
        yield turn(prompt, response, conversation)


class AsyncCaller(llm.AsyncModel):
    model_id = 'async-caller'
    supports_tools = True
    can_stream = True

    async def execute(self, prompt, stream, response, conversation=None):
        yield turn(prompt, response, conversation)


@llm.hookimpl
def register_models(register):
    register(Caller())

    class Never(llm.Model):
        model_id = 'async-caller'
        supports_tools = True

        def execute(self, prompt, stream, response, conversation):
            yield turn(prompt, response, conversation)

    register(Never(), AsyncCaller())
";

#[tokio::test]
#[ignore = "installs a package"]
async fn tools_of_a_file() {
    let Some(home) = Home::with_file("guide_tools", TOOLS) else { return };
    let plugins = open(&home, &[]);
    for name in ["caller", "async-caller"] {
        let asked = model(&plugins, "guide_tools", name).await;
        for stream in [true, false] {
            let mut request = Request::ask("Weather?");
            request.tools = vec![weather()];
            request.stream = stream;
            let answer = ask(&asked, request.clone()).await;
            assert_eq!(called(&answer), [("weather".to_owned(), json!({"city": "Oslo"}))], "{name} {stream}");
            let answer = ask(&asked, with_result(request, answer, "4 degrees")).await;
            assert_eq!(answer.text(), "weather said 4 degrees after ['weather']", "{name} {stream}");
        }
    }
}

#[tokio::test]
#[ignore = "installs a package"]
async fn tools_of_echo() {
    let Some(home) = Home::with("llm-echo") else { return };
    let plugins = open(&home, &[]);
    let asked = model(&plugins, "llm-echo", "echo").await;
    let mut request = Request::ask(
        json!({"tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}], "prompt": "p"})
            .to_string(),
    );
    request.tools = vec![weather()];
    let answer = ask(&asked, request.clone()).await;
    assert_eq!(called(&answer), [("weather".to_owned(), json!({"city": "Oslo"}))]);
    let answer = ask(&asked, with_result(request, answer, "4 degrees")).await;
    assert!(answer.text().contains("4 degrees"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "installs a package"]
async fn tools_of_anthropic_go_round() {
    let Some(home) = Home::with("llm-anthropic") else { return };
    let server = FakeServer::start([anthropic()]).await.unwrap();
    let url = server.url();
    let plugins = open(&home, &[("ANTHROPIC_BASE_URL", &url)]);
    let asked = model(&plugins, "llm-anthropic", "anthropic/claude-sonnet-4-5").await;
    let mut request = Request::ask("Weather?");
    request.tools = vec![weather()];
    let answer = ask(&asked, request.clone()).await;
    assert_eq!(called(&answer), [("weather".to_owned(), json!({"city": "Oslo"}))]);
    assert_eq!(answer.reasoning(), "hm");
    ask(&asked, with_result(request, answer, "4 degrees")).await;
    let sent = body(server.asked().last().unwrap());
    assert_eq!(sent["tools"][0]["name"], "weather", "{sent:#}");
    // The thought goes back signed, before the call and its result.
    assert_eq!(sent["messages"][1]["content"][0]["signature"], "SIGNED", "{sent:#}");
    assert_eq!(sent["messages"][2]["content"][0]["type"], "tool_result", "{sent:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "installs a package"]
async fn a_schema_and_tools_of_gemini() {
    let Some(home) = Home::with("llm-gemini") else { return };
    let call = json!({"functionCall": {"name": "weather", "args": {"city": "Oslo"}}});
    let proxy =
        TlsProxy::start([gemini(&[call]), gemini(&[json!({"text": "{\"name\": \"Rex\"}"})])]).await.unwrap();
    let (url, trusted) = (proxy.url(), proxy.ca_file().display().to_string());
    let plugins = open(&home, &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", &trusted)]);
    let asked = model(&plugins, "llm-gemini", "gemini/gemini-2.5-flash").await;
    let mut request = Request::ask("Weather?");
    request.tools = vec![weather()];
    let answer = ask(&asked, request).await;
    assert_eq!(called(&answer), [("weather".to_owned(), json!({"city": "Oslo"}))]);
    assert!(body(&proxy.asked()[0])["tools"].to_string().contains("weather"));
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    let mut request = Request::ask("a dog");
    request.output = Output::Schema { name: "dog".into(), description: None, schema, strict: None };
    assert_eq!(ask(&asked, request).await.text(), "{\"name\": \"Rex\"}");
    let sent = body(&proxy.asked()[1]);
    assert!(sent["generationConfig"].to_string().contains("\"name\""), "{sent:#}");
}
