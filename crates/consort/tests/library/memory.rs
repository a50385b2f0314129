//! Memory in use: what is remembered, by whom, and where conversations are kept.
use crate::saying::{says, sent};
use consort::testing::memory_faults;
use consort::{Assistant, Engine, Memory, MemoryStore, NoMemory, StoreMemory};
use consort_testkit::{Scripted, Step};
use std::sync::Arc;

#[tokio::test]
async fn what_one_tells_is_recalled_for_them_and_for_nobody_else() {
    let model = says(&["ok"]);
    let assistant = Assistant::builder("desk", model.clone()).build();
    let ada = assistant.talk("one").participant("ada");
    let record = ada.remember("Ada drinks tea without sugar.").await.unwrap();
    ada.remember("Ada lives in Oslo.").await.unwrap();
    // In another conversation, asked by the same person.
    assistant.talk("two").participant("ada").say("sugar in the tea?").await.unwrap();
    let parts = &model.requests()[0].messages[0].parts;
    let recalled = parts[0].as_text().unwrap();
    assert!(
        recalled.starts_with("[Remembered from before") && recalled.contains("without sugar"),
        "{recalled}"
    );
    assistant.talk("two").participant("bob").say("sugar in the tea?").await.unwrap();
    let newest = model.requests()[1].messages.last().unwrap().parts.len();
    assert_eq!(newest, 1);
    assert_eq!(ada.recall("oslo", 5).await.unwrap()[0].text, "Ada lives in Oslo.");
    assert!(ada.forget(&record.id).await.unwrap() && !ada.forget(&record.id).await.unwrap());
    assert_eq!(ada.memories().await.unwrap().len(), 1);
    let history = assistant.talk("two").history().await.unwrap();
    assert_eq!(history[0].text(), "sugar in the tea?", "the log holds what was said, not what was recalled");
}

#[tokio::test]
async fn the_model_may_remember_by_itself() {
    let model = Scripted::new(vec![
        vec![Step::Call("c1", "remember", r#"{"text": "Ada likes green."}"#)],
        vec![Step::Say("Noted.")],
    ]);
    let assistant = Assistant::builder("desk", model.clone()).memory_tools().build();
    let ada = assistant.talk("one").participant("ada");
    ada.say("I like green").await.unwrap();
    assert_eq!(ada.memories().await.unwrap()[0].text, "Ada likes green.");
    let names: Vec<_> = model.requests()[0].functions().map(|spec| spec.name.clone()).collect();
    assert_eq!(names, ["remember", "recall", "forget"]);
}

#[tokio::test]
async fn a_store_keeps_it_over_restarts() {
    let store = Arc::new(MemoryStore::new());
    let begin = |model| Assistant::builder("desk", model).store(store.clone()).build();
    let first = says(&["One."]);
    let talk = begin(first).talk("door");
    talk.say("first").await.unwrap();
    talk.remember("The door is green.").await.unwrap();
    let second = says(&["Two."]);
    let again = begin(second.clone());
    again.talk("door").say("second").await.unwrap();
    assert_eq!(sent(&second, 0), ["first", "One.", "second"]);
    assert_eq!(again.talk("gate").memories().await.unwrap().len(), 1);
    // A conversation of the store is reached by its id; another assistant has its own.
    assert_eq!(again.talk(talk.id().to_string()).history().await.unwrap().len(), 4);
    let other = Assistant::builder("till", says(&["?"])).engine(Engine::new(store.clone())).build();
    assert!(other.talk("door").history().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_memory_of_ones_own_takes_the_place_of_the_store() {
    let memory = Arc::new(StoreMemory::in_process());
    assert_eq!(memory_faults(memory.as_ref()).await, Vec::<String>::new());
    let model = says(&["One.", "Two.", "Three."]);
    let assistant = Assistant::builder("desk", model.clone()).memory(memory.clone()).build();
    let talk = assistant.talk("door");
    talk.say("first").await.unwrap();
    talk.say("second").await.unwrap();
    assert_eq!(sent(&model, 1), ["first", "One.", "second"]);
    assert_eq!(memory.history("desk/door").await.unwrap().len(), 4);
    // Another answer to the same question.
    assert_eq!(talk.again().await.unwrap().text, "Three.");
    assert_eq!(sent(&model, 2), ["first", "One.", "second"]);
    talk.clear().await.unwrap();
    assert!(memory.history("desk/door").await.unwrap().is_empty());
}

#[tokio::test]
async fn without_a_memory_each_question_stands_alone() {
    let model = says(&["One.", "Two."]);
    let assistant =
        Assistant::builder("desk", model.clone()).memory(Arc::new(NoMemory)).memory_tools().build();
    let said = assistant.say("first").await.unwrap();
    assert!(said.notices.is_empty(), "{:?}", said.notices);
    assistant.say("second").await.unwrap();
    assert_eq!(sent(&model, 1), ["second"]);
    assert_eq!(model.requests()[1].functions().count(), 0);
    assert!(assistant.talk("own").remember("x").await.is_err());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_store_on_disk_keeps_it_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let store = || Arc::new(consort::SqliteStore::open(folder.path().join("desk.db")).unwrap());
    let long = vec![Step::Say("So far"), Step::Hang];
    let assistant = Assistant::builder("desk", Scripted::new(vec![long])).store(store()).build();
    let talk = assistant.talk("door").participant("ada");
    talk.remember("The door is green.").await.unwrap();
    let mut reply = talk.say("Which colour?");
    assert_eq!(reply.next_text().await.as_deref(), Some("So far"));
    assistant.close().await;
    drop((reply, talk, assistant));
    let model = says(&["Green."]);
    let assistant = Assistant::builder("desk", model.clone()).store(store()).build();
    let talk = assistant.talk("door").participant("ada");
    assert_eq!(talk.history().await.unwrap()[1].text(), "So far");
    talk.again().await.unwrap();
    talk.say("The door, you say?").await.unwrap();
    assert_eq!(sent(&model, 0), ["Which colour?"]);
    let newest = sent(&model, 1).pop().unwrap();
    assert!(newest.contains("- The door is green."), "{newest}");
}
