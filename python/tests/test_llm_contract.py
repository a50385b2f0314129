"""The llm dialect: what models are told and what they are given, in any generation of `llm`."""

import base64
import json
import os
import time
import unittest

from harness import user
from llm_case import NEW, LlmCase

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 20).decode()

GUIDE = '''
import json
import llm
from typing import AsyncGenerator, Optional
from pydantic import Field

class HostedModel(llm.KeyModel):
    """A hosted model.

    With more to say."""
    needs_key = "hosted"
    key_env_var = "HOSTED_API_KEY"
    model_id = "hosted"
    can_stream = True
    support_schema = True
    supports_tools = True
    attachment_types = {"image/png", "audio/mp3"}

    class Options(llm.Options):
        size: Optional[int] = Field(default=None, ge=1, description="How much")
        tone: str = "plain"

    def execute(self, prompt, stream, response, conversation, key=None):
        yield json.dumps(view(self, prompt, stream, response, conversation, key))
        response.set_usage(input=15, output=340, details={"cached": 37})
        response.set_resolved_model("hosted-2026-01-01")
        response.response_json = {"choices": [{"finish_reason": "length"}]}

class MyAsyncModel(llm.AsyncKeyModel):
    model_id = "hosted"
    can_stream = True
    supports_tools = True
    supports_schema = True
    needs_key = "hosted"
    attachment_types = {"image/png", "audio/mp3"}
    Options = HostedModel.Options

    async def execute(self, prompt, stream, response, conversation=None, key=None) -> AsyncGenerator[str, None]:
        yield json.dumps(view(self, prompt, stream, response, conversation, key))
        response.set_usage(input=1, output=2)

def view(model, prompt, stream, response, conversation, key):
    return {
        "class": type(model).__name__,
        "key": key,
        "stored": llm.get_key(alias="hosted", env="HOSTED_API_KEY"),
        "stream": stream,
        "prompt": prompt.prompt,
        "system": prompt.system,
        "schema": prompt.schema,
        "options": [prompt.options.size, prompt.options.tone],
        "tools": [[t.name, t.description, t.input_schema] for t in prompt.tools],
        "tool_results": [[r.name, r.output, r.tool_call_id] for r in prompt.tool_results],
        "attachments": [[a.resolve_type(), len(a.content_bytes()) if not a.url else a.url] for a in prompt.attachments],
        "before": [
            [r.prompt.prompt, r.text_or_raise(), [[c.name, c.arguments, c.tool_call_id] for c in r.tool_calls_or_raise()],
             [t.output for t in r.prompt.tool_results], [a.type for a in r.attachments], r.prompt.system or None]
            for r in conversation.responses
        ] if conversation else None,
        "messages": [m.to_dict() for m in prompt.messages] if hasattr(prompt, "messages") else None,
    }

@llm.hookimpl
def register_models(register):
    register(HostedModel(), MyAsyncModel(), aliases=("my-model-aliases",))
'''


class Contract(LlmCase):
    def setUp(self):
        super().setUp()
        self.one = self.worker(GUIDE)

    def see(self, text="hi", **params):
        params.setdefault("secrets", {"hosted": "sk-1"})
        said, result, events = self.one.generate("hosted", text, **params)
        return json.loads(said), result, events

    def test_card(self):
        cards = self.one.ask("models/list")["models"]
        self.assertEqual(len(cards), 1)
        card = cards[0]
        self.assertEqual((card["id"], card["aliases"], card["description"]),
                         ("hosted", ["my-model-aliases"], "A hosted model."))
        self.assertEqual(card["needs"], {"secrets": ["hosted"], "env": ["HOSTED_API_KEY"]})
        self.assertEqual(card["capabilities"], {
            "stream": True, "tools": True, "structuredOutput": "json_schema",
            "input": ["text", "audio/mp3", "image/png", "audio/mpeg"], "output": ["text"],
        })
        self.assertEqual(card["optionsSchema"], {
            "type": "object", "additionalProperties": False,
            "properties": {
                "size": {"type": ["integer", "null"], "minimum": 1, "description": "How much"},
                "tone": {"type": "string", "default": "plain"},
            },
        })

    def test_async_when_streaming_else_sync(self):
        seen, result, _ = self.see()
        self.assertEqual((seen["class"], seen["stream"]), ("MyAsyncModel", True))
        self.assertEqual(result["usage"], {"inputTokens": 1, "outputTokens": 2})
        seen, result, events = self.see(stream=False, meta={"raw": True})
        self.assertEqual((seen["class"], seen["stream"]), ("HostedModel", False))
        self.assertEqual(result, {
            "finishReason": "length", "vendorReason": "length", "model": "hosted-2026-01-01",
            "usage": {"inputTokens": 15, "outputTokens": 340, "cachedInputTokens": 37, "details": {"cached": 37}},
        })
        self.assertIn("raw", [event["type"] for event in events])
        self.assertNotIn("raw", [event["type"] for event in self.see(stream=False)[2]])

    def test_prompt(self):
        for stream in (True, False):
            seen, _, _ = self.see(
                "Hi there", stream=stream, system="Be brief.", options={"size": 3},
                output={"name": "a", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
                tools=[{"name": "weather", "description": "…", "inputSchema": {"type": "object"}}],
            )
            self.assertEqual((seen["prompt"], seen["system"], seen["options"]), ("Hi there", "Be brief.", [3, "plain"]))
            self.assertEqual(seen["schema"], {"type": "object", "properties": {"n": {"type": "integer"}}})
            self.assertEqual(seen["tools"], [["weather", "…", {"type": "object"}]])
            self.assertEqual((seen["before"], seen["key"], seen["stored"]), (None, "sk-1", "sk-1"))
            if NEW:
                self.assertEqual(seen["messages"], [
                    {"role": "system", "parts": [{"type": "text", "text": "Be brief."}]},
                    {"role": "user", "parts": [{"type": "text", "text": "Hi there"}]},
                ])

    def test_history(self):
        opaque = json.dumps({"provider_metadata": {"v": {"signature": "abc"}}})
        messages = [
            {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image", "mime": "image/png", "data": PNG}]},
            {"role": "assistant", "content": [
                {"type": "reasoning", "text": "hm", "opaque": opaque},
                {"type": "text", "text": "I ask."},
                {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}},
            ]},
            {"role": "tool", "content": [{"type": "tool_result", "id": "c1", "name": "weather", "text": "4 °C"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Cold."}]},
            {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        ]
        for stream in (True, False):
            seen, _, _ = self.see(messages=messages, system="S", stream=stream)
            self.assertEqual(seen["prompt"], "And now?")
            self.assertEqual(seen["before"], [
                ["Look", "I ask.", [["weather", {"city": "Oslo"}, "c1"]], [], ["image/png"], "S"],
                ["", "Cold.", [], ["4 °C"], [], "S"],
            ])
            if NEW:
                roles = [message["role"] for message in seen["messages"]]
                self.assertEqual(roles, ["system", "user", "assistant", "tool", "assistant", "user"])
                parts = seen["messages"][2]["parts"]
                self.assertEqual(parts[0]["provider_metadata"], {"v": {"signature": "abc"}})
                self.assertEqual(parts[2]["tool_call_id"], "c1")
                self.assertEqual(seen["messages"][3]["parts"][0]["output"], "4 °C")

    def test_tool_results_alone_and_attachments_alone(self):
        messages = [
            user("x"),
            {"role": "assistant", "content": [{"type": "tool_call", "id": "c", "name": "t", "arguments": {}}]},
            {
                "role": "tool",
                "content": [{"type": "tool_result", "id": "c", "name": "t", "text": "boom", "isError": True}],
            },
        ]
        seen, _, _ = self.see(messages=messages)
        self.assertEqual((seen["prompt"], seen["tool_results"]), ("", [["t", "boom", "c"]]))
        content = [
            {"type": "audio", "mime": "audio/mpeg", "data": PNG},
            {"type": "image", "mime": "image/png", "data": PNG},
        ]
        seen, _, _ = self.see(messages=[{"role": "user", "content": content}])
        self.assertEqual((seen["prompt"], seen["attachments"]), ("", [["audio/mp3", 28], ["image/png", 28]]))

    def test_attachments_by_path_and_url_and_refused_ones(self):
        path = os.path.join(self.folder, "a.png")
        with open(path, "wb") as opened:
            opened.write(b"12345")
        content = [{"type": "image", "mime": "image/png", "path": path},
                   {"type": "image", "mime": "image/png", "url": "https://example.invalid/a.png"}]
        seen, _, _ = self.see(messages=[{"role": "user", "content": content}])
        self.assertEqual(seen["attachments"], [["image/png", 5], ["image/png", "https://example.invalid/a.png"]])
        content = [{"type": "video", "mime": "video/mp4", "data": PNG}]
        refused = self.refused(self.see, messages=[{"role": "user", "content": content}])
        self.assertEqual(refused.kind, "unsupported")

    def test_options(self):
        refused = self.refused(self.see, options={"size": 0})
        self.assertEqual((refused.kind, "`size`" in str(refused)), ("invalid_request", True))
        refused = self.refused(self.see, options={"nope": 0})
        self.assertEqual((refused.kind, "`nope`" in str(refused)), ("invalid_request", True))

    def test_keys(self):
        refused = self.refused(self.one.generate, "hosted")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the key `hosted`"))
        path = os.path.join(self.folder, "state", "llm", "keys.json")
        self.assertEqual(self.see()[0]["key"], "sk-1")
        self.assertFalse(os.path.exists(path), "a key is on the disk")
        # What the user stored in the plugin's own folder stays, and counts less.
        with open(path, "w") as opened:
            json.dump({"hosted": "sk-own", "other": "sk-other"}, opened)
        self.assertEqual(self.see(secrets={"hosted": "sk-2"})[0]["key"], "sk-2")
        self.one.close()
        with open(path) as opened:
            self.assertEqual(json.load(opened)["other"], "sk-other")

    def test_a_key_that_is_granted_and_not_set(self):
        advice = "consort keys set hosted"
        for code, help_, told in (
            (-32020, advice, advice),
            (-32010, "consort plugins grant acme hosted", f"{advice}, then: consort plugins grant acme hosted"),
        ):
            one = self.worker(GUIDE)

            def refuse(request, one=one, code=code, help_=help_):
                error = {"code": code, "message": "no", "data": {"kind": "setup", "help": help_}}
                one.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode() + b"\n")

            one.on_request = refuse
            for _ in range(2):  # it is not asked for a second time
                refused = self.refused(one.generate, "hosted")
                self.assertEqual((refused.data["missing"], refused.data["help"]), ("the key `hosted`", told))

    def test_a_model_with_a_key_of_its_own_needs_none(self):
        one = self.model(
            "needs_key = 'openai'\nkey = 'not-needed'\nkey_env_var = 'OPENAI_API_KEY'\n"
            "def execute(self, prompt, stream, response, conversation, key):\n    yield key", base="llm.KeyModel")
        self.assertNotIn("needs", one.ask("models/list")["models"][0])
        self.assertEqual(one.generate("m")[0], "not-needed")

    def test_a_key_that_the_plugin_asks_for_itself(self):
        def reply(request):
            if request["method"] == "secrets/get":
                self.one.reply(request, value="sk-host")

        self.one.on_request = reply
        seen, _, _ = self.see(secrets={})
        self.assertEqual((seen["key"], seen["stored"]), ("sk-host", "sk-host"))

    def test_variables_are_read_from_models_too(self):
        one = self.worker(GUIDE, env={"HOSTED_API_KEY": "sk-env"})
        said, _, _ = one.generate("hosted", stream=False)  # only its synchronous model names the variable
        self.assertEqual(json.loads(said)["key"], "sk-env")

    def test_keys_do_not_show_in_errors(self):
        one = self.model(
            "needs_key = 'k'\ndef execute(self, prompt, stream, response, conversation, key):\n"
            "    raise llm.ModelError('bad key ' + key)", base="llm.KeyModel")
        refused = self.refused(one.generate, "m", secrets={"k": "sk-very-secret"})
        self.assertNotIn("sk-very-secret", json.dumps(refused.error))


if __name__ == "__main__":
    unittest.main()
