"""Plugins of llm that are built on other models: what they are told here, where there are none."""

import os
import subprocess
import unittest

from harness import WORKER, Case, client
from llm_case import LlmCase

SOURCE = """
import click
import llm

class M(llm.Model):
    model_id = "m"
    def execute(self, prompt, stream, response, conversation):
        yield llm.get_model("gpt-4o-mini").prompt("x").text()

class Embed(llm.EmbeddingModel):
    model_id = "e"
    def embed_batch(self, items):
        yield from llm.get_embedding_model("3-small").embed_multi(items)

def look(name: str) -> str:
    return llm.get_model(name).model_id

@llm.hookimpl
def register_models(register):
    register(M(), aliases=["mm"])

@llm.hookimpl
def register_embedding_models(register):
    register(Embed())

@llm.hookimpl
def register_tools(register):
    register(look)

@llm.hookimpl
def register_commands(cli):
    @cli.command()
    @click.argument("name")
    def ask(name):
        print(llm.get_model(name).model_id)

    @cli.command()
    def slip():
        {}["other"]
"""


class OfOthers(Case):
    def test_where_llm_is_not_the_dialect(self):
        one = self.worker(client("""
            def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
                raise UnknownModelError("Unknown model: gpt-9 (your plan has gpt-4)")
            def count_tokens(self, text):
                return 1
        """, head="class UnknownModelError(Exception): pass"))
        refused = self.refused(one.generate, "acme")
        self.assertIn("UnknownModelError: Unknown model: gpt-9 (your plan has", str(refused))
        self.assertNotIn("llm", refused.data.get("help") or "")


class Unknown(LlmCase):
    def test_where_it_answers(self):
        one = self.worker(SOURCE)
        for function, named, model, at in (
            (one.generate, {"model": "m"}, "gpt-4o-mini", "acme.py:7"),
            (lambda **named: one.ask("embed", inputs=["a"], **named), {"model": "e"}, "3-small", "acme.py:12"),
            (lambda **named: one.ask("tools/call", id="c", **named), {"name": "look", "arguments": {"name": "gpt"}}, "gpt",
             "acme.py:15"),
        ):
            with self.subTest(model):
                refused = self.refused(function, **named)
                self.assertEqual((refused.kind, refused.data["at"]), ("unsupported", at))
                self.assertTrue(str(refused).startswith(f"it asks llm for the model `{model}`, and here "), refused)
                self.assertIn("`llm` program", refused.data["help"])
                self.assertIn("UnknownModelError", refused.data["traceback"])
        self.assertEqual(one.ask("tools/call", id="c", name="look", arguments={"name": "mm"})["content"][0]["text"], "m")

    def test_what_is_to_be_done(self):
        refused = self.refused(self.worker(SOURCE).generate, "m")
        self.assertEqual(refused.data["help"], "use it with the `llm` program, which has those models: make the file a package, "
                                               "and run `llm install .` in it")

    def test_a_class_of_the_plugins_own_that_is_called_so(self):
        one = self.model("""
            def execute(self, prompt, stream, response, conversation):
                raise UnknownModelError("Unknown model: gpt-9 (your plan has gpt-4)")
        """, head="class UnknownModelError(Exception): pass")
        self.assertIn("UnknownModelError: Unknown model: gpt-9 (your plan has", str(self.refused(one.generate, "m")))

    def command(self, *arguments):
        return subprocess.run(
            [self.python, "-I", WORKER, "command", "--name", "acme", "--file", self.plugin(SOURCE), "--data-dir",
             self.folder, "--", *arguments],
            capture_output=True, text=True, timeout=60, env=dict(os.environ),
        )

    def test_in_a_command(self):
        run = self.command("ask", "gpt-4o-mini")
        first, second = run.stderr.splitlines()
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertTrue(first.startswith("error: acme asks llm for the model `gpt-4o-mini`, and here a plugin "), first)
        self.assertTrue(second.startswith("  help: name one of its own, if it lets you choose: m; else use "), second)
        run = self.command("ask", "m")
        self.assertEqual((run.returncode, run.stdout), (0, "m\n"), run.stderr)

    def test_another_slip_of_a_command_keeps_its_trace(self):
        run = self.command("slip")
        self.assertEqual(run.returncode, 1)
        self.assertIn("KeyError: 'other'", run.stderr)
        self.assertIn("Traceback", run.stderr)


if __name__ == "__main__":
    unittest.main()
