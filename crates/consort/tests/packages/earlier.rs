//! What a plugin of `llm` sees of earlier turns, through the whole program: what was kept of its own, and others'.
use crate::home::Home;
use serde_json::{Value, json};

/// A model that says what it sees: each earlier turn's system prompt, option and answer of the vendor, and the metadata of
/// each part. Its first word says how it answers instead.
const SEES: &str = r#"import json
import llm


class Options(llm.Options):
    n: int = 1


class Sees(llm.Model):
    model_id = MODEL
    can_stream = supports_tools = True
    Options = Options

    def execute(self, prompt, stream, response, conversation):
        from llm.parts import StreamEvent

        first = (prompt.prompt or "").split(" ")[0]
        if first == "meta":
            yield StreamEvent(type="text", chunk="an", part_index=0, provider_metadata={"v": {"sig": 1}})
            yield StreamEvent(type="text", chunk="swer", part_index=0, provider_metadata={"w": 2})
        elif first == "call":
            yield StreamEvent(type="tool_call_name", chunk=prompt.tools[0].name, part_index=0, tool_call_id="c1")
            yield StreamEvent(type="tool_call_args", chunk="{}", part_index=0, tool_call_id="c1")
        else:
            earlier = conversation.responses if conversation else []
            turns = [[each.prompt.system or None, each.prompt.options.n, each.response_json] for each in earlier]
            kept = [part.to_dict().get("provider_metadata") for each in prompt.messages for part in each.parts]
            yield json.dumps({"turns": turns, "kept": [each for each in kept if each]})
        response.response_json = {"of": first}


@llm.hookimpl
def register_models(register):
    register(Sees())


@llm.hookimpl
def register_tools(register):
    def four() -> str:
        return "4"

    register(four)
"#;

fn sees(id: &str) -> Option<Home> {
    Home::with_file(id, &SEES.replace("MODEL", &format!("'{id}'")))
}

/// Asks what a conversation begins with; gives its id, by which it goes on: others are newer, as tests run side by side.
fn begun(home: &Home, args: &[&str]) -> String {
    let run = home.run(&[&["--json"], args].concat());
    let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    answer["conversation"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned()
}

fn said(home: &Home, args: &[&str]) -> Value {
    let run = home.run(args);
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"))
}

#[test]
#[ignore = "installs a package"]
fn the_vendors_own_and_what_was_asked() {
    let Some(home) = sees("earlier_meta") else { return };
    let id = begun(&home, &["-m", "earlier_meta", "-s", "be nice", "-o", "n", "3", "meta one"]);
    let wanted = json!({"turns": [["be nice", 3, {"of": "meta"}]], "kept": [{"v": {"sig": 1}, "w": 2}]});
    assert_eq!(said(&home, &["--cid", &id, "two"]), wanted);
}

#[test]
#[ignore = "installs a package"]
fn a_turn_that_ended_in_streamed_calls() {
    let Some(home) = sees("earlier_call") else { return };
    let asked = ["-m", "earlier_call", "-s", "SYS", "-o", "n", "3", "-T", "earlier_call:four", "call it"];
    let answer = said(&home, &asked);
    assert_eq!(answer["turns"], json!([["SYS", 3, {"of": "call"}]]));
}

#[test]
#[ignore = "installs a package"]
fn a_turn_of_another_model() {
    let Some(home) = sees("earlier_other") else { return };
    let id = begun(&home, &["-m", "demo", "-s", "You are S", "hi"]);
    let answer = said(&home, &["--cid", &id, "-m", "earlier_other", "-s", "You are S", "x"]);
    assert_eq!(
        answer["turns"],
        json!([["You are S", 1, null]]),
        "its system prompt stands first, not between"
    );
}

#[test]
#[ignore = "installs a package"]
fn an_option_without_a_default() {
    let text = SEES.replace("MODEL", "'earlier_need'").replace("n: int = 1", "n: int");
    let Some(home) = Home::with_file("earlier_need", &text) else { return };
    let id = begun(&home, &["-m", "demo", "hi"]);
    let answer = said(&home, &["--cid", &id, "-m", "earlier_need", "-o", "n", "4", "x"]);
    assert_eq!(answer["turns"], json!([[null, 4, null]]));
}
