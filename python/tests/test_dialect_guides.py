"""The examples and every Python block of our own guides for bruno and Vision Agents, run as they stand."""

import base64
import glob
import os
import unittest

from harness import EXAMPLES, Case, user
from test_guides import blocks

FAKES = {
    "anthropic": '''
"""A client that notes what it was asked and answers with its words."""
LOG = []

class AsyncAnthropic:
    def __init__(self, api_key, max_retries):
        self.api_key, self.messages = api_key, self

    def stream(self, **asked):
        class Stream:
            async def __aenter__(stream): return stream
            async def __aexit__(stream, *why): pass

            @property
            async def text_stream(stream):
                for word in (f"{self.api_key} ", repr(asked)):
                    yield word
        return Stream()
''',
    "boto3": '''
"""A blocking client that calls a tool first, then says what came of it."""
import time

class Client:
    def converse_stream(self, **asked):
        self.asked = asked
        return {"stream": self.events(asked)}

    def events(self, asked):
        time.sleep(0.01)
        last = asked["messages"][-1]["content"][0]
        if "toolConfig" in asked and "toolResult" not in last:
            yield {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}}}
            for piece in ('{"city": ', '"Oslo"}'):
                yield {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": piece}}}}
            yield {"messageStop": {"stopReason": "tool_use"}}
            return
        for word in ("it is ", repr({name: asked[name] for name in ("modelId", "system") if name in asked}), repr(last)):
            yield {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": word}}}
        yield {"messageStop": {"stopReason": "end_turn"}}
        yield {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}}}

def client(name, region_name=None):
    return Client()
''',
    "google": '''
"""google.genai: a client that calls a tool first, then says what came of it."""
import sys
from types import ModuleType, SimpleNamespace as O

def part(text=None, call=None):
    return O(text=text, function_call=call, thought=None, thought_signature=b"s")

class Models:
    async def generate_content_stream(self, model, contents, config):
        last = contents[-1]["parts"][0]
        async def chunks():
            if config.get("tools") and not (isinstance(last, dict) and "function_response" in last):
                yield self.chunk(part(call=O(id="c1", name="weather", args={"city": "Oslo"})))
                return
            for word in ("it is ", repr((model, config.get("system_instruction"), last, len(contents)))):
                yield self.chunk(part(text=word))
            yield O(candidates=None, model_version="gemini-x", usage_metadata=O(
                prompt_token_count=5, candidates_token_count=3, total_token_count=8))
        return chunks()

    def chunk(self, one):
        return O(candidates=[O(content=O(parts=[one]))], model_version="gemini-x", usage_metadata=None)

class Client:
    def __init__(self, api_key):
        self.aio = O(models=Models())

genai = sys.modules["google.genai"] = ModuleType("google.genai")
genai.Client = Client
''',
}
WEATHER = [{"name": "weather", "description": "d", "inputSchema": {"type": "object"}}]


class Guides(Case):
    def sound(self, one, session, data=bytes(960), rate=24000):
        inputs = [{"type": "audio", "data": base64.b64encode(data).decode(), "rate": rate, "channels": 1}]
        one.send("realtime/input", session=session, inputs=inputs)

    def run_blocks(self, guide, dialect):
        for source in blocks(guide):
            one = self.worker(source, dialect=dialect)
            self.assertEqual([each for each in one.ask("plugin/check")["findings"] if each["level"] != "note"], [])
            yield one

    def test_bruno(self):
        said = []
        for one in self.run_blocks("bruno-providers.md", "bruno"):
            one.ask("models/list")
            said += [one.generate("acme", "a b", stream=stream)[0] for stream in (True, False)]
        self.assertEqual(said, ["a b ", "a b ", "second says: a b", "second says: a b", "message 1", "message 3"])

    def test_text(self):
        said = []
        for one in self.run_blocks("vision-agents-models.md", "vision"):
            one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
            said.append(one.generate("acme", "a b", tools=WEATHER)[0])
        self.assertEqual(said, ["a b ", "one two three", "add_one: 2; weather: 4 °C"])

    def test_live(self):
        echo, slow = self.run_blocks("vision-agents-realtime.md", "vision")
        session = echo.open_session("acme")
        self.sound(echo, session, bytes(range(64)), 24000)
        words, sound = echo.heard(session, "audio")
        self.assertEqual((words["text"], base64.b64decode(sound["data"])), ("(sound)", bytes(range(64))))
        echo.send("realtime/input", session=session, inputs=[{"type": "text", "text": "hi"}])
        self.assertEqual(echo.heard(session, "turn_done")[0]["text"], "you wrote: hi")
        self.assertTrue(echo.sessions[session].empty())  # the track's twin was not played
        session = slow.open_session("acme")
        for _ in range(4):
            self.sound(slow, session, bytes(960), 24000)
        heard = [slow.heard(session, "audio_done") for _ in range(4)]
        pieces = [each for events in heard for each in events if each["type"] == "audio"]
        self.assertEqual({each["rate"] for each in pieces}, {16000})
        samples = sum(len(base64.b64decode(each["data"])) // 2 for each in pieces)
        self.assertTrue(4 * 320 - 64 <= samples <= 4 * 320, samples)  # what is missing is still on its way


class Examples(Case):
    def example(self, name, dialect, *fakes, **config):
        """A worker with an example under the modules that stand for its vendor's; these win over installed ones."""
        head = "import sys\n"
        for fake in fakes:
            head += f"made = sys.modules[{fake!r}] = type(sys)({fake!r}); exec({FAKES[fake]!r}, vars(made))\n"
        (path,) = glob.glob(os.path.join(EXAMPLES, "*", f"{name}.py"))
        with open(path, encoding="utf-8") as opened:
            one = self.worker(head + opened.read(), name, dialect=dialect, **config)
        self.assertEqual([each for each in one.ask("plugin/check")["findings"] if each["level"] != "note"], [])
        return one

    def test_claude(self):
        one = self.example("claude_llm", "bruno", "anthropic", secrets=["anthropic"])
        cards = one.ask("models/list")["models"]
        self.assertEqual(cards[0]["needs"]["secrets"], ["anthropic"])
        said = one.generate("claude_llm", "hi", system="s", secrets={"anthropic": "sk-1"}, options={"max_tokens": 9})[0]
        key, asked = said.split(" ", 1)
        self.assertEqual((key, eval(asked)), ("sk-1", {
            "model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "system": "s"}))

    def test_gemini(self):
        one = self.example("gemini_llm", "vision", "google", secrets=["gemini"])
        self.assertEqual(one.ask("models/list")["models"][0]["needs"]["secrets"], ["gemini"])
        one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
        params = {"secrets": {"gemini": "k"}, "system": "s"}
        messages = [user("before"), {"role": "assistant", "content": [{"type": "text", "text": "yes"}]}, user("hi")]
        said, result, _ = one.generate("gemini_llm", messages=messages, **params)
        self.assertEqual(said, "it is ('gemini-2.5-flash', 's', {'text': 'hi'}, 3)")
        self.assertEqual((result["usage"]["totalTokens"], result["model"]), (8, "gemini-x"))
        said = one.generate("gemini_llm", messages=messages, tools=WEATHER, **params)[0]
        self.assertIn("'response': {'result': '4 °C'}", said)
        self.assertEqual(one.requests.get(timeout=5)["params"]["arguments"], {"city": "Oslo"})

    def test_aws(self):
        one = self.example("aws_llm", "vision", "boto3")
        said, result, _ = one.generate("aws_llm", "hi", system="s")
        self.assertIn("'system': [{'text': 's'}]", said)
        self.assertEqual(result["usage"], {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8})
        one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
        said = one.generate("aws_llm", "hi", tools=WEATHER)[0]
        self.assertIn("'content': [{'text': '4 °C'}]", said)

    def test_repeat_live(self):
        one = self.example("repeat_live", "vision")
        session = one.open_session("repeat_live")
        data = bytes(range(64)) * 30
        Guides.sound(self, one, session, data, 16000)
        one.send("realtime/input", session=session, inputs=[{"type": "commit"}])
        words, *pieces, done = one.heard(session, "audio_done")
        self.assertEqual(words["text"], "(0.1 seconds of sound)")
        self.assertEqual(b"".join(base64.b64decode(each["data"]) for each in pieces), data)
        Guides.sound(self, one, session, data, 16000)  # without saying so: after the pause
        self.assertEqual(one.heard(session, "audio_done")[0]["type"], "transcript")
        one.send("realtime/input", session=session, inputs=[{"type": "text", "text": "t"}])
        self.assertEqual(one.heard(session, "turn_done")[0]["text"], "t")


if __name__ == "__main__":
    unittest.main()
