//! Answers through a pipe: their order, their pieces, their ends.
use crate::support::{asking, driver, plugin, stop, telling};
use consort_core::{ErrorKind, Event, Media, Usage, events_of};
use consort_plugin::testing::in_order;
use serde_json::json;
use std::sync::{Arc, mpsc};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(5);

#[test]
fn an_answer_streams_in_order() {
    let mut driver = driver(telling(|request, _, mut say| async move {
        say.model("m-2", Some("r_1".into())).await;
        say.reasoning("hm").await;
        say.signature("zoo", "state").await;
        say.text("It ").await;
        say.text(&request.last_user_text()).await;
        say.media(Media::bytes("image/png", vec![1u8, 2])).await;
        say.tool_call("c1", "weather", &json!({"city": "Oslo"})).await;
        say.usage(Usage { input: Some(3), output: Some(4), ..Usage::default() }).await;
        stop()
    }));
    let answer = driver.generate(asking("m", "is"));
    let result = answer.result.as_ref().unwrap();
    assert_eq!(result.usage.as_ref().unwrap().input_tokens, Some(3));
    in_order(&answer.events).unwrap();
    assert_eq!(answer.text(), "It is");
    let kinds: Vec<&str> = answer.raw.iter().filter_map(|event| event["type"].as_str()).collect();
    let call = "tool_call_delta";
    assert_eq!(kinds, ["model", "reasoning", "reasoning", "text", "text", "media", call, call, "usage"]);
    assert_eq!(answer.raw[2]["opaque"], "state");
    assert_eq!(driver.wrong(), [] as [String; 0]);
}

#[test]
fn state_comes_back_as_it_was_given() {
    let mut driver = driver(telling(|request, _, mut say| async move {
        let part = &request.messages[0].parts[0];
        say.text(part.signature_for("zoo").unwrap_or("none")).await;
        stop()
    }));
    // A host keeps any JSON; a text is given back as that text, whatever it looks like.
    for (opaque, wanted) in
        [(json!("abc"), "abc"), (json!("\"q\""), "\"q\""), (json!({"a": 1}), r#"{"a":1}"#)]
    {
        let part = json!({"type": "text", "text": "", "opaque": opaque});
        let params = json!({"model": "m", "messages": [{"role": "assistant", "content": [part]}]});
        assert_eq!(driver.generate(params).text(), wanted);
    }
}

#[test]
fn steps_are_written_before_the_next_is_begun() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let mut driver = driver(telling(move |_, _, mut say| {
        let wait = wait.clone();
        async move {
            say.text("first").await;
            // Blocks the thread, as a client without a runtime does.
            wait.lock().unwrap().recv().unwrap();
            say.text("second").await;
            stop()
        }
    }));
    let id = driver.ask("generate", asking("m", "go"));
    assert!(driver.line(SOON).unwrap().contains("first"));
    go.send(()).unwrap();
    assert_eq!(driver.answered(id).text(), "second");
}

#[test]
fn large_answers_go_in_pieces_and_by_path() {
    let mut driver = driver(telling(|request, _, mut say| async move {
        if request.last_user_text() == "media" {
            say.media(Media::bytes("image/png", vec![7u8; 7 << 20])).await;
        } else {
            say.text(&"é".repeat(6 << 20)).await;
        }
        stop()
    }));
    assert_eq!(driver.generate(asking("m", "text")).text().len(), 12 << 20);
    let answer = driver.generate(asking("m", "media"));
    let path = answer.raw[0]["path"].as_str().unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().len(), 7 << 20);
    std::fs::remove_file(path).unwrap();
    assert_eq!(driver.wrong(), [] as [String; 0]);
}

#[test]
fn an_answer_that_does_not_end_is_an_error() {
    let cut = plugin(|_, _| {
        let mut events = Event::text_answer("half");
        events.pop();
        events_of(events)
    });
    let failure = driver(cut).generate(asking("m", "go")).result.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Interrupted);
}
