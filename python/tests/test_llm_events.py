"""The llm dialect: the events of its newer generation, and loops that run tools."""

import base64
import json
import unittest

from harness import user
from llm_case import LlmCase, fold, new_only

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 20).decode()


@new_only
class NewGeneration(LlmCase):
    BODY = """
        can_stream = True
        supports_tools = True
        def execute(self, prompt, stream, response, conversation):
            yield from SCRIPT(prompt, response)
    """

    def run_script(self, script, **params):
        one = self.model(self.BODY, head="from llm.parts import StreamEvent as E\n" + script)
        return one, *one.generate("m", **params)

    def test_reasoning_and_its_signature_round_trip(self):
        one, said, result, events = self.run_script("""
def SCRIPT(prompt, response):
    for message in prompt.messages:
        for part in message.parts:
            if getattr(part, "provider_metadata", None):
                yield f"[{type(part).__name__} {part.text} {part.provider_metadata}]"
    yield E("reasoning", "let me ")
    yield E("reasoning", "think")
    yield E("reasoning", "", provider_metadata={"v": {"signature": "s1"}})
    yield E("text", "one ")
    yield "two"
    yield E("text", "", provider_metadata={"v": {"id": 9}})
    yield E("reasoning", "", redacted=True)
""")
        self.assertEqual([(e["type"], e["text"], e.get("redacted")) for e in events], [
            ("reasoning", "let me ", None), ("reasoning", "think", None), ("reasoning", "", None),
            ("text", "one ", None), ("text", "two", None), ("text", "", None), ("reasoning", "", True),
        ])
        answer = fold(events)
        self.assertEqual([part["type"] for part in answer], ["reasoning", "text", "reasoning"])
        messages = [user("x"), {"role": "assistant", "content": answer}, user("y")]
        said, _, _ = one.generate("m", messages=messages)
        self.assertIn("[ReasoningPart let me think {'v': {'signature': 's1'}}]", said)
        self.assertIn("[TextPart one two {'v': {'id': 9}}]", said)

    def test_streamed_tool_calls(self):
        _, _, result, events = self.run_script("""
def SCRIPT(prompt, response):
    yield E("text", "I ask. ")
    yield E("tool_call_name", "weather", tool_call_id="c1", provider_metadata={"g": {"sig": "z"}})
    yield E("tool_call_args", '{"city":', tool_call_id="c1")
    yield E("tool_call_args", ' "Oslo"}', tool_call_id="c1")
    yield E("tool_call_name", "no_id")
    yield E("tool_call_args", '{"a": 1}')
    response.add_tool_call(llm.ToolCall(name="weather", arguments={"city": "Oslo"}, tool_call_id="c1"))
    response.add_tool_call(llm.ToolCall(name="no_id", arguments={"a": 1}))
""")
        self.assertEqual(result["finishReason"], "tool_calls")
        self.assertEqual([e["type"] for e in events], ["text", *["tool_call_delta"] * 3, "tool_call"])
        first = events[1]
        self.assertEqual((first["index"], first["id"], first["name"]), (0, "c1", "weather"))
        self.assertEqual(json.loads(first["opaque"]), {"provider_metadata": {"g": {"sig": "z"}}})
        self.assertEqual("".join(e["arguments"] for e in events[1:4]), '{"city": "Oslo"}')
        self.assertEqual((events[4]["name"], events[4]["arguments"]), ("no_id", {"a": 1}))
        self.assertTrue(events[4]["id"])

    def test_parts_that_stand_apart(self):
        _, _, _, events = self.run_script("""
def SCRIPT(prompt, response):
    yield E("text", "a", part_index=0)
    yield E("text", "b", part_index=1)
    yield E("text", "c", part_index=1)
    yield E("text", "d", message_index=1)
""")
        self.assertEqual([(e["text"], e.get("part")) for e in events],
                         [("a", None), ("b", "new"), ("c", None), ("d", "new")])

    def test_server_tools_go_back_to_their_vendor_and_nowhere_else(self):
        one, _, result, events = self.run_script("""
def SCRIPT(prompt, response):
    for message in prompt.messages:
        for part in message.parts:
            if getattr(part, "server_executed", False):
                yield f"[{part.to_dict()}]"
    yield E("tool_call_name", "web_search", tool_call_id="s1", server_executed=True)
    yield E("tool_call_args", '{"q": 1}', tool_call_id="s1", server_executed=True)
    yield E("tool_result", "found", tool_call_id="s1", server_executed=True, tool_name="web_search",
            provider_metadata={"v": {"raw": "enc"}})
    yield E("text", "It is so.")
""")
        self.assertEqual(result["finishReason"], "stop")
        self.assertNotIn("tool_call", json.dumps([event["type"] for event in events]))
        messages = [user("x"), {"role": "assistant", "content": fold(events)}, user("y")]
        said, _, _ = one.generate("m", messages=messages)
        self.assertIn(
            "'name': 'web_search', 'arguments': {'q': 1}, 'tool_call_id': 's1', 'server_executed': True", said
        )
        self.assertIn("'output': 'found'", said)
        self.assertIn("{'v': {'raw': 'enc'}}", said)

    def test_a_loop_of_the_plugins_own_runs_tools_through_the_host(self):
        for base, word, wait in (("llm.Model", "", ""), ("llm.AsyncModel", "async ", "await ")):
            one = self.model(f"""
                supports_tools = True
                {word}def execute(self, prompt, stream, response, conversation=None):
                    result = {wait}response.execute_tool_call(
                        llm.ToolCall(name="weather", arguments={{"city": "Oslo"}}, tool_call_id="c7"))
                    yield f"{{result.name}} {{result.output}} {{result.exception}} {{len(result.attachments)}}"
            """, base=base)
            asked = []

            def reply(request, one=one, asked=asked):
                asked.append(request)
                content = [{"type": "text", "text": "4 °C"}, {"type": "image", "mime": "image/png", "data": PNG}]
                one.reply(request, content=content, isError=False)

            one.on_request = reply
            said, result, events = one.generate("m", tools=[{"name": "weather", "inputSchema": {}}])
            self.assertEqual((said, result["finishReason"]), ("weather 4 °C None 1", "stop"))
            params = {"request": 2, "id": "c7", "name": "weather", "arguments": {"city": "Oslo"}}
            self.assertEqual(asked[0]["params"], params)
            one.on_request = lambda request, one=one: one.reply(
                request, content=[{"type": "text", "text": "no such city"}], isError=True
            )
            said, _, _ = one.generate("m", tools=[{"name": "weather", "inputSchema": {}}])
            self.assertIn("Error: no such city", said)

    def test_hide_reasoning(self):
        one = self.model("def execute(self, prompt, *a, **k):\n    yield str(prompt.hide_reasoning)")
        self.assertEqual(one.generate("m", reasoning={"show": False})[0], "True")
        _, _, events = one.generate("m", reasoning={"effort": "low"})
        self.assertEqual(events[0]["type"], "warning")


if __name__ == "__main__":
    unittest.main()
