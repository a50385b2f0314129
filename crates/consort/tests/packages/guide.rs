//! The guide for advanced model plugins of `llm`: its examples, taken from the page itself where CONSORT_GUIDES names a
//! folder with the pages, with nothing faked but the client that they call.
use crate::blocks::blocks;
use crate::home::Home;
use serde_json::Value;

/// The one block that holds these words.
pub(crate) fn block(all: &[String], words: &[&str]) -> String {
    let mut found = all.iter().filter(|block| words.iter().all(|word| block.contains(word)));
    found.next().unwrap_or_else(|| panic!("no block with {words:?}")).clone()
}

/// A block, moved to the right.
fn indented(block: &str, by: usize) -> String {
    block.lines().fold(String::new(), |text, line| text + &" ".repeat(by) + line + "\n")
}

const HOOK: &str = "\n\n@llm.hookimpl\ndef register_models(register):\n";

/// What the asynchronous example calls: a client that says back what it was asked with.
const CLIENT: &str = "import llm
from llm import hookimpl
from types import SimpleNamespace as Of

messages = [{'role': 'user', 'content': 'hi'}]


class Completions:
    async def create(self, model, messages, stream):
        if not stream:
            return Of(choices=[Of(message=Of(content=f'{model} at once'))])
        return self.pieces(model)

    async def pieces(self, model):
        for word in (model, None, ' in ', 'pieces'):
            yield Of(choices=[Of(delta=Of(content=word))])


client = Of(chat=Of(completions=Completions()))

";

/// The page's asynchronous model beside its keyed one, under the alias that the page registers.
pub(crate) fn async_model(all: &[String]) -> String {
    let model = block(all, &["class MyAsyncModel(llm.AsyncModel)"]);
    let schema = block(all, &["support_schema = True"]);
    let body = "    model_id = 'my-model-id'

    def execute(self, prompt, stream, response, conversation, key=None):
        import json
        if prompt.schema:
            yield json.dumps({name: 'x' for name in prompt.schema['properties']})
        else:
            yield 'my-model-id without asyncio'
";
    let hook = block(all, &["MyModel(), MyAsyncModel()"]);
    format!(
        "{CLIENT}{model}    model_name = None\n    can_stream = True\n    support_schema = True\n\n{schema}{body}\n{hook}"
    )
}

/// The page's attachments, conversation, usage and resolved model, in one model.
pub(crate) fn new_model(all: &[String]) -> String {
    let class = block(all, &["class NewModel(llm.Model)"]);
    let handling = block(all, &["if not prompt.attachments"]);
    let (inside, helper) = handling.split_at(handling.find("# And the code").unwrap());
    let earlier = block(all, &["for prev_response in conversation.responses"]);
    let usage = block(all, &["response.set_usage("]);
    let resolved = block(all, &["response.set_resolved_model("]);
    format!(
        "import json\nimport llm\n\n{class}\n    def execute(self, prompt, stream, response, conversation):\n        messages = []\n        if conversation:\n{}{}        yield json.dumps(messages)\n{}        resolved_model_id = 'new-model-2026'\n{}\n\nclass Hearing(NewModel):\n    model_id = 'hearing'\n    attachment_types = NewModel.attachment_types | {{'audio/mpeg', 'audio/wav'}}\n\n\n{helper}{HOOK}    register(NewModel())\n    register(Hearing())\n",
        indented(&earlier, 12),
        indented(inside, 8),
        indented(&usage, 8),
        indented(&resolved, 8),
    )
}

#[test]
#[ignore = "installs a package"]
fn a_model_with_a_key() {
    let Some(all) = blocks("003") else { return };
    let start = block(&all, &["class HostedModel(llm.KeyModel)"]);
    let execute = block(&all, &["def execute(self, prompt, stream, response, conversation, key=None):"]);
    let text = format!(
        "{start}    model_id = 'hosted-model'\n\n{execute}        yield f'{{prompt.prompt}} with {{len(key)}}'\n{HOOK}    register(HostedModel())\n"
    );
    let Some(home) = Home::with_file("guide_key", &text) else { return };
    home.run(&["keys", "remove", "hosted"]);
    home.run(&["plugins", "revoke", "guide_key", "hosted"]);
    let lacks = home.run(&["-m", "hosted-model", "x"]);
    assert!(lacks.code == 3 && lacks.stderr.contains("consort keys set hosted"), "{lacks}");
    // Once it is granted: from the environment variable that it names, from the store, and for one call.
    let env = [("HOSTED_API_KEY", "sk-4")];
    assert_eq!(home.run_with(&env, &["-m", "hosted-model", "x"]).code, 3);
    assert_eq!(home.run(&["plugins", "grant", "guide_key", "hosted"]).code, 0);
    assert_eq!(home.run_with(&env, &["-m", "hosted-model", "x"]).stdout, "x with 4");
    home.key("hosted", "sk-stored");
    assert_eq!(home.run(&["-m", "guide_key", "x"]).stdout, "x with 9");
    assert_eq!(home.run(&["-m", "hosted-model", "--key", "sk-mine", "x"]).stdout, "x with 7");
    assert_eq!(home.row("guide_key")["state"], "ready");
}

#[test]
#[ignore = "installs a package"]
fn an_async_model_with_aliases() {
    let Some(all) = blocks("003") else { return };
    let Some(home) = Home::with_file("guide_async", &async_model(&all)) else { return };
    let run = home.run(&["-m", "my-model-aliases", "hi"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "my-model-id in pieces"), "{run}");
    assert_eq!(home.run(&["-m", "guide_async", "hi"]).stdout, "my-model-id in pieces");
    assert!(home.run(&["-m", "my-model-id", "--no-stream", "hi"]).stdout.starts_with("my-model-id "));
    let card = home.run(&["models", "-q", "guide_async", "--json"]).json();
    assert_eq!(card[0]["capabilities"]["schema"], "yes", "as the page spells it: {card:#}");
    assert!(card[0]["aliases"].as_array().unwrap().contains(&"my-model-aliases".into()), "{card:#}");
    let check = home.run(&["plugins", "check", "guide_async"]);
    assert!(check.code == 0 && check.stdout.contains("supports_schema"), "{check}");
}

#[test]
#[ignore = "installs a package"]
fn an_async_model_with_a_key() {
    let Some(all) = blocks("003") else { return };
    let model = block(&all, &["class MyAsyncModel(llm.AsyncKeyModel)"]);
    let text = format!(
        "import llm\nfrom typing import AsyncGenerator\n\n{model}        yield f'{{prompt.prompt}} with {{key}}'\n\n    model_id = 'keyed-async'\n    can_stream = True\n\n\nclass Sync(llm.KeyModel):\n    model_id = 'keyed-async'\n\n    def execute(self, prompt, stream, response, conversation, key=None):\n        yield 'not this one'\n{HOOK}    register(Sync(), MyAsyncModel())\n"
    );
    let Some(home) = Home::with_file("guide_async_key", &text) else { return };
    assert_eq!(home.run(&["-m", "keyed-async", "hi"]).stdout, "hi with None");
}

#[test]
#[ignore = "installs a package"]
fn attachments_usage_and_the_resolved_model() {
    let Some(all) = blocks("003") else { return };
    let Some(home) = Home::with_file("guide_media", &new_model(&all)) else { return };
    let picture = Home::picture();
    let messages = |args: &[&str]| -> Value {
        let run = home.run(args);
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"))
    };
    assert_eq!(messages(&["-m", "new-model", "hi"]), serde_json::json!([{"role": "user", "content": "hi"}]));
    let seen = messages(&["-m", "new-model", "-a", &picture, "what is this"]);
    assert_eq!(seen[0]["content"][0]["text"], "what is this");
    assert!(
        seen[0]["content"][1]["image_url"]["url"].as_str().unwrap().starts_with("data:image/png;base64,"),
        "{seen:#}"
    );
    // An attachment alone: the prompt is None. An address stays one.
    assert_eq!(messages(&["-m", "new-model", "-a", &picture])[0]["content"].as_array().unwrap().len(), 1);
    let linked = messages(&["-m", "new-model", "-a", "https://example.com/cat.png", "x"]);
    assert_eq!(linked[0]["content"][1]["image_url"]["url"], "https://example.com/cat.png", "{linked:#}");
    let sound = Home::root().join("work/song.mp3").display().to_string();
    std::fs::write(&sound, b"ID3\x03\0\0\0\0\0\0\xff\xfb\x90\x64").unwrap();
    let refused = home.run(&["-m", "new-model", "-a", &sound, "x"]);
    assert!(refused.code == 2 && refused.stderr.contains("cannot read audio"), "{refused}");
    let heard = messages(&["-m", "hearing", "-a", &sound, "x"]);
    assert_eq!(heard[0]["content"][1]["input_audio"]["format"], "mp3", "{heard:#}");
    let object = home.run(&["--json", "-m", "new-model", "hi"]).json();
    assert_eq!(
        (object["usage"]["input"].as_u64(), object["usage"]["output"].as_u64()),
        (Some(15), Some(340)),
        "{object:#}"
    );
    assert!(object["usage"].to_string().contains("37"), "what was cached is told too: {object:#}");
    assert_eq!(object["resolved_model"], "new-model-2026");
}
