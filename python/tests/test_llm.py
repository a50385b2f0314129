"""The llm dialect with the real `llm`: CONSORT_TEST_LLM_PYTHON names a Python that has it (any generation)."""

import base64
import json
import os
import stat
import struct
import subprocess
import time
import unittest

from harness import LLM_PYTHON, Case, user

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 20).decode()


def _has(expression):
    if not LLM_PYTHON:
        return False
    return subprocess.run([LLM_PYTHON, "-I", "-c", f"import llm; {expression}"], capture_output=True).returncode == 0


NEW = _has("import llm.parts")
new_only = unittest.skipUnless(NEW, "this llm has no StreamEvent")

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
             [t.output for t in r.prompt.tool_results], [a.type for a in r.attachments], r.prompt.system]
            for r in conversation.responses
        ] if conversation else None,
        "messages": [m.to_dict() for m in prompt.messages] if hasattr(prompt, "messages") else None,
    }

@llm.hookimpl
def register_models(register):
    register(HostedModel(), MyAsyncModel(), aliases=("my-model-aliases",))
'''


@unittest.skipUnless(LLM_PYTHON, "CONSORT_TEST_LLM_PYTHON is not set")
class LlmCase(Case):
    dialect = "llm"
    python = LLM_PYTHON

    def model(self, body, head="", base="llm.Model", **config):
        """A worker with one model `m` from the body of its class."""
        import textwrap

        body = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        source = f"import llm\n{textwrap.dedent(head)}\n\nclass M({base}):\n    model_id = 'm'\n{body}\n\n"
        source += "@llm.hookimpl\ndef register_models(register):\n    register(M())\n"
        return self.worker(source, **config)


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
                         ("hosted", ["my-model-aliases"], "A hosted model."))  # fmt: skip
        self.assertEqual(card["needs"], {"secrets": ["hosted"], "env": ["HOSTED_API_KEY"]})
        self.assertEqual(card["capabilities"], {
            "stream": True, "tools": True, "structuredOutput": "json_schema",
            "input": ["text", "audio/mp3", "image/png", "audio/mpeg"], "output": ["text"],
        })  # fmt: skip
        self.assertEqual(card["optionsSchema"], {
            "type": "object", "additionalProperties": False,
            "properties": {
                "size": {"type": ["integer", "null"], "minimum": 1, "description": "How much"},
                "tone": {"type": "string", "default": "plain"},
            },
        })  # fmt: skip

    def test_async_when_streaming_else_sync(self):
        seen, result, _ = self.see()
        self.assertEqual((seen["class"], seen["stream"]), ("MyAsyncModel", True))
        self.assertEqual(result["usage"], {"inputTokens": 1, "outputTokens": 2})
        seen, result, events = self.see(stream=False, meta={"raw": True})
        self.assertEqual((seen["class"], seen["stream"]), ("HostedModel", False))
        self.assertEqual(result, {
            "finishReason": "length", "vendorReason": "length", "model": "hosted-2026-01-01",
            "usage": {"inputTokens": 15, "outputTokens": 340, "cachedInputTokens": 37, "details": {"cached": 37}},
        })  # fmt: skip
        self.assertIn("raw", [event["type"] for event in events])
        self.assertNotIn("raw", [event["type"] for event in self.see(stream=False)[2]])

    def test_prompt(self):
        for stream in (True, False):
            seen, _, _ = self.see(
                "Hi there", stream=stream, system="Be brief.", options={"size": 3},
                output={"name": "a", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
                tools=[{"name": "weather", "description": "…", "inputSchema": {"type": "object"}}],
            )  # fmt: skip
            self.assertEqual((seen["prompt"], seen["system"], seen["options"]), ("Hi there", "Be brief.", [3, "plain"]))
            self.assertEqual(seen["schema"], {"type": "object", "properties": {"n": {"type": "integer"}}})
            self.assertEqual(seen["tools"], [["weather", "…", {"type": "object"}]])
            self.assertEqual((seen["before"], seen["key"], seen["stored"]), (None, "sk-1", "sk-1"))
            if NEW:
                self.assertEqual(seen["messages"], [
                    {"role": "system", "parts": [{"type": "text", "text": "Be brief."}]},
                    {"role": "user", "parts": [{"type": "text", "text": "Hi there"}]},
                ])  # fmt: skip

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
        ]  # fmt: skip
        for stream in (True, False):
            seen, _, _ = self.see(messages=messages, system="S", stream=stream)
            self.assertEqual(seen["prompt"], "And now?")
            self.assertEqual(seen["before"], [
                ["Look", "I ask.", [["weather", {"city": "Oslo"}, "c1"]], [], ["image/png"], "S"],
                ["", "Cold.", [], ["4 °C"], [], "S"],
            ])  # fmt: skip
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
            {"role": "tool", "content": [{"type": "tool_result", "id": "c", "name": "t", "text": "boom", "isError": True}]},
        ]
        seen, _, _ = self.see(messages=messages)
        self.assertEqual((seen["prompt"], seen["tool_results"]), ("", [["t", "boom", "c"]]))
        content = [{"type": "audio", "mime": "audio/mpeg", "data": PNG}, {"type": "image", "mime": "image/png", "data": PNG}]
        seen, _, _ = self.see(messages=[{"role": "user", "content": content}])
        self.assertEqual((seen["prompt"], seen["attachments"]), ("", [["audio/mp3", 28], ["image/png", 28]]))

    def test_attachments_by_path_and_url_and_refused_ones(self):
        path = os.path.join(self.folder, "a.png")
        with open(path, "wb") as opened:
            opened.write(b"12345")
        content = [{"type": "image", "mime": "image/png", "path": path},
                   {"type": "image", "mime": "image/png", "url": "https://example.invalid/a.png"}]  # fmt: skip
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
        self.assertFalse(os.path.exists(path))
        self.see()
        with open(path) as opened:
            self.assertEqual(json.load(opened), {"hosted": "sk-1"})
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.one.send("secrets/changed", names=["hosted"])
        time.sleep(0.2)
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.refused(self.one.generate, "hosted").kind, "setup")
        self.see(secrets={"hosted": "sk-2"})
        self.one.close()
        self.assertFalse(os.path.exists(path), "a key outlived the worker")

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
            "    raise llm.ModelError('bad key ' + key)", base="llm.KeyModel")  # fmt: skip
        refused = self.refused(one.generate, "m", secrets={"k": "sk-very-secret"})
        self.assertNotIn("sk-very-secret", json.dumps(refused.error))


class Running(LlmCase):
    def test_old_generation_streams_at_once(self):
        one = self.model("""
            can_stream = True
            def execute(self, prompt, stream, response, conversation):
                for word in ("a ", "", None, "b ", "c"):
                    yield word
                    time.sleep(0.1)
        """, head="import time")  # fmt: skip
        said, result, events = one.generate("m")
        self.assertEqual((said, len(events), result["finishReason"]), ("a b c", 3, "stop"))
        (times,) = one.event_times.values()
        self.assertGreater(times[-1] - times[0], 0.3)

    def test_what_execute_may_return(self):
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    return ['a', 'b']")
        self.assertEqual(one.generate("m")[0], "ab")
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    return 'whole'")
        self.assertEqual([event["text"] for event in one.generate("m")[2]], ["whole"])
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    pass")
        refused = self.refused(one.generate, "m")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:6"))
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    yield 5")
        self.assertEqual(str(self.refused(one.generate, "m")), "execute yielded int, expected str")

    def test_cancel(self):
        for base, asynchronous in (("llm.Model", ""), ("llm.AsyncModel", "async ")):
            one = self.model(f"""
                can_stream = True
                {asynchronous}def execute(self, prompt, stream, response, conversation=None):
                    try:
                        while True:
                            yield "x"
                            {"await asyncio.sleep" if asynchronous else "time.sleep"}(0.01)
                    finally:
                        print("closed")
            """, head="import asyncio, time", base=base)  # fmt: skip
            ident = one.start("generate", model="m", messages=[user("x")])
            time.sleep(1.0)
            one.send("cancel", request=ident)
            self.assertEqual(one.answer(ident), {"finishReason": "cancelled"})
            self.assertGreater(len(one.events[ident]), 3)
            time.sleep(0.2)
            self.assertIn("closed", one.log())

    def test_errors(self):
        for raised, kind in (
            ("Status(401)", "auth"), ("Status(403)", "permission"), ("Status(404)", "model_not_found"),
            ("Status(413)", "context_length"), ("Status(429)", "rate_limit"), ("Status(500)", "server"),
            ("Status(503)", "overloaded"), ("Status(529)", "overloaded"), ("Status(504)", "timeout"),
            ("Status(400, 'prompt is too long: 9 tokens')", "context_length"),
            ("Status(400, 'content_filter')", "content_filter"), ("Status(400, 'no')", "invalid_request"),
            ("TimeoutError()", "timeout"), ("ConnectionResetError()", "network"), ("ValueError('x')", "plugin_bug"),
            ("llm.ModelError('429: rate limited')", "rate_limit"), ("KeyError('choices')", "plugin_bug"),
        ):  # fmt: skip
            one = self.model(
                f"def execute(self, prompt, stream, response, conversation):\n    raise {raised}\n    yield ''",
                head="""
                class Status(Exception):
                    def __init__(self, status_code, said="said no"):
                        super().__init__(said)
                        self.status_code = status_code
                        self.headers = {"Retry-After": "12", "x-request-id": "req_9"}
                """,
            )  # fmt: skip
            refused = self.refused(one.generate, "m")
            self.assertEqual(refused.kind, kind, raised)
            self.assertTrue(refused.data["at"].startswith("acme.py:"), refused.data)
            self.assertNotIn("consort_worker", refused.data["traceback"])
            if kind == "rate_limit" and "Status" in raised:
                self.assertEqual((refused.data["retryAfterMs"], refused.data["status"], refused.data["requestId"]),
                                 (12000, 429, "req_9"))  # fmt: skip
            one.close()

    def test_tool_calls_by_add_tool_call(self):
        one = self.model("""
            supports_tools = True
            def execute(self, prompt, stream, response, conversation):
                for tool in prompt.tools:
                    response.add_tool_call(llm.ToolCall(name=tool.name, arguments={"n": 7}, tool_call_id="c-" + tool.name))
                if False:
                    yield
        """)  # fmt: skip
        tools = [{"name": "a", "inputSchema": {}}, {"name": "b", "inputSchema": {}}]
        _, result, events = one.generate("m", tools=tools)
        self.assertEqual(result["finishReason"], "tool_calls")
        self.assertEqual(events, [
            {"type": "tool_call", "id": "c-a", "name": "a", "arguments": {"n": 7}},
            {"type": "tool_call", "id": "c-b", "name": "b", "arguments": {"n": 7}},
        ])  # fmt: skip
        self.assertEqual(one.generate("m", tools=tools, toolChoice="none")[1]["finishReason"], "stop")
        self.assertEqual(len(one.generate("m", tools=tools, toolChoice={"name": "b"})[2]), 2)  # a warning, a call

    def test_no_tools_no_schema(self):
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    yield 'x'")
        refused = self.refused(one.generate, "m", tools=[{"name": "a", "inputSchema": {}}])
        self.assertEqual(refused.kind, "unsupported")
        refused = self.refused(one.generate, "m", output={"schema": {"type": "object"}})
        self.assertEqual(refused.kind, "unsupported")
        self.assertEqual(self.refused(one.generate, "nobody").kind, "model_not_found")

    def test_two_models_of_one_id_are_one(self):
        one = self.worker("""
            import llm
            class A(llm.Model):
                model_id = "m"
                def execute(self, *a, **k): yield "sync"
            class B(llm.AsyncModel):
                model_id = "m"
                async def execute(self, *a, **k): yield "async"
            @llm.hookimpl
            def register_models(register):
                register(B())
                register(A(), aliases=["x"])
        """)  # fmt: skip
        self.assertEqual(len(one.ask("models/list")["models"]), 1)
        self.assertEqual((one.generate("x")[0], one.generate("m", stream=False)[0]), ("async", "sync"))

    def test_a_registration_that_hangs(self):
        one = self.worker("""
            import llm, time
            class A(llm.Model):
                def __init__(self, model_id): self.model_id = model_id
                def execute(self, *a, **k): yield self.model_id
            @llm.hookimpl
            def register_models(register):
                register(A("first"))
                time.sleep(7)
                register(A("second"))
        """)  # fmt: skip
        started = time.monotonic()
        self.assertEqual([c["id"] for c in one.ask("models/list")["models"]], ["first"])
        self.assertLess(time.monotonic() - started, 6.5)
        self.assertEqual(one.generate("first")[0], "first")
        self.assertEqual(one.notifications.get(timeout=5)["method"], "models/changed")
        self.assertEqual([c["id"] for c in one.ask("models/list")["models"]], ["first", "second"])
        self.assertEqual(len(one.ask("models/list")["models"]), 2)  # slow again, but nothing is forgotten

    def test_loading(self):
        refused = self.refused(self.worker, "import llm\nx = 1")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:1"))
        refused = self.refused(self.worker, "import llm\nimport nowhere_to_be_found")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the package `nowhere_to_be_found`"))
        refused = self.refused(self.worker, package="llm-of-nobody")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the package `llm-of-nobody`"))
        refused = self.refused(self.worker, package="pluggy")
        self.assertEqual(refused.kind, "plugin_bug")
        one = self.worker("import llm\n@llm.hookimpl\ndef register_models(register):\n    1/0")
        refused = self.refused(one.ask, "models/list")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:4"))

    def test_only_this_plugin_is_loaded(self):
        one = self.model("def execute(self, *a, **k):\n    yield str([m['name'] for m in llm.get_plugins(all=True)])")
        self.assertEqual(one.generate("m")[0], "['acme']")
        self.assertEqual(one.generate("m")[0], "['acme']")


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
        ])  # fmt: skip
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
                         [("a", None), ("b", "new"), ("c", None), ("d", "new")])  # fmt: skip

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
        self.assertIn("'name': 'web_search', 'arguments': {'q': 1}, 'tool_call_id': 's1', 'server_executed': True", said)
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
            """, base=base)  # fmt: skip
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
        self.assertEqual(one.generate("m", reasoning={"hide": True})[0], "True")
        _, _, events = one.generate("m", reasoning={"effort": "low"})
        self.assertEqual(events[0]["type"], "warning")


class Others(LlmCase):
    SOURCE = '''
import asyncio
import llm

class Embed(llm.EmbeddingModel):
    """Counts letters."""
    model_id = "letters"
    needs_key = "letters"
    batch_size = 2

    def embed_batch(self, items):
        assert self.key == "sk-e"
        for item in items:
            yield [len(item), 0.5]

@llm.hookimpl
def register_embedding_models(register):
    register(Embed(), aliases=("l",))

@llm.hookimpl
def register_template_loaders(register):
    register("acme", template)

def template(name):
    if name == "missing":
        raise ValueError("no template missing")
    return llm.Template(name=name, prompt="Review $input", system="S", schema_object={"type": "object"})

@llm.hookimpl
def register_fragment_loaders(register):
    register("acme", fragment)

def fragment(argument):
    return [llm.Fragment("text of " + argument, "acme:1"), llm.Attachment(type="image/png", content=b"123")]

@llm.hookimpl
def register_tools(register):
    register(upper)
    register(later, name="after_a_while")
    register(Notes)
    register(picture)

def upper(text: str, times: int = 1) -> str:
    "Makes capitals."
    if text == "boom":
        raise ValueError("cannot")
    return text.upper() * times

async def later() -> dict:
    await asyncio.sleep(0.01)
    return {"later": True}

def picture():
    return llm.ToolOutput(output="a picture", attachments=[llm.Attachment(type="image/png", content=b"123")])

class Notes(llm.Toolbox):
    "Keeps notes."
    def __init__(self, heading: str, most: int = 10):
        self.heading, self.kept = heading, []

    def prepare(self):
        self.add_tool(self._count_tool)

    def _count_tool(self) -> str:
        "How many."
        return str(len(self.kept))

    def add(self, note: str) -> str:
        "Adds a note."
        self.kept.append(note)
        return f"{self.heading}: {self.kept}"

    async def read(self):
        return self.kept

@llm.hookimpl
def register_commands(cli):
    @cli.command(name="acme-login")
    def login():
        pass
'''

    def setUp(self):
        super().setUp()
        self.one = self.worker(self.SOURCE)

    def test_capabilities(self):
        self.assertEqual(self.one.about["capabilities"], {
            "embed": True, "tools": True, "templates": ["acme"], "fragments": ["acme"], "commands": ["acme-login"],
        })  # fmt: skip

    def test_embed(self):
        (card,) = self.one.ask("models/list")["models"]
        self.assertEqual((card["id"], card["kind"], card["needs"]), ("letters", "embedding", {"secrets": ["letters"]}))
        for name in ("letters", "l"):
            answer = self.one.ask("embed", model=name, inputs=["a", "bcd", "ef"], secrets={"letters": "sk-e"})
            vectors = [struct.unpack("<2f", base64.b64decode(vector)) for vector in answer["vectors"]]
            self.assertEqual(vectors, [(1, 0.5), (3, 0.5), (2, 0.5)])
        one = self.worker(self.SOURCE)
        self.assertEqual(self.refused(one.ask, "embed", model="letters", inputs=["a"]).kind, "setup")

    def test_loaders(self):
        template = self.one.ask("templates/load", prefix="acme", name="review")["template"]
        self.assertEqual(template, {"name": "review", "prompt": "Review $input", "system": "S", "schema": {"type": "object"}})
        self.assertEqual(self.refused(self.one.ask, "templates/load", prefix="acme", name="missing").kind, "invalid_request")
        self.assertEqual(self.refused(self.one.ask, "templates/load", prefix="x", name="y").kind, "invalid_request")
        items = self.one.ask("fragments/load", prefix="acme", argument="x/y")["items"]
        self.assertEqual(items, [{"text": "text of x/y", "source": "acme:1"}, {"media": {"mime": "image/png", "data": "MTIz"}}])

    def test_tools(self):
        listed = self.one.ask("tools/list")
        self.assertEqual([tool["name"] for tool in listed["tools"]], ["upper", "after_a_while", "picture"])
        self.assertEqual(listed["tools"][0]["description"], "Makes capitals.")
        self.assertEqual(listed["tools"][0]["inputSchema"]["required"], ["text"])
        (box,) = listed["toolboxes"]
        self.assertEqual((box["name"], box["description"]), ("Notes", "Keeps notes."))
        self.assertEqual(sorted(tool["name"] for tool in box["tools"]), ["Notes_add", "Notes_read"])
        self.assertEqual((list(box["configSchema"]["properties"]), box["configSchema"]["required"]),
                         (["heading", "most"], ["heading"]))  # fmt: skip

    def call(self, name, instance=None, **arguments):
        answer = self.one.ask("tools/call", name=name, instance=instance, id="c", arguments=arguments)
        return answer["content"][0]["text"], answer["isError"], answer["content"][1:]

    def test_calling(self):
        self.assertEqual(self.call("upper", text="ab", times=2), ("ABAB", False, []))
        self.assertEqual(self.call("upper", text="boom"), ("cannot", True, []))
        self.assertEqual(self.call("upper")[1], True)
        self.assertEqual(self.call("after_a_while"), ('{"later": true}', False, []))
        self.assertEqual(self.call("picture"), ("a picture", False, [{"type": "image", "mime": "image/png", "data": "MTIz"}]))
        self.assertEqual(self.refused(self.call, "nothing").kind, "invalid_request")

    def test_toolboxes_keep_their_state_apart(self):
        first = self.one.ask("tools/open", toolbox="Notes", config={"heading": "A"})
        second = self.one.ask("tools/open", toolbox="Notes", config={"heading": "B"})["instance"]
        self.assertEqual(sorted(tool["name"] for tool in first["tools"]), ["Notes_add", "Notes_read", "_count_tool"])
        self.assertEqual(self.call("Notes_add", first["instance"], note="x")[0], "A: ['x']")
        self.assertEqual(self.call("Notes_add", first["instance"], note="y")[0], "A: ['x', 'y']")
        self.assertEqual(self.call("Notes_read", second)[0], "[]")
        self.assertEqual(self.call("_count_tool", first["instance"])[0], "2")
        self.one.ask("tools/close", instance=second)
        self.assertEqual(self.refused(self.call, "Notes_read", second).kind, "invalid_request")
        self.assertEqual(self.refused(self.one.ask, "tools/open", toolbox="Notes", config={}).kind, "plugin_bug")


def fold(events):
    """An assistant message's parts, as the protocol says that events make them."""
    parts = []
    for event in events:
        kind = event["type"]
        if kind not in ("text", "reasoning"):
            continue
        if not parts or parts[-1]["type"] != kind or event.get("part") == "new":
            parts.append({"type": kind, "text": ""})
        parts[-1]["text"] += event["text"]
        for name in ("opaque", "redacted"):
            if name in event:
                parts[-1][name] = event[name]
    return parts


if __name__ == "__main__":
    unittest.main()
