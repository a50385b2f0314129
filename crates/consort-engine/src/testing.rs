//! For tests: what every memory backend promises, for their authors to run.
use consort_core::{Body, Error, Memory, Message, Part, Role};
use uuid::Uuid;

/// What of the contract a backend does not keep to, a line each; nothing where it is good. It writes to conversations
/// and scopes with names of their own, and clears them.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let memory = consort_engine::StoreMemory::in_process();
/// assert_eq!(consort_engine::testing::memory_faults(&memory).await, Vec::<String>::new());
/// # });
/// ```
pub async fn memory_faults(memory: &dyn Memory) -> Vec<String> {
    let mut faults = Faults(Vec::new());
    if memory.name().trim().is_empty() {
        faults.0.push("it has no name".into());
    }
    if let Err(error) = memory.check().await {
        faults.0.push(format!("it says that it cannot be reached: {error}"));
    }
    // A backend that fails half way is told of by what fails.
    let halves = [history(memory, &mut faults).await, records(memory, &mut faults).await];
    faults.0.extend(halves.into_iter().filter_map(Result::err));
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn unless(&mut self, holds: bool, fault: &str) {
        if !holds {
            self.0.push(fault.to_owned());
        }
    }
}

/// A name that no other test has, with what paths and queries must not trip over.
fn name(of: &str) -> String {
    format!("contract test/../{of} '\"% {}", Uuid::now_v7())
}

fn done<T>(result: Result<T, Error>, what: &str) -> Result<T, String> {
    result.map_err(|error| format!("{what} fails: {error}"))
}

/// A conversation with all that must come back: signatures, calls and results, names, letters of all kinds.
fn talk() -> Vec<Message> {
    let mut asked = Message::user("Wie heißt die Katze? 🎻");
    asked.name = Some("Ada".into());
    let thought = Part::reasoning("It is a cat.").signed("zoo", "c2lnbmVk");
    let call = Part::tool_call("call_1", "look", r#"{"at": "Ü"}"#);
    let native = Part::native("zoo", "search", serde_json::json!({"deep": [1, null, {"a": 1.5}]}));
    vec![
        asked,
        Message::new(Role::Assistant, vec![thought, call, native]),
        Message::new(Role::Tool, vec![Part::tool_result("call_1", "look", "Minka")]),
        Message::assistant("Minka."),
        // The same words again are said again.
        Message::assistant("Minka."),
    ]
}

async fn history(memory: &dyn Memory, faults: &mut Faults) -> Result<(), String> {
    let (one, other) = (name("one"), name("other"));
    let read = done(memory.history(&one).await, "reading a conversation that never began")?;
    faults.unless(read.is_empty(), "a conversation that never began is not empty");
    done(memory.clear(&one).await, "clearing a conversation that never began")?;
    if !memory.keeps().history() {
        let _ = memory.append(&one, Message::user("Hello")).await;
        let read = done(memory.history(&one).await, "reading")?;
        faults.unless(read.is_empty(), "it says that it keeps no history, and keeps it");
        return Ok(());
    }
    for message in talk() {
        done(memory.append(&one, message).await, "appending a message")?;
    }
    let found = done(memory.history(&one).await, "reading a conversation")?;
    faults
        .unless(found.len() == talk().len(), "a conversation has more or fewer messages than were appended");
    for (kept, said) in found.iter().zip(talk()) {
        let same = kept.role == said.role && kept.parts == said.parts && kept.name == said.name;
        faults.unless(same, &format!("a message comes back changed: {}", words(&said)));
    }
    faults.unless(done(memory.history(&other).await, "reading")?.is_empty(), "conversations share messages");
    done(memory.append(&other, Message::user("Hello")).await, "appending a message")?;
    done(memory.clear(&one).await, "clearing")?;
    faults.unless(done(memory.history(&one).await, "reading")?.is_empty(), "clearing leaves messages");
    faults.unless(
        done(memory.history(&other).await, "reading")?.len() == 1,
        "clearing clears another conversation",
    );
    done(memory.clear(&other).await, "clearing")
}

fn words(message: &Message) -> String {
    let of = |part: &Part| match &part.body {
        Body::Text { text, .. } | Body::Reasoning { text, .. } => text.clone(),
        Body::ToolCall(call) => format!("the call of `{}`", call.name),
        Body::ToolResult(_) => "the result of a call".to_owned(),
        _ => "an item of one wire".to_owned(),
    };
    message.parts.iter().map(of).collect::<Vec<_>>().join(", ")
}

async fn records(memory: &dyn Memory, faults: &mut Faults) -> Result<(), String> {
    let (one, other) = (name("one"), name("other"));
    let list = done(memory.list(&one).await, "listing a scope that has nothing")?;
    faults.unless(list.is_empty(), "a scope that has nothing is not empty");
    let found = done(memory.search(&one, "tea", 5).await, "searching a scope that has nothing")?;
    faults.unless(found.is_empty(), "a search in a scope that has nothing finds something");
    let gone = done(memory.forget(&one, "no such id").await, "forgetting what is not there")?;
    faults.unless(!gone, "it forgets what is not there");
    if !memory.keeps().records() {
        let refused = memory.add(&one, "Likes tea.".into()).await.is_err();
        faults.unless(refused, "it says that it keeps no records, and takes one");
        return Ok(());
    }
    let tea = done(memory.add(&one, "Likes green tea.\nNo sugar. 🍵".into()).await, "adding")?;
    let home = done(memory.add(&one, "Lives in Oslo.".into()).await, "adding")?;
    let coffee = done(memory.add(&other, "Likes tea.".into()).await, "adding")?;
    faults.unless(tea.text == "Likes green tea.\nNo sugar. 🍵", "a text comes back changed");
    let ids = |list: &[consort_core::MemoryRecord]| list.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    let list = done(memory.list(&one).await, "listing")?;
    faults.unless(
        ids(&list) == [home.id.clone(), tea.id.clone()],
        "a list is not all of the scope, newest first",
    );
    let found = done(memory.search(&one, "what tea?", 5).await, "searching")?;
    faults
        .unless(found.first().is_some_and(|best| best.id == tea.id), "a search does not find the best first");
    faults.unless(found.iter().all(|one| one.id != coffee.id), "a search finds what another scope remembers");
    let found = done(memory.search(&one, "tea Oslo", 1).await, "searching")?;
    faults.unless(found.len() == 1, "a search gives more or fewer than its limit");
    let stolen = done(memory.forget(&other, &tea.id).await, "forgetting")?;
    faults.unless(!stolen, "a scope can forget what another one remembers");
    for (scope, id) in [(&one, &tea.id), (&one, &home.id), (&other, &coffee.id)] {
        faults.unless(done(memory.forget(scope, id).await, "forgetting")?, "forgetting finds nothing");
    }
    faults.unless(done(memory.list(&one).await, "listing")?.is_empty(), "what was forgotten is still there");
    Ok(())
}
