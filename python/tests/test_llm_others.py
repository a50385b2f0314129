"""The llm dialect: embeddings, templates, fragments, tools and commands."""

import base64
import json
import os
import struct
import subprocess
import unittest

from harness import WORKER
from llm_case import LlmCase, new_only


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
    if text == "nope":
        return {}[text]
    if text == "mute":
        raise RuntimeError
    if text == "off":
        raise llm.CancelToolCall("not now")
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
        print("welcome")
'''

    def setUp(self):
        super().setUp()
        self.one = self.worker(self.SOURCE)

    def test_capabilities(self):
        self.assertEqual(self.one.about["capabilities"], {
            "embed": True, "tools": True, "templates": ["acme"], "fragments": ["acme"], "commands": ["acme-login"],
            "check": True,
        })

    def command(self, file, name, **env):
        return subprocess.run(
            [self.python, "-I", WORKER, "command", "--name", "acme", "--file", file, "--data-dir", self.folder, "--",
             name], capture_output=True, text=True, timeout=60, env={**os.environ, **env},
        )

    def test_a_command_of_a_file_runs(self):
        run = self.command(self.one.config["file"], "acme-login")
        self.assertEqual((run.returncode, run.stdout), (0, "welcome\n"), run.stderr)

    def test_a_command_finds_the_granted_keys(self):
        file = self.plugin("""
            import json, os, subprocess, sys
            import llm
            from llm import get_key as kept

            @llm.hookimpl
            def register_commands(cli):
                @cli.command()
                def keys():
                    names = ("acme", "other", "none")
                    left = [name for name in os.environ if "CONSORT" in name and "KEYS" in name]
                    print(json.dumps([[llm.get_key(alias=name) for name in names], kept("", "acme", "ACME_KEY"), left]))
        """, "keyed")
        run = self.command(file, "keys", CONSORT_COMMAND_KEYS=json.dumps({"acme": "sk-acme", "other": "sk-o"}))
        self.assertEqual(json.loads(run.stdout or "null"), [["sk-acme", "sk-o", None], "sk-acme", []], run.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "llm", "keys.json")), "a key is on the disk")
        for odd in ("", "no JSON", "[]"):
            run = self.command(file, "keys", CONSORT_COMMAND_KEYS=odd)
            self.assertEqual(json.loads(run.stdout or "null"), [[None, None, None], None, []], run.stderr)

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
        self.assertEqual(
            template, {"name": "review", "prompt": "Review $input", "system": "S", "schema": {"type": "object"}}
        )
        self.assertEqual(
            self.refused(self.one.ask, "templates/load", prefix="acme", name="missing").kind, "invalid_request"
        )
        self.assertEqual(self.refused(self.one.ask, "templates/load", prefix="x", name="y").kind, "invalid_request")
        items = self.one.ask("fragments/load", prefix="acme", argument="x/y")["items"]
        self.assertEqual(
            items, [{"text": "text of x/y", "source": "acme:1"}, {"media": {"mime": "image/png", "data": "MTIz"}}]
        )

    def test_tools(self):
        listed = self.one.ask("tools/list")
        self.assertEqual([tool["name"] for tool in listed["tools"]], ["upper", "after_a_while", "picture"])
        self.assertEqual(listed["tools"][0]["description"], "Makes capitals.")
        self.assertEqual(listed["tools"][0]["inputSchema"]["required"], ["text"])
        (box,) = listed["toolboxes"]
        self.assertEqual((box["name"], box["description"]), ("Notes", "Keeps notes."))
        self.assertEqual(sorted(tool["name"] for tool in box["tools"]), ["Notes_add", "Notes_read"])
        self.assertEqual((list(box["configSchema"]["properties"]), box["configSchema"]["required"]),
                         (["heading", "most"], ["heading"]))

    def call(self, name, instance=None, **arguments):
        answer = self.one.ask("tools/call", name=name, instance=instance, id="c", arguments=arguments)
        return answer["content"][0]["text"], answer["isError"], answer["content"][1:]

    def test_calling(self):
        self.assertEqual(self.call("upper", text="ab", times=2), ("ABAB", False, []))
        self.assertEqual(self.call("upper", text="boom"), ("ValueError: cannot", True, []))
        self.assertEqual(self.call("upper", text="nope"), ("KeyError: 'nope'", True, []))
        self.assertEqual(self.call("upper", text="mute"), ("RuntimeError", True, []))

    @new_only
    def test_a_tool_that_calls_itself_off(self):
        self.assertEqual(self.call("upper", text="off"), ("Cancelled: not now", True, []))
        self.assertEqual(self.call("upper")[1], True)
        self.assertEqual(self.call("after_a_while"), ('{"later": true}', False, []))
        self.assertEqual(
            self.call("picture"), ("a picture", False, [{"type": "image", "mime": "image/png", "data": "MTIz"}])
        )
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


if __name__ == "__main__":
    unittest.main()
