"""Drop-in chat plugins: every row of the table of cases, and what their authors write besides."""

import os
import unittest

from harness import Case, assistant, client, user

GUIDE = """
def __init__(self):
    self.client = your_llm_library.Client()

def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
    response = self.client.generate(
        system_prompt=system, user_input=user_message, max_length=max_tokens, temperature=temperature
    )
    return response.text

def count_tokens(self, text):
    return self.client.count_tokens(text)
"""
LIBRARY = """
from types import SimpleNamespace

class Client:
    def generate(self, system_prompt, user_input, max_length, temperature):
        return SimpleNamespace(text=repr((system_prompt, user_input, max_length, temperature)))

    def count_tokens(self, text):
        return len(text.split())
"""


class Contract(Case):
    def test_the_guides_example_with_a_helper_file_beside_it(self):
        self.plugin(LIBRARY, "your_llm_library")
        one = self.worker(client(GUIDE, head="import your_llm_library"), "your_llm_plugin")
        messages = [user("Hi"), assistant("Hello!"), user("Bye")]
        said, result, events = one.generate("your_llm_plugin", messages=messages, system="Be brief.")
        self.assertEqual(eval(said), ("Be brief.", "User: Hi\nAssistant: Hello!\nUser: Bye", 4096, 0.7))
        self.assertEqual((result["finishReason"], events), ("stop", []))
        said, _, _ = one.generate("your_llm_plugin", "Hi", options={"max_tokens": 10, "temperature": 0})
        self.assertEqual(eval(said), ("", "User: Hi", 10, 0))
        counted = one.ask("tokens/count", model="your_llm_plugin", system="one two", messages=messages)
        self.assertEqual(counted, {"tokens": 5, "exact": True})
        self.assertNotIn("__pycache__", os.listdir(self.folder))  # the folder is watched for changes

    def test_the_guides_skeleton_returns_none(self):
        one = self.worker(client("""
            def __init__(self):
                pass

            def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
                pass

            def count_tokens(self, text):
                pass
        """))
        refused = self.refused(one.generate, "acme")
        self.assertEqual((str(refused), refused.kind), ("returned None, expected str", "plugin_bug"))
        self.assertEqual(refused.data["at"], "acme.py:8")
        counted = one.ask("tokens/count", model="acme", messages=[user("12345678")])
        self.assertEqual(counted, {"tokens": 3, "exact": False})
        self.assertIn("returned None, expected int", one.log())

    def test_card(self):
        one = self.worker('"""Answers.\n\nAt length."""\n' + client(
            "def generate_response(self, a, b, c, d, style='plain', fast=False, hook=print): return style + str(fast)"
        ))
        self.assertEqual(one.about["plugin"], {"name": "acme", "description": "Answers."})
        (card,) = one.ask("models/list")["models"]
        self.assertEqual((card["id"], card["name"], card["kind"]), ("acme", "acme", "chat"))
        self.assertEqual(card["capabilities"], {
            "stream": False, "tools": False, "reasoning": False, "structuredOutput": "none",
            "input": ["text"], "output": ["text"],
        })
        self.assertEqual(list(card["optionsSchema"]["properties"]), ["max_tokens", "temperature", "style", "fast"])
        self.assertEqual(one.generate("acme", options={"style": "odd", "fast": True})[0], "oddTrue")
        refused = self.refused(one.generate, "acme", options={"tone": 1})
        self.assertEqual((refused.kind, "`tone`" in str(refused)), ("invalid_request", True))
        self.assertEqual(self.refused(one.generate, "other").kind, "model_not_found")

    def test_what_it_has_no_place_for(self):
        one = self.worker(client("def generate_response(self, a, b, c, d): return b"))
        image = {"role": "user", "content": [{"type": "image", "mime": "image/png", "data": "MTIz"}]}
        for params in ({"messages": [image]}, {"tools": [{"name": "x"}]}, {"output": {}}):
            self.assertEqual(self.refused(one.generate, "acme", **params).kind, "unsupported")
        call = {"role": "assistant", "content": [{"type": "tool_call", "id": "c", "name": "t", "arguments": {}}]}
        result = {"role": "tool", "content": [{"type": "tool_result", "id": "c", "name": "t", "text": "4"}]}
        said = one.generate("acme", messages=[image, call, result, user("x")])[0]
        self.assertEqual(said, "User: [image]\nTool: 4\nUser: x")

    def test_parameter_shapes(self):
        for signature, said, notes in (
            ("sys_prompt, prompt, limit, temp", "('s', 'User: x', 4096, 0.7)", 0),
            ("system, message", "('s', 'User: x')", 1),
            ("system, message, limit", "('s', 'User: x', 4096)", 1),
            ("*everything", "('s', 'User: x', 4096, 0.7)", 0),
            ("system, message, *, max_tokens=1, temperature=2", "('s', 'User: x', 4096, 0.7)", 0),
            ("system, message, **more", "('s', 'User: x', {'max_tokens': 4096, 'temperature': 0.7})", 0),
            ("system, message, limit, temp, needed", None, 1),
            ("**never_hears", None, 1),
            ("system, **never_hears", None, 1),
        ):
            with self.subTest(signature):
                names = [part.strip(" *").partition("=")[0] for part in signature.split(",") if part.strip() != "*"]
                body = f"return repr(({', '.join(names)},))" if "*every" not in signature else "return repr(everything)"
                one = self.worker(client(f"def generate_response(self, {signature}): {body}"))
                self.assertEqual(len([n for n in one.about["notes"] if "generate_response" in n]), notes)
                if said is None:
                    refused = self.refused(one.generate, "acme", "x", system="s")
                    self.assertEqual(refused.kind, "plugin_bug")
                    self.assertIn("needed" if "needed" in signature else "never hears the question", str(refused))
                else:
                    self.assertEqual(one.generate("acme", "x", system="s")[0], said)

    def test_decorated_and_static_methods(self):
        one = self.worker(client(
            """
            @staticmethod
            @logged
            def generate_response(system, user_message, max_tokens=4096, temperature=0.8):
                return f"{user_message} {max_tokens} {temperature}"
            """,
            head="""
            import functools
            def logged(function):
                @functools.wraps(function)
                def inner(*args, **kwargs):
                    return function(*args, **kwargs)
                return inner
            """,
        ))
        self.assertEqual(one.generate("acme", "x")[0], "User: x 4096 0.7")

    def test_what_may_be_returned(self):
        for returned, said in (
            ("type('Text', (str,), {})('sub')", "sub"),
            ("(word for word in ['a ', '', None, 'b'])", "a b"),
            ("map(str, [1, 2])", "12"),
            ("''", ""),
        ):
            one = self.worker(client(f"def generate_response(self, a, b, c, d): return {returned}"))
            self.assertEqual(one.generate("acme")[0], said)
        for returned, wrong in (("42", "int"), ("['a']", "list"), ("b'x'", "bytes"), ("{'text': 1}", "dict")):
            one = self.worker(client(f"def generate_response(self, a, b, c, d): return {returned}"))
            self.assertEqual(str(self.refused(one.generate, "acme")), f"returned {wrong}, expected str")
        one = self.worker(client("def generate_response(self, a, b, c, d):\n    yield 'a'\n    yield 5"))
        self.assertEqual(str(self.refused(one.generate, "acme")), "yielded int, expected str")

    def test_streaming(self):
        one = self.worker(client("""
            def generate_response(self, system, text, max_tokens, temperature):
                for number in range(5):
                    yield str(number)
                    time.sleep(0.05)
        """, head="import time"))
        self.assertTrue(one.ask("models/list")["models"][0]["capabilities"]["stream"])
        said, result, events = one.generate("acme")
        self.assertEqual((said, len(events), "content" in result), ("01234", 5, False))
        (times,) = one.event_times.values()
        self.assertGreater(times[-1] - times[0], 0.15, "the pieces came together")
        said, result, events = one.generate("acme", stream=False)
        self.assertEqual((said, events, len(result["content"])), ("01234", [], 1))

    def test_async(self):
        one = self.worker(client("""
            async def generate_response(self, system, text, max_tokens, temperature):
                await asyncio.sleep(0.3)
                return "answered " + text

            async def count_tokens(self, text):
                await asyncio.sleep(0)
                return 7
        """, head="import asyncio"))
        import time

        started = time.monotonic()
        idents = [one.start("generate", model="acme", messages=[user(str(n))]) for n in range(10)]
        for ident in idents:
            one.answer(ident)
        self.assertLess(time.monotonic() - started, 1.5, "they ran one after another")
        self.assertEqual(one.ask("tokens/count", model="acme", messages=[user("x")]), {"tokens": 7, "exact": True})

    def test_async_generator_and_its_cancel(self):
        one = self.worker(client("""
            async def generate_response(self, system, text, max_tokens, temperature):
                try:
                    while True:
                        yield "x"
                        await asyncio.sleep(0.01)
                finally:
                    print("closed")
        """, head="import asyncio"))
        import time

        ident = one.start("generate", model="acme", messages=[user("x")])
        time.sleep(0.3)
        one.send("cancel", request=ident)
        self.assertEqual(one.answer(ident), {"finishReason": "cancelled"})
        self.assertGreater(len(one.events[ident]), 3)
        time.sleep(0.1)
        self.assertIn("closed", one.log())

    def test_a_sync_method_that_gives_a_coroutine(self):
        one = self.worker(client("""
            def generate_response(self, system, text, max_tokens, temperature):
                return self.later() if "x" in text else self.pieces()

            async def later(self):
                return "later"

            async def pieces(self):
                yield "in "
                yield "pieces"
        """))
        self.assertEqual(one.generate("acme", "x")[0], "later")
        self.assertEqual(one.generate("acme", "y")[0], "in pieces")


class Classes(Case):
    TWO = """
    from llm_utils import LLMClient
    from helper import HelperClient

    class BaseHTTPClient(LLMClient):
        def count_tokens(self, text):
            return 7

    class ZedClient(BaseHTTPClient):
        "Says zed."
        def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
            return "zed"

    class AlphaClient(BaseHTTPClient):
        def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
            return "alpha"
    """

    def test_own_concrete_classes_in_order(self):
        self.plugin(client("def generate_response(self, a, b, c, d): return 'helper'", name="HelperClient"), "helper")
        one = self.worker(self.TWO, "two")
        cards = one.ask("models/list")["models"]
        self.assertEqual([(c["id"], c["name"]) for c in cards], [("two", "two"), ("ZedClient", "two:ZedClient")])
        self.assertEqual(cards[1]["description"], "Says zed.")
        self.assertEqual(one.generate("two")[0], "alpha")
        self.assertEqual(one.generate("ZedClient")[0], "zed")

    def test_a_class_may_be_named(self):
        self.plugin(client("def generate_response(self, a, b, c, d): return 'helper'", name="HelperClient"), "helper")
        one = self.worker(self.TWO, "two", **{"class": "ZedClient"})
        self.assertEqual(one.generate("two")[0], "zed")
        self.assertEqual(one.generate("AlphaClient")[0], "alpha")
        refused = self.refused(self.worker, self.TWO, "two", **{"class": "Nobody"})
        self.assertEqual((refused.kind, "`Nobody`" in refused.data["missing"]), ("setup", True))

    def test_no_usable_class(self):
        refused = self.refused(self.worker, "from llm_utils import LLMClient\nx = 1")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:1"))
        refused = self.refused(self.worker, client("def count_tokens(self, text): return 1"))
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:4"))
        self.assertIn("no generate_response", str(refused))

    def test_without_count_tokens(self):
        one = self.worker(client("def generate_response(self, a, b, c, d): return 'works'"))
        self.assertFalse(one.about["capabilities"]["countTokens"])
        self.assertTrue(any("incomplete: generate works, tokens are estimated" in note for note in one.about["notes"]))
        self.assertEqual(one.generate("acme")[0], "works")
        self.assertEqual(
            one.ask("tokens/count", model="acme", messages=[user("日本語")]), {"tokens": 3, "exact": False}
        )

    def test_one_instance_for_all_requests(self):
        one = self.worker(client("""
            def __init__(self):
                self.calls = 0

            def generate_response(self, a, b, c, d):
                self.calls += 1
                return str(self.calls)
        """))
        self.assertEqual([one.generate("acme")[0] for _ in range(3)], ["1", "2", "3"])
        self.assertTrue(any("one instance" in note for note in one.about["notes"]))

    def test_constructor_arguments(self):
        body = "def __init__(self, model, temperature=1): self.model = model\n"
        body += "def generate_response(self, a, b, c, d): return self.model"
        one = self.worker(client(body), init={"model": "large"})
        self.assertEqual(one.generate("acme")[0], "large")
        refused = self.refused(self.worker, client(body))
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the argument `model` of Client"))
        self.assertEqual(refused.data["at"], "acme.py:5")
        refused = self.refused(self.worker, client(body), init={"model": "x", "size": 1})
        self.assertEqual((refused.kind, "`size`" in refused.data["missing"]), ("setup", True))

    def test_a_real_llm_utils_beside_the_plugin_comes_first(self):
        self.plugin(
            """
            from abc import ABC, abstractmethod
            class LLMClient(ABC):
                kind = "real"
                @abstractmethod
                def generate_response(self, system, user_message, max_tokens, temperature): ...
                @abstractmethod
                def count_tokens(self, text): ...
            """,
            "llm_utils",
        )
        one = self.worker(client("def generate_response(self, a, b, c, d): return self.kind"))
        self.assertEqual(one.generate("acme")[0], "real")

    def test_a_parameter_that_nobody_passes(self):
        for more in ("top_p", "top_p=1, *, seed"):
            one = self.worker(client(f"def generate_response(self, a, b, c, d, {more}): return 'x'"))
            name = more.rpartition(" ")[2]
            refused = self.refused(one.generate, "acme")
            self.assertEqual(str(refused), f"generate_response wants `{name}`, which nobody passes")
            self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:5"))

    def test_one_that_cannot_run_here_does_not_count(self):
        self.plugin("import os\nos.listdir('llm_plugins')", "llm_utils")
        one = self.worker(client("def generate_response(self, a, b, c, d): return 'works'"))
        self.assertEqual(one.generate("acme")[0], "works")
        self.assertTrue(any("stand-in" in note for note in one.about["notes"]))

    def test_helpers_of_the_original_module(self):
        one = self.worker("""
            import llm_utils
            class Client(llm_utils.LLMClient):
                def generate_response(self, system, text, max_tokens, temperature):
                    if text == "inner":
                        return '{"n": 1}'
                    n = llm_utils.generate_json_response("s", "inner") if False else llm_utils.count_tokens("a b")
                    return f"{n} {llm_utils.get_available_llm_plugins()}"
                def count_tokens(self, text):
                    return len(text.split())
        """)
        self.assertEqual(one.generate("acme")[0], "2 ['acme']")


if __name__ == "__main__":
    unittest.main()
