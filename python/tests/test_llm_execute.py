"""An `execute` that is wrong for llm: what is told where it is used is what `check` says of it, with its line."""

import unittest

from llm_case import LlmCase


class Execute(LlmCase):
    def fails(self, body, base="llm.Model", head=""):
        one = self.model(body, head=head, base=base)
        refused = self.refused(one.generate, "m")
        self.assertEqual(refused.kind, "plugin_bug")
        return str(refused), refused.data["at"], refused.data.get("help")

    def test_signatures(self):
        for base, parameters, said, advice in (
            ("llm.Model", "prompt, stream, response", "execute takes no conversation", "llm passes it by name"),
            ("llm.Model", "prompt", "execute takes no stream", "llm passes it by name"),
            ("llm.Model", "prompt, stream, response, conversation, extra",
             "execute wants `extra`, which nobody passes", "give it a default"),
            ("llm.Model", "prompt, stream, response, conversation, key", "execute wants a key, but M is a Model",
             "derive from llm.KeyModel"),
            ("llm.KeyModel", "prompt, stream, response, conversation", "execute of a KeyModel takes no key",
             "add `key=None` to its parameters"),
            ("llm.AsyncModel", "prompt, stream, response, conversation, key",
             "execute wants a key, but M is an AsyncModel", "derive from llm.AsyncKeyModel"),
        ):
            with self.subTest(base=base, parameters=parameters):
                mark = "async " if "Async" in base else ""
                found = self.fails(f"\n{mark}def execute(self, {parameters}):\n    yield ''", base)
                self.assertEqual(found, (said, "acme.py:6", advice))

    def test_a_slip_inside_is_no_wrong_signature(self):
        said, at, _ = self.fails("def execute(self, prompt, stream, response, conversation):\n    return len()")
        self.assertIn("len() takes exactly one argument", said)
        self.assertEqual(at, "acme.py:7")

    def test_async_where_nothing_awaits(self):
        for body in ("yield 'a'", "return 'a'"):
            said, at, advice = self.fails(f"async def execute(self, prompt, stream, response, conversation):\n    {body}")
            self.assertEqual((said, at), ("execute of Model must be a plain def", "acme.py:6"))
            self.assertIn("llm.AsyncModel", advice)

    def test_what_is_no_iterator(self):
        for base, mark in (("llm.Model", ""), ("llm.AsyncModel", "async ")):
            for value, name in (("5", "int"), ("b'a'", "bytes")):
                found = self.fails(f"{mark}def execute(self, prompt, stream, response, conversation):\n    return {value}", base)
                self.assertEqual(found[:2], (f"execute returned {name}, expected an iterator of str", "acme.py:6"))

    def test_the_line_of_a_wrong_yield(self):
        arguments = "self, prompt, stream, response, conversation"
        for base, body in (
            ("llm.AsyncModel", f"async def execute({arguments}):\n    yield ''\n    yield 5"),
            ("llm.Model", f"def execute({arguments}):\n    yield from self.more()\ndef more(self):\n    yield 5"),
        ):
            with self.subTest(base):
                found = self.fails(body, base)
                line = "acme.py:8" if "Async" in base else "acme.py:9"
                self.assertEqual(found[:2], ("execute yielded int, expected str", line))
        found = self.fails(f"def execute({arguments}):\n    return iter([5])")
        self.assertEqual(found[:2], ("execute yielded int, expected str", "acme.py:6"))

    def test_vectors(self):
        for body, said in (
            ("return []", "embed_batch gave 0 vectors for 1 inputs"),
            ("return ['x']", "embed_batch gave no list of numbers: "),
        ):
            one = self.worker(f"""
                import llm
                class E(llm.EmbeddingModel):
                    model_id = "e"
                    def embed_batch(self, items):
                        {body}
                @llm.hookimpl
                def register_embedding_models(register):
                    register(E())
            """)
            refused = self.refused(one.ask, "embed", model="e", inputs=["a"])
            self.assertTrue(str(refused).startswith(said), refused)
            self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:4"))

    def test_a_decorated_execute(self):
        head = """
        import functools

        def twice(function):
            @functools.wraps(function)
            def wrapper(*given, **named):
                return function(*given, **named)
            return wrapper
        """
        said, at, _ = self.fails("@twice\ndef execute(self, prompt, stream, response):\n    yield ''", head=head)
        self.assertIn("conversation", said)
        self.assertIsNotNone(at)


if __name__ == "__main__":
    unittest.main()
