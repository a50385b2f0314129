"""The llm dialect: earlier turns have the system prompt, the options and the vendor's answer that were theirs."""

import json
import textwrap
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
        self.messages.append({"role": "assistant", "content": fold(events)})
        return json.loads(said.removeprefix("said ")) if said.startswith("said ") else None


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
        self.assertEqual(json.loads(answer[5:]), ["S", 2, [["S", 1, None, "said"]]])

    def test_options_of_another_version_of_the_model(self):
        one = self.model(SEES, head="import json")
        kept = json.dumps({"turn": {"options": {"gone": 1, "n": 5}, "system": 7}})
        said = {"role": "assistant", "content": [{"type": "text", "text": "said", "opaque": kept}]}
        answer, _, _ = one.generate("m", messages=[user("a"), said, user("b")])
        self.assertEqual(json.loads(answer[5:])[2], [[None, 1, None, "said"]])

    def test_a_turn_of_which_there_is_little_to_keep_sends_no_event_for_it(self):
        one = self.model(SEES, head="import json")
        (event,) = one.generate("m", "nothing more")[2]
        self.assertEqual(json.loads(event["opaque"]), {"turn": {"system": None}})

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

    def test_what_was_not_this_plugins_has_the_present_system_prompt(self):
        one = self.model(SEES, head="import json")
        others = {"role": "assistant", "content": [{"type": "text", "text": "said"}]}
        mine = fold(one.generate("m", "nothing more")[2])
        messages = [user("a"), others, user("b"), {"role": "assistant", "content": mine}, user("c")]
        before = json.loads(one.generate("m", messages=messages, system="S")[0][5:])[2]
        self.assertEqual([turn[0] for turn in before], ["S", None])

    def test_options_without_a_default(self):
        one = self.model(SEES.replace("n: int = 1", "n: int"), head="import json")
        for opaque in (None, json.dumps({"turn": {"options": {"gone": 1}}})):
            said = {"role": "assistant", "content": [{"type": "text", "text": "said", "opaque": opaque}]}
            answer, _, _ = one.generate("m", messages=[user("a"), said, user("b")], options={"n": 4})
            self.assertEqual(json.loads(answer[5:])[2], [[None, 4, None, "said"]])

    def test_a_turn_that_was_cut(self):
        one = self.model("""
            can_stream = True
            def execute(self, prompt, stream, response, conversation):
                yield conversation.responses[0].prompt.system if conversation else "half"
                if not conversation:
                    raise ValueError("cut")
        """)
        ident = one.start("generate", model="m", messages=[user("a")], system="S")
        self.refused(one.answer, ident)
        half = {"role": "assistant", "content": fold(one.events[ident])}
        self.assertEqual(one.generate("m", messages=[user("a"), half, user("b")], system="T")[0], "S")


@new_only
class VendorsOwn(LlmCase):
    """What the vendor wants to see again, beside what is kept of the turn."""

    SCRIPT = """
        class Options(llm.Options):
            n: int = 1
        supports_tools = True
        can_stream = True
        def execute(self, prompt, stream, response, conversation):
            if conversation:
                kept = [[part.to_dict().get("provider_metadata") for part in message.parts]
                        for message in prompt.messages if message.role == "assistant"]
                turns = [[each.prompt.system, each.prompt.options.n, each.response_json] for each in conversation.responses]
                yield "said " + json.dumps([kept, turns])
                return
            response.response_json = {"a": 1}
    """

    def again(self, script, system="S", tools=()):
        """(the metadata of the first answer's parts, its turn), as the second one sees them."""
        one = self.model(textwrap.dedent(self.SCRIPT) + textwrap.indent(textwrap.dedent(script), "    "),
                         head="import json\nfrom llm.parts import StreamEvent as E")
        talk = Talk(one)
        talk.say("one", system=system, options={"n": 3}, tools=list(tools))
        for call in [part for part in talk.messages[-1]["content"] if part["type"] == "tool_call"]:
            result = {"type": "tool_result", "id": call["id"], "name": call["name"], "text": "4"}
            talk.messages.append({"role": "tool", "content": [result]})
        (kept, *_), (turn, *_) = talk.say("two")
        self.assertEqual([turn[0] or None, *turn[1:]], [system, 3, {"a": 1}])
        return kept

    def test_of_a_text(self):
        self.assertEqual(self.again("""
            yield E(type="text", chunk="hi", part_index=0, provider_metadata={"v": {"s": 1}})
        """), [{"v": {"s": 1}}])

    def test_of_a_text_in_several_pieces(self):
        self.assertEqual(self.again("""
            yield E(type="text", chunk="hi", part_index=0, provider_metadata={"v": {"s": 1}, "w": 1})
            yield E(type="text", chunk=" you", part_index=0)
            yield E(type="text", chunk="", part_index=0, provider_metadata={"v": {"s": 2}})
        """, system=None), [{"v": {"s": 2}, "w": 1}])

    def test_of_reasoning_that_the_answer_ends_with(self):
        self.assertEqual(self.again("""
            yield "hi"
            yield E(type="reasoning", chunk="hm", part_index=1, provider_metadata={"v": 1})
            yield E(type="reasoning", chunk="m", part_index=1, provider_metadata={"w": 2})
        """), [None, {"v": 1, "w": 2}])

    def test_of_calls_that_were_streamed(self):
        tool = {"name": "t", "inputSchema": {"type": "object"}}
        self.assertEqual(self.again("""
            for i in (0, 1):
                yield E(type="tool_call_name", chunk="t", part_index=i, tool_call_id=f"c{i}", provider_metadata={"v": i})
                yield E(type="tool_call_args", chunk="{}", part_index=i, tool_call_id=f"c{i}", provider_metadata={"w": i})
        """, tools=[tool]), [{"v": 0, "w": 0}, {"v": 1, "w": 1}])

    def test_of_a_call_whose_id_comes_late_or_never(self):
        tool = {"name": "t", "inputSchema": {"type": "object"}}
        self.assertEqual(self.again("""
            yield E(type="tool_call_name", chunk="t", part_index=0, provider_metadata={"v": 0})
            yield E(type="tool_call_args", chunk="{}", part_index=0, tool_call_id="c0", provider_metadata={"w": 0})
            yield E(type="tool_call_name", chunk="t", part_index=1, provider_metadata={"v": 1})
            yield E(type="tool_call_args", chunk="{}", part_index=1, provider_metadata={"w": 1})
        """, tools=[tool]), [{"v": 0, "w": 0}, {"v": 1, "w": 1}])

    def test_of_a_tool_of_the_vendors(self):
        self.assertEqual(self.again("""
            yield "hi"
            yield E(type="tool_call_name", chunk="web", part_index=1, tool_call_id="s", server_executed=True,
                    provider_metadata={"v": 1})
            yield E(type="tool_result", chunk="found", part_index=2, tool_call_id="s", server_executed=True)
        """), [None, {"v": 1}, None])


if __name__ == "__main__":
    unittest.main()
