//! Answers that fit a schema.
use crate::support::{Desk, Scripted, Step};
use consort_core::{Context, ModelCard, Output, Request, Support};
use consort_engine::{StructuredError, ask_for, holding_schemas, structured};
use serde_json::json;

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Dog {
    name: String,
    age: u32,
}

fn dog() -> serde_json::Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"]})
}

#[tokio::test]
async fn a_model_that_holds_to_schemas_is_given_it() {
    let mut card = ModelCard::new("test", "able");
    card.capabilities.schema = Support::Yes;
    let model = Scripted::with(card, vec![vec![Step::Say(r#"{"name": "Rex", "age": 3}"#)]]);
    let answer = ask_for::<Dog>(model.as_ref(), Request::ask("A dog"), Context::default()).await.unwrap();
    assert_eq!((answer.value, answer.repaired), (Dog { name: "Rex".into(), age: 3 }, false));
    assert!(matches!(model.requests()[0].output, Output::Schema { .. }));
}

#[tokio::test]
async fn words_behind_the_json_cost_nothing() {
    let words = "{\"name\": \"Rex\", \"age\": 3}\n\nHope this helps!";
    let model = Scripted::new(vec![vec![Step::Say(words)]]);
    let answer = ask_for::<Dog>(model.as_ref(), Request::ask("A dog"), Context::default()).await.unwrap();
    assert_eq!((answer.repaired, model.requests().len()), (false, 1));
}

#[tokio::test]
async fn any_other_is_told_it_in_words_and_may_mend_once() {
    let model = Scripted::new(vec![
        vec![Step::Say("Sure!\n```json\n{\"name\": \"Rex\", \"age\": \"three\"}\n```")],
        vec![Step::Say(r#"{"name": "Rex", "age": 3}"#)],
    ]);
    let answer = structured(model.as_ref(), Request::ask("A dog"), dog(), Context::default()).await.unwrap();
    assert_eq!((answer.value, answer.repaired), (json!({"name": "Rex", "age": 3}), true));
    assert_eq!(answer.response.attempts.len(), 2);
    let requests = model.requests();
    assert!(requests[0].instructions_text().contains(r#""required":["name","age"]"#));
    assert!(requests[1].last_user_text().contains(r#"/age: "three" is not of type "integer""#));
}

#[tokio::test]
async fn what_never_fits_is_an_error_with_the_text() {
    let model = Scripted::new(vec![vec![Step::Say("I like dogs")]]);
    let error =
        structured(model.as_ref(), Request::ask("A dog"), dog(), Context::default()).await.unwrap_err();
    let StructuredError::Unfit { text, faults, attempts } = error else { panic!("{error}") };
    assert_eq!(text, "I like dogs");
    assert!(faults[0].starts_with("it is not JSON"), "{faults:?}");
    assert_eq!((model.requests().len(), attempts.len()), (2, 2));
}

#[tokio::test]
async fn a_failure_after_the_first_answer_tells_what_was_tried() {
    let fail = Step::Fail(consort_core::Error::new(consort_core::ErrorKind::Network, "gone"));
    let model =
        Scripted::new(vec![vec![Step::Say("Sure!"), Step::Used(10, 1)], vec![Step::Used(20, 0), fail]]);
    let error =
        structured(model.as_ref(), Request::ask("A dog"), dog(), Context::default()).await.unwrap_err();
    let StructuredError::Model { attempts, .. } = error else { panic!("{error}") };
    let used: Vec<_> =
        attempts.iter().map(|tried| tried.usage.as_ref().and_then(|usage| usage.input)).collect();
    assert_eq!(used, [Some(10), Some(20)]);
}

#[tokio::test]
async fn a_schema_that_is_none_is_refused_before_anything_is_sent() {
    let model = Scripted::new(vec![vec![Step::Say("{}")]]);
    let bad = json!({"type": 7});
    let error = structured(model.as_ref(), Request::ask("A dog"), bad, Context::default()).await.unwrap_err();
    assert!(matches!(error, StructuredError::Schema(_)));
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_run_can_hold_to_a_schema_and_tells_each_try() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("Rex!")], vec![Step::Say(r#"{"name": "Rex", "age": 3}"#)]]);
    let mut ask = desk.ask(&model, "A dog");
    ask.model = holding_schemas(model.clone());
    ask.request.output =
        Output::Schema { name: "answer".into(), description: None, schema: dog(), strict: None };
    let (outcome, _) = desk.run(ask).await;
    assert_eq!(outcome.response.unwrap().text(), r#"{"name":"Rex","age":3}"#);
    assert_eq!(outcome.attempts.len(), 2);
    let answer = desk.branch().await[1].answer.clone().unwrap();
    assert_eq!((answer.attempts.len(), answer.schema), (2, Some(dog())));

    let stubborn = Scripted::new(vec![vec![Step::Say("I like dogs")]]);
    let mut ask = desk.ask(&stubborn, "A dog");
    ask.model = holding_schemas(stubborn.clone());
    ask.request.output =
        Output::Schema { name: "answer".into(), description: None, schema: dog(), strict: None };
    let (outcome, _) = desk.run(ask).await;
    assert!(outcome.error.unwrap().message().contains("does not fit the schema"));
    // What it said is kept all the same.
    assert_eq!(desk.branch().await[3].parts[0].as_text(), Some("I like dogs"));
}
