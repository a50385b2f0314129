//! What a plugin does besides answering: tools, embeddings, token counts, HTTP.
use crate::support::{asking, driver, hello, stop, telling};
use consort_core::{
    BoxFuture, Context, EmbedRequest, Embedder, Embeddings, Error, ErrorKind, FunctionSpec, ModelCard, Part,
    Tool, ToolOutput,
};
use consort_plugin::protocol::Vector;
use consort_plugin::{HttpRequest, Link, Plugin};
use serde_json::{Value, json};
use std::time::Duration;

struct Dice(FunctionSpec);
impl Tool for Dice {
    fn spec(&self) -> &FunctionSpec {
        &self.0
    }
    fn call(&self, arguments: Value, _: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move {
            if arguments["sides"] == 0 {
                return Ok(ToolOutput::failure("a die has sides"));
            }
            Ok(ToolOutput { content: vec![Part::text("4")], is_error: false })
        })
    }
}

#[test]
fn tools_are_listed_and_called() {
    let dice = Dice(FunctionSpec::new("dice", "Rolls", json!({"type": "object"})));
    let mut driver = driver(Plugin::new("Tools").tool(dice));
    let list = driver.call("tools/list", json!({})).unwrap();
    assert_eq!(list["tools"][0]["name"], "dice");
    let rolled =
        driver.call("tools/call", json!({"name": "dice", "id": "c", "arguments": {"sides": 6}})).unwrap();
    assert_eq!(rolled["content"][0]["text"], "4");
    let failed =
        driver.call("tools/call", json!({"name": "dice", "id": "c", "arguments": {"sides": 0}})).unwrap();
    assert_eq!(failed["isError"], true);
    let unknown = driver.call("tools/call", json!({"name": "die", "id": "c", "arguments": {}})).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::InvalidRequest);
    assert_eq!(driver.wrong(), [] as [String; 0]);
}

struct Lengths(ModelCard);
impl Embedder for Lengths {
    fn card(&self) -> &ModelCard {
        &self.0
    }
    fn embed(&self, request: EmbedRequest, _: Context) -> BoxFuture<'_, Result<Embeddings, Error>> {
        let vectors = request.inputs.iter().map(|text| vec![text.len() as f32, 0.5]).collect();
        Box::pin(async move { Ok(Embeddings { vectors, ..Embeddings::default() }) })
    }
}

#[test]
fn texts_are_embedded_and_tokens_counted() {
    let mut driver = driver(hello().embedder(Lengths(ModelCard::new("zoo", "lengths"))));
    let list = driver.call("models/list", json!({})).unwrap();
    assert_eq!(
        list["models"][1],
        json!({"id": "lengths", "kind": "embedding", "capabilities": {}, "limits": {}, "needs": {}})
    );
    let answer = driver.call("embed", json!({"model": "lengths", "inputs": ["ab", "abc"]})).unwrap();
    let vectors: Vec<Vector> = serde_json::from_value(answer["vectors"].clone()).unwrap();
    let numbers: Vec<_> = vectors.into_iter().map(|vector| vector.into_numbers().unwrap()).collect();
    assert_eq!(numbers, [[2.0, 0.5], [3.0, 0.5]]);
    let count = driver.call("tokens/count", asking("m", "one two three")).unwrap();
    assert_eq!(count["exact"], false);
    assert!(count["tokens"].as_u64() > Some(2), "{count}");
    for method in ["embed", "tokens/count", "generate"] {
        let embed = json!({"model": "nobody", "inputs": []});
        let params = if method == "embed" { embed } else { asking("nobody", "x") };
        let failure = driver.call(method, params).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::ModelNotFound, "{method}");
    }
    assert_eq!(driver.wrong(), [] as [String; 0]);
}

#[test]
fn http_goes_through_the_host() {
    let mut driver = driver(telling(|_, _, mut say| async move {
        let link = Link::current().ok_or_else(|| Error::unsupported("no host"))?;
        let url = "https://acme.example/".to_owned();
        let request = HttpRequest { method: "GET".into(), url, ..HttpRequest::default() };
        let response = link.http(request).await?;
        let status = response.status;
        say.text(&format!("{status} {}", String::from_utf8_lossy(&response.bytes().await?))).await;
        stop()
    }));
    let id = driver.ask("generate", asking("m", "go"));
    let line = driver.line(Duration::from_secs(5)).unwrap();
    let asked: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&asked["method"], &asked["params"]["request"]), (&json!("http/request"), &json!(id)));
    let mut send = |message: Value| driver.send(&format!("{message}\n"));
    send(json!({"jsonrpc":"2.0","id":asked["id"],"result":{"status":200,"headers":{}}}));
    for piece in [json!({"text": "hel"}), json!({"data": "bG8="}), json!({"eof": true})] {
        let mut params = piece;
        params["request"] = asked["id"].clone();
        send(json!({"jsonrpc":"2.0","method":"http/data","params":params}));
    }
    assert_eq!(driver.answered(id).text(), "200 hello");
    assert_eq!(driver.wrong(), [] as [String; 0]);
}
