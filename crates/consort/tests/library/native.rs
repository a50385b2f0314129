//! Vendors' own calls in a conversation, on the real wires against a fake vendor: history is kept, and the bus has the
//! vendor's own events beside the others.
use consort::engine::{Heard, What};
use consort::{Assistant, Context, Event, Host, Message, Model};
use consort_providers::{Catalogue, KeyChain, TokioClock, native_request};
use consort_settings::{Env, Folders, KeyStore, Settings};
use consort_testkit::{FakeServer, Reply};
use serde_json::{Value, json};
use std::sync::Arc;

fn sse(events: &[Value]) -> Reply {
    let line = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    Reply::chunked("text/event-stream", events.iter().map(line).collect::<String>(), &[7, 1, 61])
}

fn responses(text: &str) -> Reply {
    let content = json!({"type": "output_text", "text": text, "annotations": []});
    let item = json!({"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": [content]});
    let body = |status: &str, output: Value| {
        json!({"id": "r1", "object": "response", "status": status, "model": "vendor-name", "output": output,
            "usage": {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}})
    };
    sse(&[
        json!({"type": "response.created", "response": body("in_progress", json!([]))}),
        json!({"type": "response.output_item.added", "output_index": 0, "item":
            {"id": "m1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}}),
        json!({"type": "response.content_part.added", "item_id": "m1", "output_index": 0, "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []}}),
        json!({"type": "response.output_text.delta", "item_id": "m1", "output_index": 0, "content_index": 0,
            "delta": text}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": body("completed", json!([item]))}),
    ])
}

fn messages(text: &str) -> Reply {
    sse(&[
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "vendor-name", "content": [], "stop_reason": null,
            "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ])
}

/// A vendor's model at the fake server, and an assistant on it.
async fn desk(server: &FakeServer, model: &str, place: (&str, &str), key: &str) -> Assistant {
    let folder = tempfile::tempdir().unwrap();
    let env = Env::of([(place.0, &*format!("{}{}", server.url(), place.1)), (key, "sk-test")]);
    let folders = Folders { config: folder.path().to_owned(), data: folder.path().join("data") };
    let mut host = Host::new();
    for provider in Catalogue::load(&folders, &env, &Settings::default()).providers {
        host.add(provider);
    }
    let keys = KeyChain::new(None, KeyStore::new(folders.keys_file()), env);
    let model: Arc<dyn Model> = host.find(model).await.unwrap();
    let context = Context::new(Arc::new(TokioClock), Arc::new(keys));
    Assistant::builder("desk", model).instructions("Be brief.").context(context).build()
}

/// Makes a plain and two of the vendor's own calls in one conversation; gives what the vendor was asked.
async fn talk(assistant: &Assistant, server: &FakeServer, wire: &str, calls: [Value; 2]) -> Vec<Value> {
    let talk = assistant.talk("door");
    talk.say("first").await.unwrap();
    let mut bus = assistant.bus().subscribe();
    for call in &calls {
        let said = talk.native(native_request(wire, call).unwrap()).await.unwrap();
        assert!(!said.response.native.is_empty());
    }
    let (mut kinds, mut native, mut completed) = (Vec::new(), Vec::new(), 0);
    while completed < 2 {
        let Some(Heard::Envelope(heard)) = bus.next().await else { panic!("the bus is whole") };
        match &heard.what {
            What::Event { event: Event::Native { value } } => {
                native.push(value["type"].as_str().unwrap_or_default().to_owned());
            }
            What::Chunk { .. } => kinds.push(heard.delta().unwrap().to_owned()),
            What::Completed { text, original } => {
                completed += 1;
                assert_eq!(
                    (text, original.resolved_model.as_deref()),
                    (&original.text(), Some("vendor-name"))
                );
            }
            _ => {}
        }
    }
    assert_eq!(kinds, ["Two.", "Three."]);
    assert_eq!(native.len(), 12, "{native:?}");
    let history: Vec<String> = talk.history().await.unwrap().iter().map(Message::text).collect();
    assert_eq!(history, ["first", "One.", "second", "Two.", "third", "Three."]);
    server.asked().iter().map(|asked| serde_json::from_str(&asked.text()).unwrap()).collect()
}

#[tokio::test]
async fn a_response_call() {
    let server = FakeServer::start(["One.", "Two.", "Three."].map(responses)).await.unwrap();
    let assistant = desk(&server, "openai/gpt-5", ("OPENAI_BASE_URL", "/v1"), "OPENAI_API_KEY").await;
    let own = json!({"model": "gpt-5", "instructions": "Cite.", "input": "second", "truncation": "auto",
        "metadata": {"team": "search"}, "tools": [{"type": "web_search", "search_context_size": "low"}],
        "reasoning": {"effort": "low"}, "something_new": [1, null]});
    let asked = talk(&assistant, &server, "openai-responses", [own, json!({"input": "third"})]).await;
    let call = &asked[1];
    for (key, value) in [
        ("truncation", json!("auto")),
        ("metadata", json!({"team": "search"})),
        ("tools", json!([{"type": "web_search", "search_context_size": "low"}])),
        ("something_new", json!([1, null])),
        ("stream", json!(true)),
    ] {
        assert_eq!(call[key], value, "{key} of {call:#}");
    }
    assert_eq!(call["reasoning"]["effort"], "low");
    assert!(call["instructions"].as_str().unwrap().contains("Be brief."), "{call:#}");
    assert!(call["instructions"].as_str().unwrap().contains("Cite."));
    let input = call["input"].to_string();
    assert!(input.contains("first") && input.contains("One.") && input.contains("second"), "{input}");
    let last = asked[2]["input"].to_string();
    assert!(["first", "One.", "second", "Two.", "third"].iter().all(|text| last.contains(text)), "{last}");
    assert!(asked[2].get("metadata").is_none(), "what one call says is not said by the next");
}

#[tokio::test]
async fn a_message_call() {
    let server = FakeServer::start(["One.", "Two.", "Three."].map(messages)).await.unwrap();
    let assistant =
        desk(&server, "anthropic/claude-opus-4-5", ("ANTHROPIC_BASE_URL", ""), "ANTHROPIC_API_KEY").await;
    let own = json!({"model": "claude-opus-4-5", "max_tokens": 77, "system": "Cite.",
        "messages": [{"role": "user", "content": "second"}], "metadata": {"user_id": "u1"},
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}], "something_new": {"a": 1}});
    let third = json!({"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": "third"}]}]});
    let asked = talk(&assistant, &server, "anthropic", [own, third]).await;
    let call = &asked[1];
    for (key, value) in [
        ("max_tokens", json!(77)),
        ("metadata", json!({"user_id": "u1"})),
        ("tools", json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}])),
        ("something_new", json!({"a": 1})),
        ("stream", json!(true)),
    ] {
        assert_eq!(call[key], value, "{key} of {call:#}");
    }
    let system = call["system"].to_string();
    assert!(system.contains("Be brief.") && system.contains("Cite."), "{system}");
    let said = |call: &Value| call["messages"].as_array().unwrap().len();
    assert_eq!((said(call), said(&asked[2])), (3, 5));
}

#[tokio::test]
async fn a_call_that_says_all_of_it_is_refused() {
    let server = FakeServer::start([responses("?")]).await.unwrap();
    let assistant = desk(&server, "openai/gpt-5", ("OPENAI_BASE_URL", "/v1"), "OPENAI_API_KEY").await;
    let input = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"}]);
    let call = native_request("openai-responses", &json!({"input": input})).unwrap();
    let error = assistant.talk("door").native(call).await.unwrap_err().error;
    assert_eq!(
        error.message(),
        "a call in a conversation says one thing, as the user: what was said before is kept"
    );
    assert!(server.asked().is_empty());
    assert_eq!(native_request("morse", &json!({})).unwrap_err().message(), "no wire is named `morse`");
}
