"""The llm dialect: earlier turns have the system prompt, the options and the vendor's answer that were theirs."""

import json
import unittest

from harness import user
from llm_case import LlmCase, fold, new_only

SEES = """
class Options(llm.Options):
    n: int = 1
supports_tools = True
can_stream = True
def execute(self, prompt, stream, response, conversation):
    before = [[r.prompt.system or None, r.prompt.options.n, r.response_json, r.text_or_raise()[:4]] for r in conversation.responses] \\
        if conversation else []
    if getattr(prompt, "tools", ()):
        response.add_tool_call(llm.ToolCall(name="t", arguments={}, tool_call_id="c"))
    else:
        yield "said " + json.dumps([prompt.system or None, prompt.options.n, before])
    if prompt.prompt != "nothing more":
        response.response_json = {"of": prompt.prompt, "pad": "x" * (70000 if prompt.prompt == "much" else 0)}
"""


class Talk:
    """A conversation as the host holds one: what a part was sent with comes back with it."""

    def __init__(self, one):
        self.one = one
        self.messages = []

    def say(self, text, **params):
        self.messages.append(user(text))
        said, _, events = self.one.generate("m", messages=self.messages, **params)
        calls = [event for event in events if event["type"] == "tool_call"]
        self.messages.append({"role": "assistant", "content": [*fold(events), *calls]})
        return json.loads(said.removeprefix("said ")) if said else None


class Earlier(LlmCase):
    def test_each_turn_has_its_own(self):
        for base in ("llm.Model", "llm.AsyncModel"):
            body = SEES.replace("def execute", "async def execute") if "Async" in base else SEES
            talk = Talk(self.model(body, head="import json", base=base))
            self.assertEqual(talk.say("one"), [None, 1, []])
            first = [None, 1, {"of": "one", "pad": ""}, "said"]
            self.assertEqual(talk.say("two", system="be nice", options={"n": 3}), ["be nice", 3, [first]])
            second = ["be nice", 3, {"of": "two", "pad": ""}, "said"]
            self.assertEqual(talk.say("three"), [None, 1, [first, second]])

    def test_what_nobody_kept_is_at_its_default(self):
        one = self.model(SEES, head="import json")
        said = {"role": "assistant", "content": [{"type": "text", "text": "said", "opaque": "of others"}]}
        answer, _, _ = one.generate("m", messages=[user("a"), said, user("b")], system="S", options={"n": 2})
        self.assertEqual(json.loads(answer[5:]), ["S", 2, [[None, 1, None, "said"]]])

    def test_options_of_another_version_of_the_model(self):
        one = self.model(SEES, head="import json")
        kept = json.dumps({"turn": {"options": {"gone": 1, "n": 5}, "system": 7}})
        said = {"role": "assistant", "content": [{"type": "text", "text": "said", "opaque": kept}]}
        answer, _, _ = one.generate("m", messages=[user("a"), said, user("b")])
        self.assertEqual(json.loads(answer[5:])[2], [[None, 1, None, "said"]])

    def test_a_turn_of_which_there_is_nothing_to_keep_sends_nothing_more(self):
        one = self.model(SEES, head="import json")
        events = one.generate("m", "nothing more")[2]
        self.assertEqual([sorted(event) for event in events], [["text", "type"]])

    def test_an_answer_that_is_too_long_is_not_kept(self):
        talk = Talk(self.model(SEES, head="import json"))
        talk.say("much", system="S", options={"n": 2})
        self.assertEqual(talk.say("b")[2], [["S", 2, None, "said"]])

    @new_only
    def test_a_turn_that_ended_in_a_call(self):
        talk = Talk(self.model(SEES, head="import json"))
        talk.say("look", system="S", tools=[{"name": "t", "inputSchema": {"type": "object"}}])
        result = {"type": "tool_result", "id": "c", "name": "t", "text": "4"}
        talk.messages.append({"role": "tool", "content": [result]})
        self.assertEqual(talk.say("b")[2], [["S", 1, {"of": "look", "pad": ""}, ""]])

    @new_only
    def test_beside_what_the_vendor_wants_to_see_again(self):
        one = self.model("""
            can_stream = True
            def execute(self, prompt, stream, response, conversation):
                from llm.parts import StreamEvent
                yield StreamEvent(type="text", chunk="hi", part_index=0, provider_metadata={"v": {"s": 1}})
                response.response_json = {"a": 1}
        """)
        (part,) = fold(one.generate("m")[2])
        self.assertEqual((part["text"], json.loads(part["opaque"])),
                         ("hi", {"provider_metadata": {"v": {"s": 1}}, "turn": {"response_json": {"a": 1}}}))


if __name__ == "__main__":
    unittest.main()
