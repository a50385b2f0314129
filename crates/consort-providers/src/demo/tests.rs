//! The demo models through the contract's own calls.
use super::DemoProvider;
use consort_core::{
    Cancel, Context, Delta, Effort, EmbedRequest, Error, ErrorKind, Event, FinishReason, FunctionSpec, Host,
    ManualClock, Media, Message, Model, NoCredentials, Output, Part, Request, Response, Role, ToolChoice,
    ToolSpec,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn context() -> Context {
    Context::new(Arc::new(ManualClock::default()), Arc::new(NoCredentials))
}

fn model(id: &str) -> Arc<dyn Model> {
    pollster::block_on(Host::new().provider(DemoProvider::new()).find(id)).unwrap()
}

fn ask(request: Request) -> Result<Response, Error> {
    pollster::block_on(model("demo").generate(Arc::new(request), context()))
}

fn with(options: Value) -> Request {
    let mut request = Request::ask("What is a lifetime?");
    request.options = options.as_object().unwrap().clone();
    request
}

fn events(request: Request) -> Vec<Result<Event, Error>> {
    let mut stream = model("demo").stream(Arc::new(request), context());
    let mut all = Vec::new();
    while let Some(event) = pollster::block_on(std::future::poll_fn(|cx| stream.as_mut().poll_next(cx))) {
        all.push(event);
    }
    all
}

#[test]
fn it_repeats_and_is_honest() {
    let mut request = Request::ask("What is a lifetime?");
    request.instructions.push("Be brief.".into());
    let answer = ask(request).unwrap();
    let text = answer.text();
    for words in
        ["You said: \"What is a lifetime?\"", "Be brief.", "demo model of Consort", "not a language model"]
    {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(answer.finish.reason, FinishReason::Stop);
    assert_eq!(answer.usage.as_ref().unwrap().input, Some(3 + 5 + 3));
    assert!(answer.parts.len() == 1 && answer.reasoning().is_empty());
}

#[test]
fn a_stream_and_a_single_body_say_the_same() {
    let streamed = ask(Request::ask("hi")).unwrap();
    let single = ask(Request { stream: false, ..Request::ask("hi") }).unwrap();
    assert_eq!(streamed, single);
    let pieces = events(Request::ask("hi")).len();
    assert!(pieces > 20, "{pieces}");
    assert_eq!(events(Request { stream: false, ..Request::ask("hi") }).len(), 6);
}

#[test]
fn it_thinks_when_asked() {
    let mut request = Request::ask("hi");
    request.reasoning.effort = Some(Effort::High);
    assert!(ask(request.clone()).unwrap().reasoning().contains("1 word."));
    request.reasoning.effort = Some(Effort::None);
    assert_eq!(ask(request).unwrap().reasoning(), "");
    assert_ne!(ask(with(json!({"think": true}))).unwrap().reasoning(), "");
}

fn weather() -> ToolSpec {
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    ToolSpec::Function(FunctionSpec::new("get_weather", "The weather of a city", parameters))
}

fn add() -> ToolSpec {
    let number = json!({"type": "number"});
    let parameters =
        json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]});
    ToolSpec::Function(FunctionSpec::new("add", "Adds", parameters))
}

#[test]
fn it_calls_the_tools_that_are_named_and_answers_with_their_results() {
    let prompt = "What is the weather in \"Paris\", and please add 2 and 3.5";
    let mut request = Request { tools: vec![weather(), add()], ..Request::ask(prompt) };
    let answer = ask(request.clone()).unwrap();
    let calls: Vec<_> = answer.tool_calls().map(|call| (call.id.as_str(), call.arguments.raw())).collect();
    assert_eq!(calls, [("call_demo_1", r#"{"city":"Paris"}"#), ("call_demo_2", r#"{"a":2,"b":3.5}"#)]);
    assert_eq!(answer.finish.reason, FinishReason::ToolCalls);
    request.messages.push(answer.into_message());
    let results = vec![
        Part::tool_result("call_demo_1", "get_weather", "rain"),
        Part::tool_result("call_demo_2", "add", "5.5"),
    ];
    request.messages.push(Message::new(Role::Tool, results));
    let text = ask(request).unwrap().text();
    assert!(
        text.starts_with("The tool `get_weather` answered: rain\nThe tool `add` answered: 5.5"),
        "{text}"
    );
}

#[test]
fn the_tool_choice_decides() {
    let request =
        |choice| Request { tools: vec![weather(), add()], tool_choice: choice, ..Request::ask("hi") };
    let called = |choice| {
        let answer = ask(request(choice)).unwrap();
        answer.tool_calls().map(|call| call.name.clone()).collect::<Vec<_>>()
    };
    assert!(called(ToolChoice::Auto).is_empty());
    assert_eq!(called(ToolChoice::Required), ["get_weather"]);
    assert_eq!(called(ToolChoice::Named("add".into())), ["add"]);
    let error = ask(request(ToolChoice::Named("nope".into()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[test]
fn it_fills_schemas() {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}}, "required": ["name", "age"]});
    let output = |schema| Output::Schema { name: "person".into(), description: None, schema, strict: None };
    let answer = ask(Request { output: output(schema), ..Request::ask("hi") }).unwrap();
    assert_eq!(answer.text(), r#"{"name":"demo name","age":18}"#);
    let error = ask(Request { output: output(json!(false)), ..Request::ask("hi") }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let answer = ask(Request { output: Output::Json, ..Request::ask("hi") }).unwrap();
    assert!(serde_json::from_str::<Value>(&answer.text()).unwrap().is_object());
}

#[test]
fn it_says_what_was_attached() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([0, 0, 2, 128, 0, 0, 1, 224]);
    let parts = vec![
        Part::text("what is this"),
        Part::media(Media::bytes("image/png", png).named("cat.png")),
        Part::media(Media::url("", "https://example.com/a.mp3")),
    ];
    let text = ask(Request::new(vec![Message::new(Role::User, parts)])).unwrap().text();
    let said = "You attached 2 files: cat.png (image/png, 640 x 480 pixels, 24 bytes); \
                https://example.com/a.mp3 (unknown type, not fetched).";
    assert!(text.contains(said), "{text}");
}

#[test]
fn it_fails_as_asked() {
    for kind in ErrorKind::ALL {
        let all = events(with(json!({"fail": kind.as_str(), "retry_after": 1.5})));
        assert_eq!(all.len(), 1);
        let error = all[0].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (kind, Some(Duration::from_millis(1500))));
    }
    let all = events(with(json!({"fail": "server", "fail_after": 3})));
    let content = all.iter().filter(|item| item.as_ref().is_ok_and(Event::is_content)).count();
    assert_eq!(content, 3);
    assert_eq!(all.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Server);
    let all = events(with(json!({"fail": "server", "fail_after": 100_000})));
    assert_eq!(all.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Server);
    let error = ask(Request::ask("please [demo fail=rate_limit]")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimit);
    assert_eq!(ask(with(json!({"cut": true}))).unwrap_err().kind(), ErrorKind::Interrupted);
    let error = ask(with(json!({"nope": 1}))).unwrap_err();
    assert!(error.hints()[0].contains("fail_after"), "{:?}", error.hints());
    assert!(ask(with(json!({"words": 0}))).is_err());
}

#[test]
fn limits_and_stops_hold() {
    let mut request = with(json!({"say": "one two three four"}));
    request.sampling.max_tokens = Some(2);
    let answer = ask(request.clone()).unwrap();
    assert_eq!((answer.text().as_str(), answer.finish.reason), ("one two ", FinishReason::Length));
    request.sampling.max_tokens = None;
    request.options.insert("stop".into(), json!(["four", "three"]));
    let answer = ask(request.clone()).unwrap();
    assert_eq!((answer.text().as_str(), answer.finish.stop_sequence.as_deref()), ("one two ", Some("three")));
    request.sampling.choices = Some(3);
    assert_eq!(ask(request).unwrap().others.len(), 2);
    let long = "word ".repeat(130_000);
    assert_eq!(ask(Request::ask(long)).unwrap_err().kind(), ErrorKind::ContextLength);
    assert_eq!(ask(with(json!({"words": 5}))).unwrap().text(), "word1 word2 word3 word4 word5");
    assert!(ask(with(json!({"finish": "refusal"}))).unwrap().refusal().is_some());
}

#[test]
fn deadline_and_cancellation_are_kept() {
    let request = || Arc::new(with(json!({"slow_first_ms": 60_000})));
    let late =
        pollster::block_on(model("demo").generate(request(), context().within(Duration::from_secs(5))));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
    let cancel = Cancel::default();
    let waiting = Context { cancel: cancel.clone(), ..Context::default() };
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        cancel.cancel();
    });
    let stopped = pollster::block_on(model("demo").generate(request(), waiting));
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    thread.join().unwrap();
}

#[test]
fn waits_come_before_the_words() {
    let clock = ManualClock::default();
    let start = consort_core::Clock::now(&clock);
    let context = Context::new(Arc::new(clock.clone()), Arc::new(NoCredentials));
    let request = Arc::new(with(json!({"say": "a b c", "delay_ms": 10, "slow_first_ms": 500})));
    pollster::block_on(model("demo").generate(request, context)).unwrap();
    assert_eq!(consort_core::Clock::now(&clock) - start, Duration::from_millis(530));
}

#[test]
fn ids_and_variants() {
    for id in ["demo", "demo/demo", "demo/think", "think", "demo/slow", "demo/text"] {
        assert_eq!(model(id).card().provider, "demo");
    }
    assert_eq!(model("demo").card().id, "demo");
    let first = events(Request::ask("x")).into_iter().flatten().find_map(|event| match event {
        Event::PartDelta { delta: Delta::Text(text), .. } => Some(text),
        _ => None,
    });
    assert_eq!(first.as_deref(), Some("You "));
}

#[test]
fn it_embeds() {
    let host = Host::new().provider(DemoProvider::new());
    let embedder = pollster::block_on(host.find_embedder("demo/embed")).unwrap();
    let embed = |dimensions| {
        let inputs = ["the red cat", "a red CAT", "blue sky", ""];
        let request = EmbedRequest { dimensions, ..EmbedRequest::new(inputs) };
        pollster::block_on(embedder.embed(request, context()))
    };
    let vectors = embed(None).unwrap().vectors;
    let dot = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum::<f32>();
    assert!((0..4).all(|at| (dot(at, at) - 1.0).abs() < 1e-5));
    assert!(dot(0, 1) > 0.5 && dot(0, 1) > dot(0, 2));
    assert_eq!(embed(Some(7)).unwrap().vectors[0].len(), 7);
    assert!(embed(Some(0)).is_err());
}
