//! What a plugin's assistants remember: beyond the process, beside the user's conversations, and never another plugin's.
use super::Plugged;

const ASSISTED: &str = "from bruno_core.base import BaseAssistant
from bruno_core.interfaces import LLMInterface


class CountingLLM(LLMInterface):
    async def generate(self, messages, **kwargs):
        return f'message {len(messages)}'


class AssistedLLM(LLMInterface):
    async def generate(self, messages, **kwargs):
        assistant = BaseAssistant(llm=CountingLLM(), memory=memory)
        await assistant.initialize()
        return (await assistant.process_message(messages[-1].content, conversation_id='c')).text
";

#[test]
fn an_assistant_remembers_what_was_said_to_it_before() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("first.py", ASSISTED);
    place.plugin("second.py", ASSISTED);
    let database = place.place.path("home/data/plugin-memory.db");
    assert_eq!(place.run(&["models"]).code, 0);
    assert!(!database.exists(), "nothing is made before something is kept");
    assert_eq!(place.ask("first", "tea").stdout, "message 1");
    assert_eq!(place.ask("first", "more").stdout, "message 3");
    assert!(database.exists());
    assert_eq!(place.ask("second", "tea").stdout, "message 1", "no other plugin's");
    // The user's own log and `-c` know nothing of it.
    let logs = place.run(&["logs", "--json"]).json();
    assert_eq!(logs.as_array().unwrap().len(), 3, "{logs:#}");
    assert_eq!(place.run(&["-c", "and"]).stdout, "message 3");
}

#[test]
fn where_nothing_is_kept_plugins_keep_nothing_either() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("first.py", ASSISTED);
    let run = place.run(&["-m", "first", "--no-log", "tea"]);
    assert_eq!(run.stdout, "message 1", "{run}");
    assert!(!place.place.path("home/data/plugin-memory.db").exists());
}

#[test]
fn a_memory_that_cannot_be_opened_is_told() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("first.py", ASSISTED);
    place.place.file("home/data/plugin-memory.db", "no database");
    let run = place.ask("first", "tea");
    assert!(run.code != 0 && run.stderr.contains("plugin-memory.db"), "{run}");
    assert_eq!(
        std::fs::read_to_string(place.place.path("home/data/plugin-memory.db")).unwrap(),
        "no database"
    );
}
