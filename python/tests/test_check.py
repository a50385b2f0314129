"""plugin/check: what it finds, and on which line."""

import textwrap
import unittest

from harness import LLM_PYTHON, Case, client
from llm_case import LlmCase


class DropIn(Case):
    def check(self, source, **config):
        one = self.worker(source, initialize=False, **config)
        try:
            one.ask("initialize", protocolVersion=1, config=one.config)
        except Exception:  # a broken plugin is checked as well
            pass
        return [(f["level"], f["at"], f["message"]) for f in one.ask("plugin/check")["findings"]]

    def test_a_good_plugin_has_none(self):
        source = client("""
            def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
                return "x"

            def count_tokens(self, text):
                return len(text) // 4
        """)
        self.assertEqual(self.check(source), [])

    def test_what_works_is_no_error(self):
        body = "    def generate_response(self, a, b, c, d): return 'x'\n    def count_tokens(self, text): return 1\n"
        made = "from llm_utils import LLMClient\ndef make():\n" + textwrap.indent(f"class A(LLMClient):\n{body}return A\n", "    ")
        set_later = "class A(LLMClient):\n    generate_response = lambda self, a, b, c, d: 'x'\n    count_tokens = lambda self, text: 1\n"
        for source in (
            f"from llm_utils import LLMClient as Base\nclass A(Base):\n{body}",
            f"import llm_utils\nBase = llm_utils.LLMClient\nclass A(Base):\n{body}",
            made + "A = make()\n",
            f"from llm_utils import LLMClient\n{set_later}",
        ):
            with self.subTest(source):
                self.assertEqual([each for each in self.check(source) if each[0] == "error"], [])

    def test_a_method_without_self(self):
        found = self.check(client("""
            def generate_response(system, user_message, max_tokens, temperature):
                return "x"

            def count_tokens(self, text):
                return 1
        """))
        words = "the first parameter of generate_response is `system`, and gets the object"
        self.assertEqual([each for each in found if each[0] == "error"], [("error", "acme.py:5", words)])

    def test_what_is_wrong(self):
        found = self.check("""
            import os, torch_of_nobody as t
            from llm_utils import LLMClient
            import asyncio, time

            KEY = os.environ.get("SOME_API_KEY")
            print("hello")

            class Client(LLMClient):
                def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
                    pass

                def count_tokens(self, text):
                    return [text]

            class Other(LLMClient):
                async def generate_response(self, system):
                    time.sleep(1)
                    return "x"

            if __name__ == "__main__":
                print("not at import", os.environ["X"])
        """.replace("torch_of_nobody as t", "json"))
        self.assertEqual(found, [
            ("error", "acme.py:9", "generate_response is empty: it returns None"),
            ("error", "acme.py:16", "generate_response takes 1 of 4 arguments"),
            ("warning", "acme.py:5", "reads SOME_API_KEY at import"),
            ("warning", "acme.py:17", "time.sleep blocks in `async def generate_response`"),
            ("warning", "acme.py:15", "Other has no count_tokens"),
            ("warning", "acme.py:12", "count_tokens returned list, expected int"),
            ("note", "acme.py:6", "prints at import"),
            ("note", "acme.py:8", "Client is the file's model, Other is listed beside it"),
        ])

    def test_a_plugin_that_does_not_load(self):
        self.assertEqual(self.check("def f(:\n  pass")[0][:2], ("error", "acme.py:1"))
        self.assertEqual(self.check("import torch_of_nobody\nfrom llm_utils import LLMClient"), [
            ("error", "acme.py:1", "no class derives from LLMClient"),
            ("warning", "acme.py:1", "the package `torch_of_nobody`"),
        ])
        good = "def generate_response(self, a, b, c, d): return 'x'\ndef count_tokens(self, text): return 1"
        self.assertEqual(self.check(client(good, head="import nothing_of_the_sort")), [
            ("warning", "acme.py:2", "the package `nothing_of_the_sort`"),
        ])
        self.assertEqual(self.check(client("def count_tokens(self, text): return 1")), [
            ("error", "acme.py:4", "Client has no generate_response"),
        ])

    def test_heavy_imports_and_required_parameters(self):
        found = self.check(client("def generate_response(self, a, b, c, d, e): return 'x'\ndef count_tokens(self, t): return 2.5",
                                  head="try:\n    import torch\nexcept ImportError:\n    torch = None"))
        self.assertEqual(found, [
            ("error", "acme.py:8", "generate_response wants `e`, which nobody passes"),
            ("warning", "acme.py:3", "imports torch at the top"),
            ("note", "acme.py:9", "count_tokens returned 2.5"),
        ])


class Bruno(Case):
    dialect = "bruno"
    check = DropIn.check

    def test_what_is_wrong(self):
        self.assertEqual(self.check("import bruno_core"), [("error", "acme.py:1", "no class derives from LLMInterface")])
        self.assertEqual(self.check("""
            from bruno_core.interfaces import LLMInterface

            class A(LLMInterface):
                def helper(self): pass

            class B(LLMInterface):
                async def generate(self, messages, **kwargs): return "x"

            class C(B):
                async def stream(self, messages): yield "x"
                async def generate(self, messages, **kwargs): pass
        """), [
            ("error", "acme.py:3", "A has no generate and no stream"),
            ("error", "acme.py:11", "generate is empty: it returns None"),
            ("note", "acme.py:10", "stream takes no **kwargs"),
            ("note", "acme.py:1", "C is the file's model, B is listed beside it"),
        ])

    def test_wrappers_that_do_it_right(self):
        self.assertEqual(self.check("""
            import asyncio, time
            from bruno_core.interfaces import LLMInterface

            class Fallback(LLMInterface):
                def __init__(self, *providers): self.providers, self.last = providers, 0.0

                async def turn(self):
                    async with asyncio.Lock():
                        await asyncio.sleep(self.last)
                        self.last = time.time()

                async def stream(self, messages, **kwargs):
                    failed = None
                    for provider in self.providers:
                        said = False
                        try:
                            async for token in provider.stream(messages, **kwargs):
                                said = True
                                yield token
                            return
                        except Exception as error:
                            if said:
                                raise
                            failed = error
                    if failed:
                        raise failed
                    yield str(kwargs.pop("max_tokens", 1))
        """), [])


class Vision(Case):
    dialect = "vision"
    check = DropIn.check

    def test_what_is_wrong(self):
        self.assertEqual(self.check("import vision_agents"), [("error", "acme.py:1", "no class derives from LLM or Realtime")])
        self.assertEqual(self.check("""
            from vision_agents.core.llm import realtime
            from vision_agents.core.llm.llm import LLM

            class A(LLM):
                def __init__(self): self.x = 1
                def simple_response(self, text): return "x"

            class B(LLM):
                async def simple_response(self, text): pass

            class C(realtime.Realtime):
                async def simple_audio_response(self, pcm): self.close()
                async def close(self): pass
        """), [
            ("error", "acme.py:9", "simple_response is empty: nothing is answered"),
            ("warning", "acme.py:6", "simple_response is a plain def"),
            ("warning", "acme.py:5", "A.__init__ does not call super().__init__()"),
            ("warning", "acme.py:12", "`close(…)` is a coroutine that nobody awaits"),
            ("note", "acme.py:11", "C has no connect"),
            ("note", "acme.py:11", "C has no simple_response"),
            ("note", "acme.py:1", "A is the file's model, B and C are listed beside it"),
        ])

    def test_a_handler_that_hears_nothing_twice(self):
        for handler, is_told in (
            ("async def _handle_events(self): self.session_id", True),
            ("async def _handle_events(self):\n        async for each in self.line: print(each)", False),
            ("async def _handle_events(self, event): self.session_id", False),  # which is called for each
        ):
            found = self.check(f"from vision_agents.core.llm import realtime\nclass C(realtime.Realtime):\n    {handler}\n")
            told = [each for each in found if "_handle_events" in each[2]]
            self.assertEqual(told, [("note", "acme.py:3", "_handle_events has no loop: after its first pass nothing hears the service")]
                             if is_told else [])


@unittest.skipUnless(LLM_PYTHON, "CONSORT_TEST_LLM_PYTHON is not set")
class Llm(LlmCase):
    check = DropIn.check

    def test_a_good_plugin_has_none(self):
        self.assertEqual(self.check("""
            import llm

            class Shared:
                needs_key = "k"
                supports_schema = True

            class Base(Shared, llm.KeyModel):
                def execute(self, prompt, stream, response, conversation, key=None):
                    yield "x"

            class A(Base):
                model_id = "m"

            class B(Shared, llm.AsyncKeyModel):
                model_id = "m"

                async def execute(self, prompt, stream, response, conversation=None, key=None):
                    yield "x"

            @llm.hookimpl
            def register_models(register):
                register(A(), B())
        """), [])

    def test_what_is_wrong(self):
        found = self.check("""
            import llm, time

            class A(llm.KeyModel):
                model_id = "a"
                support_schema = True
                attachment_types = {"audio/mp3"}

                def execute(self, prompt, stream, response, conversation):
                    print("nothing")

            class B(llm.AsyncModel):
                model_id = "b"

                async def execute(self, prompt, stream, response, conversation, key):
                    time.sleep(1)
                    yield "x"

            class C(llm.Model):
                def execute(self, prompt, response):
                    yield "x"

            @llm.hookimpl
            def register_models(register):
                register(A(), B())
        """)
        self.assertEqual(found, [
            ("error", "acme.py:8", "execute of a KeyModel takes no key"),
            ("error", "acme.py:8", "execute neither yields nor returns anything"),
            ("error", "acme.py:14", "execute wants a key, but B is an AsyncModel"),
            ("error", "acme.py:18", "C has no model_id"),
            ("error", "acme.py:19", "execute takes no stream"),
            ("error", "acme.py:19", "execute takes no conversation"),
            ("warning", "acme.py:15", "time.sleep blocks in `async def execute`"),
            ("warning", "acme.py:5", "support_schema is not what llm reads"),
            ("warning", "acme.py:6", "llm never says audio/mp3"),
            ("warning", "acme.py:3", "A takes a key but has no needs_key"),
        ])

    def test_hooks(self):
        self.assertEqual(self.check("import llm")[0], ("error", "acme.py:1", "no function is marked @llm.hookimpl"))
        found = self.check("import llm\n@llm.hookimpl\ndef register_models(register):\n    1 / 0")
        self.assertEqual(found, [("error", "acme.py:4", "ZeroDivisionError: division by zero at acme.py:4")])


if __name__ == "__main__":
    unittest.main()
