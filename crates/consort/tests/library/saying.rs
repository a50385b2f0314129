//! Saying something: replies whole and in pieces, conversations, hooks, tools.
use consort::engine::{Decision, What};
use consort::store::Status;
use consort::{
    Approval, Assistant, Context, Error, ErrorKind, Message, Model, ModelCard, Request, Support, ToolOutput,
    Toolset, ask_for, function,
};
use consort_testkit::{Scripted, Step};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) fn says(texts: &[&'static str]) -> Arc<Scripted> {
    Scripted::new(texts.iter().map(|text| vec![Step::Say(text)]).collect())
}

pub(crate) fn sent(model: &Scripted, at: usize) -> Vec<String> {
    model.requests()[at].messages.iter().map(Message::text).collect()
}

#[tokio::test]
async fn text_in_text_out_and_state_kept() {
    let model = says(&["Good day.", "You said hello."]);
    let assistant = Assistant::builder("desk", model.clone()).instructions("Be brief.").build();
    let said = assistant.say("Hello").await.unwrap();
    assert_eq!((said.text.as_str(), said.kept, said.notices.len()), ("Good day.", true, 0));
    assistant.say("What did I say?").await.unwrap();
    assert_eq!(sent(&model, 1), ["Hello", "Good day.", "What did I say?"]);
    assert_eq!(model.requests()[1].instructions_text(), "Be brief.");
}

#[tokio::test]
async fn a_reply_comes_in_pieces_without_its_thinking() {
    let model = Scripted::new(vec![vec![Step::Think("hm"), Step::Say("Good "), Step::Say("day.")]]);
    let assistant = Assistant::builder("desk", model).build();
    let mut reply = assistant.say("Hello");
    let mut pieces = Vec::new();
    while let Some(piece) = reply.next_text().await {
        pieces.push(piece);
    }
    assert_eq!(pieces, ["Good ", "day."]);
    assert_eq!(reply.await.unwrap().text, "Good day.", "the whole is there behind the pieces");
}

#[tokio::test]
async fn conversations_are_apart_and_have_speakers() {
    let model = says(&["1", "2", "3"]);
    let assistant = Assistant::builder("desk", model.clone()).build();
    let door = assistant.talk("door").participant("ada");
    door.say("a").await.unwrap();
    assistant.talk("gate").say("b").await.unwrap();
    door.clone().participant("bob").say("c").await.unwrap();
    assert_eq!(
        (sent(&model, 1), sent(&model, 2)),
        (vec!["b".into()], vec!["a".into(), "1".into(), "c".into()])
    );
    let names: Vec<_> = model.requests()[2].messages.iter().map(|message| message.name.clone()).collect();
    assert_eq!(names, [Some("ada".into()), None, Some("bob".into())]);
    assert_eq!(door.history().await.unwrap().len(), 4);
    door.clear().await.unwrap();
    assert!(door.history().await.unwrap().is_empty());
    door.say("d").await.unwrap();
    assert_eq!(sent(&model, 3), ["d"]);
}

#[tokio::test]
async fn what_is_said_at_once_is_answered_in_turn() {
    let words = |text| vec![Step::Wait(Duration::from_millis(20)), Step::Say(text)];
    let model = Scripted::new(vec![words("1"), words("2")]);
    let assistant = Assistant::builder("desk", model.clone()).build();
    let (first, second) = (assistant.say("a"), assistant.say("b"));
    let texts = (first.await.unwrap().text, second.await.unwrap().text);
    assert_eq!(texts, ("1".into(), "2".into()));
    assert_eq!(sent(&model, 1), ["a", "1", "b"]);
}

#[tokio::test]
async fn hooks_change_refuse_and_see() {
    let model = says(&["one", "two"]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let saw = seen.clone();
    let assistant = Assistant::builder("desk", model.clone())
        .before(|mut request: Request, _: Context| async move {
            if request.last_user_text().contains("secret") {
                return Err(Error::new(ErrorKind::Permission, "no secrets here"));
            }
            request.instructions.push("It is noon.".into());
            Ok(request)
        })
        .after(move |response, _| {
            saw.lock().unwrap().push(response.text());
            async { Ok(()) }
        })
        .build();
    assistant.say("hi").await.unwrap();
    let refused = assistant.say("my secret").await.unwrap_err();
    assert_eq!((refused.error.kind(), refused.text.as_str()), (ErrorKind::Permission, ""));
    assert_eq!(model.requests().len(), 1, "what is refused is not sent");
    assert_eq!(model.requests()[0].instructions_text(), "It is noon.");
    assert_eq!(*seen.lock().unwrap(), ["one"]);
}

#[tokio::test]
async fn a_hook_that_rejects_an_answer_ends_it_with_its_error() {
    let assistant = Assistant::builder("desk", says(&["rude words"]))
        .after(|_, _| async { Err(Error::new(ErrorKind::ContentFilter, "not in this house")) })
        .build();
    let failed = assistant.say("hi").await.unwrap_err();
    assert_eq!((failed.error.kind(), failed.text.as_str()), (ErrorKind::ContentFilter, "rude words"));
}

#[tokio::test]
async fn a_hook_sees_a_smaller_request_once() {
    let too_long = Error::new(ErrorKind::ContextLength, "too long");
    let long: &'static str = "word ".repeat(400).leak();
    let model = Scripted::new(vec![vec![Step::Say(long)], vec![Step::Fail(too_long)], vec![Step::Say("ok")]]);
    let assistant = Assistant::builder("desk", model.clone())
        .before(|mut request: Request, _| async move {
            request.instructions.push("Hooked.".into());
            Ok(request)
        })
        .window(8000)
        .build();
    assistant.say("much").await.unwrap();
    assert_eq!(assistant.say("again").await.unwrap().text, "ok");
    assert_eq!(sent(&model, 2), ["again"]);
    assert!(model.requests().iter().all(|request| request.instructions_text() == "Hooked."));
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Sum {
    /// The numbers to add.
    numbers: Vec<f64>,
}

fn sums() -> Toolset {
    let add = function("add", "Adds numbers.", |sum: Sum, _: Context| async move {
        Ok(ToolOutput::text(sum.numbers.iter().sum::<f64>().to_string()))
    });
    Toolset::new("sums").instructions("Never add in your head.").tool(add)
}

#[tokio::test]
async fn abilities_bring_tools_and_how_to_use_them() {
    let model = Scripted::new(vec![
        vec![Step::Call("c1", "add", r#"{"numbers": [2, 3]}"#)],
        vec![Step::Say("It is 5.")],
    ]);
    let assistant =
        Assistant::builder("desk", model.clone()).instructions("Be brief.").ability(sums()).build();
    let said = assistant.say("2+3?").await.unwrap();
    assert_eq!(said.text, "It is 5.");
    let tries: Vec<&str> = said.response.attempts.iter().map(|tried| tried.target.as_str()).collect();
    assert_eq!(tries, ["test/model", "test/model"], "the answer that called was paid for too");
    let request = &model.requests()[0];
    assert_eq!(request.instructions_text(), "Be brief.\n\nNever add in your head.");
    let spec = request.functions().next().unwrap();
    assert_eq!(spec.parameters["properties"]["numbers"]["description"], "The numbers to add.");
    let assistant = Assistant::builder("desk", model).ability(sums()).ability(sums()).build();
    assert_eq!(assistant.initialise().await.unwrap_err().message(), "two tools are named `add`");
}

#[tokio::test]
async fn a_tool_may_ask_first() {
    let model =
        Scripted::new(vec![vec![Step::Call("c1", "add", r#"{"numbers": [1]}"#)], vec![Step::Say("Well.")]]);
    let assistant = Assistant::builder("desk", model).ability(sums()).approval(Approval::Ask).build();
    let mut reply = assistant.say("1?");
    let mut said_no = false;
    while let Some(envelope) = reply.next().await {
        match &envelope.what {
            What::ApprovalWanted { call } => assert!(reply.decide(&call.id, Decision::No)),
            What::ToolEnded { result, .. } => said_no = result.text() == "not run: the user said no",
            What::RunEnded { status, .. } => assert_eq!(*status, Status::Complete),
            _ => {}
        }
    }
    assert!(said_no);
}

#[tokio::test]
async fn an_answer_as_a_rust_value() {
    let mut card = ModelCard::new("test", "able");
    card.capabilities.schema = Support::Yes;
    let model = Scripted::with(card, vec![vec![Step::Say(r#"{"numbers": [1, 2]}"#)]]);
    let sum = ask_for::<Sum>(model.as_ref() as &dyn Model, Request::ask("numbers"), Context::default())
        .await
        .unwrap();
    assert_eq!(sum.value.numbers, [1.0, 2.0]);
}
