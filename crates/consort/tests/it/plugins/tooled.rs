//! Tools of MCP servers that the host runs, called by models of Vision Agents beside functions of their own.
use super::Plugged;
use crate::mcp::dice;

/// What both forms of the contract have in common: a function of the file's own, and a round that calls all there is.
const HEAD: &str = "from vision_agents.core.llm.llm import LLM, LLMResponseDelta, LLMResponseFinal
from vision_agents.core.llm.events import LLMResponseChunkEvent, LLMResponseCompletedEvent
from vision_agents.core.llm.realtime import Realtime

class Base:
    def __init__(self):
        super().__init__()

        @self.register_function(description='Doubles a number.')
        async def double(number: int = 1) -> int:
            return number * 2

    async def rolled(self):
        functions = {each['name']: each['parameters_schema']['properties'] for each in self.get_available_functions()}
        assert functions['dice__roll'] == {'sides': {'type': 'integer'}}, functions
        calls = [{'id': 'a', 'name': 'dice__roll', 'arguments_json': {'sides': 20}},
                 {'id': 'b', 'name': 'double', 'arguments_json': {'number': 4}}]
        results, _ = await self._dedup_and_execute(calls)
        return '; '.join(str(result) for _, result, _ in results)
";

/// A file whose class derives from `base`, with this `simple_response`.
fn model(base: &str, body: &str) -> String {
    format!(
        "{HEAD}\nclass Dicer(Base, {base}):\n    async def simple_response(self, text, participant=None):\n{body}"
    )
}

/// The guide's server, in the settings.
fn with_dice(place: &Plugged) {
    place.place.file("dice.py", dice());
    assert_eq!(place.run(&["mcp", "add", "dice", place.python.unwrap(), "dice.py"]).code, 0);
}

#[test]
fn a_text_model_of_each_form_calls_a_server() {
    let Some(place) = Plugged::with_python() else { return };
    with_dice(&place);
    let events = "        said = await self.rolled()
        self.events.send(LLMResponseChunkEvent(delta=said))
        self.events.send(LLMResponseCompletedEvent(text=said))
";
    let items = "        said = await self.rolled()
        yield LLMResponseDelta(delta=said)
        yield LLMResponseFinal(text=said)
";
    for (name, body) in [("events", events), ("items", items)] {
        place.plugin(&format!("{name}.py"), model("LLM", body));
        let run = place.run(&["-m", name, "-T", "dice", "roll it"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, "the best of 20: 20; 8"), "{run}");
        assert!(run.stderr.contains("dice__roll({\"sides\":20})"), "the host ran it: {run}");
        // Its own function is the model's affair, unless somebody else is to call it.
        assert!(!run.stderr.contains("double("), "{run}");
    }
}

#[test]
fn a_live_model_calls_a_server() {
    let Some(place) = Plugged::with_python() else { return };
    with_dice(&place);
    let body = "        self._emit_response_event(text=await self.rolled())\n";
    place.plugin("dicer.py", model("Realtime", body));
    let run = place.run(&["talk", "dicer", "--text", "roll it", "-T", "dice", "--fast", "-q"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "user: roll it\nassistant: the best of 20: 20; 8\n"),
        "{run}"
    );
}
