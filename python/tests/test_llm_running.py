"""The llm dialect: how models run, fail, are cancelled and registered."""

import base64
import struct
import time
import unittest

from harness import assistant, user
from llm_case import LlmCase


class ListsByKey(LlmCase):
    """Plugins that ask their server what models there are, and have no key for it."""

    def lists(self, body):
        model = "import llm\nclass M(llm.Model):\n    model_id = 'm'\n    def execute(self, *a): yield 'x'\n\n"
        return f"{model}@llm.hookimpl\ndef register_models(register):\n    {body}\n"

    def listed(self, body):
        one = self.worker(self.lists(body))
        one.on_request = lambda request: one.reply(request, value=None)
        found = one.ask("models/list")
        self.assertEqual(one.requests.get(timeout=1)["params"], {"name": "acme", "env": "ACME_KEY"})
        return found

    def test_what_the_list_needs_is_told(self):
        for body, count in (
            ("if llm.get_key('', 'acme', 'ACME_KEY'): register(M())", 0),
            ("if not llm.get_key(alias='acme', env='ACME_KEY'): raise KeyError('no key')", 0),
            ("register(M()); llm.get_key('', 'acme', 'ACME_KEY')", 1),
        ):
            with self.subTest(body):
                found = self.listed(body)
                self.assertEqual(len(found["models"]), count)
                self.assertEqual(found["needs"], {"secrets": ["acme"], "env": ["ACME_KEY"]})
                self.assertIn("`acme`", found["notes"][0])

    def test_what_it_needs_is_told_also_where_it_is_there(self):
        one = self.worker(self.lists("if llm.get_key('', 'acme', 'ACME_KEY'): register(M())"))
        one.on_request = lambda request: one.reply(request, value="sk-acme")
        found = one.ask("models/list")
        self.assertEqual([card["id"] for card in found["models"]], ["m"])
        self.assertEqual(found["needs"], {"secrets": ["acme"], "env": ["ACME_KEY"]})
        self.assertNotIn("notes", found)

    def test_another_look_asks_for_the_key_again(self):
        model = "M.model_id = llm.get_key('', 'acme', 'ACME_KEY')"
        one = self.worker(self.lists(f"{model}; M.model_id and register(M())"))
        for value in (None, "first", "second", None):
            one.on_request = lambda request, value=value: one.reply(request, value=value)
            listed = one.ask("models/list")["models"]
            self.assertEqual([card["id"] for card in listed], [value] if value else [])

    def test_another_reason_is_not_hidden_by_a_key(self):
        asks = "llm.get_key('', 'acme', 'ACME_KEY')"
        for body, missing in (
            ("import nowhere_at_all", "the package `nowhere_at_all`"),
            ("raise ValueError('OTHER_TOKEN must be set')", "OTHER_TOKEN is not set"),
        ):
            with self.subTest(body):
                one = self.worker(self.lists(f"{asks}; {body}"))
                one.on_request = lambda request: one.reply(request, value=None)
                refused = self.refused(one.ask, "models/list")
                self.assertEqual(refused.data["missing"], missing)
        for body in ("raise ValueError('ACME_KEY must be set')", "raise llm.NeedsKeyException('llm keys set acme')"):
            with self.subTest(body):
                found = self.listed(f"{asks}; {body}")
                self.assertEqual((found["models"], found["needs"]["secrets"]), ([], ["acme"]))
                self.assertIn("its list broke off: ", found["notes"][1])
        found = self.listed(f"{asks}; register(M()); raise ValueError('the server is away')")
        self.assertEqual(len(found["models"]), 1)
        self.assertIn("the server is away", found["notes"][1])


class AnyVersion(LlmCase):
    """What every llm from 0.19 on can do; name an older one in CONSORT_TEST_LLM_PYTHON to see it there."""

    def test_a_plain_model_answers_and_goes_on(self):
        one = self.model("""
            def execute(self, prompt, stream, response, conversation):
                before = [each.text() for each in conversation.responses] if conversation else []
                yield f"{prompt.system or 'none'} {prompt.prompt} {before}"
        """)
        self.assertEqual(one.ask("models/list")["models"][0]["id"], "m")
        self.assertEqual(one.generate("m", "hi", system="s")[0], "s hi []")
        said = [user("a"), assistant("b"), user("c")]
        self.assertEqual(one.generate("m", messages=said)[0], "none c ['b']")


    def test_an_embedding(self):
        one = self.worker("""
            import llm
            class E(llm.EmbeddingModel):
                model_id = "e"
                needs_key = "acme"
                def embed_batch(self, items):
                    return [[float(len(self.get_key())), 1.0] for _ in items]
            @llm.hookimpl
            def register_embedding_models(register):
                register(E())
        """)
        for key in ("sk-1", "sk-longer"):
            (vector,) = one.ask("embed", model="e", inputs=["a"], secrets={"acme": key})["vectors"]
            self.assertEqual(struct.unpack("<2f", base64.b64decode(vector)), (float(len(key)), 1.0))
        self.assertEqual(one.ask("models/list")["models"][0]["needs"], {"secrets": ["acme"]})


class Running(LlmCase):
    def test_old_generation_streams_at_once(self):
        one = self.model("""
            can_stream = True
            def execute(self, prompt, stream, response, conversation):
                for word in ("a ", "", None, "b ", "c"):
                    yield word
                    time.sleep(0.1)
        """, head="import time")
        said, result, events = one.generate("m")
        self.assertEqual((said, len(events), result["finishReason"]), ("a b c", 3, "stop"))
        (times,) = one.event_times.values()
        self.assertGreater(times[-1] - times[0], 0.3)

    def test_a_hook_that_llm_does_not_have(self):
        one = "import llm\n\n\n@llm.hookimpl\ndef register_model(register):\n    pass\n"
        refused = self.refused(self.worker, one)
        self.assertEqual((str(refused), refused.data["at"]), ("llm has no hook `register_model`", "acme.py:4"))
        self.assertEqual(refused.data["help"], "did you mean `register_models`?")
        one = self.worker(one + "\n\n@llm.hookimpl\ndef register_models(register):\n    pass\n")
        self.assertEqual(one.about["notes"], ["llm has no hook `register_model`: nobody calls it"])

    def test_a_model_that_is_asked_while_it_is_registered(self):
        one = self.model(
            """
            @property
            def __class__(self):  # what llm's kinds of models are told apart by, for those who look
                time.sleep(0.5)
                return M
            def execute(self, prompt, stream, response, conversation):
                yield "ready"
            """,
            head="import time",
        )
        self.assertEqual(one.generate("m")[0], "ready")

    def test_what_execute_may_return(self):
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    return ['a', 'b']")
        self.assertEqual(one.generate("m")[0], "ab")
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    return 'whole'")
        self.assertEqual([event["text"] for event in one.generate("m")[2]], ["whole"])
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    pass")
        refused = self.refused(one.generate, "m")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:6"))
        one = self.model("def execute(self, prompt, stream, response, conversation):\n    yield ''\n    yield 5")
        refused = self.refused(one.generate, "m")
        self.assertEqual((str(refused), refused.data["at"]), ("execute yielded int, expected str", "acme.py:8"))

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
            """, head="import asyncio, time", base=base)
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
        ):
            one = self.model(
                f"def execute(self, prompt, stream, response, conversation):\n    raise {raised}\n    yield ''",
                head="""
                class Status(Exception):
                    def __init__(self, status_code, said="said no"):
                        super().__init__(said)
                        self.status_code = status_code
                        self.headers = {"Retry-After": "12", "x-request-id": "req_9"}
                """,
            )
            refused = self.refused(one.generate, "m")
            self.assertEqual(refused.kind, kind, raised)
            self.assertTrue(refused.data["at"].startswith("acme.py:"), refused.data)
            self.assertNotIn("consort_worker", refused.data["traceback"])
            if kind == "rate_limit" and "Status" in raised:
                self.assertEqual((refused.data["retryAfterMs"], refused.data["status"], refused.data["requestId"]),
                                 (12000, 429, "req_9"))
            one.close()

    def test_tool_calls_by_add_tool_call(self):
        one = self.model("""
            supports_tools = True
            def execute(self, prompt, stream, response, conversation):
                for tool in prompt.tools:
                    response.add_tool_call(llm.ToolCall(name=tool.name, arguments={"n": 7}, tool_call_id="c-" + tool.name))
                if False:
                    yield
        """)
        tools = [{"name": "a", "inputSchema": {}}, {"name": "b", "inputSchema": {}}]
        _, result, events = one.generate("m", tools=tools)
        self.assertEqual(result["finishReason"], "tool_calls")
        self.assertEqual(events, [
            {"type": "tool_call", "id": "c-a", "name": "a", "arguments": {"n": 7}, "opaque": '{"turn": {"system": null}}'},
            {"type": "tool_call", "id": "c-b", "name": "b", "arguments": {"n": 7}},
        ])
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
        """)
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
        """)
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


if __name__ == "__main__":
    unittest.main()
