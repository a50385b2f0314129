"""The real bruno-core and bruno-llm, unmodified: CONSORT_TEST_BRUNO_PYTHON names a Python that has them, with openai."""

import json
import os
import unittest

from harness import user
from recorded import Player, exchanges, sse
from test_bruno import ECHO, BrunoCase
from test_bruno_memory import TALK, Keeper

REAL = os.environ.get("CONSORT_TEST_BRUNO_PYTHON")
needs_real = unittest.skipUnless(REAL, "CONSORT_TEST_BRUNO_PYTHON is not set")


def lines(*answers):
    """An answer of Ollama, in the shape of a recording."""
    return {"status": 200, "headers": {"content-type": "application/x-ndjson"},
            "body": "".join(json.dumps(each) + "\n" for each in answers)}


def delta(text, finish=None):
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]}


OLLAMA = [{"id": "ours", "kind": "chat", "expect": {"text": "Grüße 🎉, Ada."}, "response": lines(
    {"model": "m", "message": {"role": "assistant", "content": "Grüße 🎉"}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": ", Ada."}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"})}]
OPENAI = [{"id": "ours", "kind": "chat", "expect": {"text": "Grüße 🎉, Ada."}, "response": {
    **(_sse := sse(delta("Grüße 🎉"), delta(", Ada."), delta(None, "stop"))), "body": _sse["body"] + "data: [DONE]\n\n"}}]


@needs_real
class Packages(BrunoCase):
    python = REAL

    def test_the_guides_four_methods_on_the_real_interface(self):
        one = self.worker(ECHO)
        self.assertEqual(one.generate("acme", "x", system=" s ")[0], "[echo-1 none system,user []] x ")
        self.assertEqual(one.ask("plugin/check")["findings"], [])

    def test_an_installed_package(self):
        one = self.worker(package="bruno-llm", dialect="llm")  # as the host calls every package
        listed = one.ask("models/list", 10)
        ids = [card["id"] for card in listed["models"]]
        self.assertIn("ollama:llama2" if "ollama:llama2" in ids else "llama2", ids)
        self.assertTrue(any("ollama" in note for note in listed["notes"]), listed.get("notes"))
        refused = self.refused(one.generate, "ollama")
        self.assertEqual(refused.kind, "network", str(refused))

    def test_each_providers_answers(self):
        player = Player(self)
        one = self.worker(package="bruno-llm", dialect="llm", init={"base_url": f"{player.url}/v1"})
        ids = [alias for card in one.ask("models/list", 10)["models"] for alias in card["aliases"]]
        self.assertEqual(ids, ["ollama", "openai"], one.about["notes"])
        for model, vendor, ours in (("ollama", "ollama", OLLAMA), ("openai", "openai-chat", OPENAI)):
            for exchange in exchanges(vendor, ours):
                # It asks for one choice, and would mix several.
                if exchange["kind"] != "chat" or "n-choices" in exchange.get("features", ()):
                    continue
                with self.subTest(exchange["id"]):
                    self.answers_as(one, player, model, exchange)

    def answers_as(self, one, player, model, exchange):
        player.answers[:] = [exchange["response"]]
        expect = exchange["expect"]
        ident = one.start("generate", model=model, messages=[user("hi")], secrets={"openai": "k"})
        if expect.get("error") is None:
            one.answer(ident)
        else:
            self.refused(one.answer, ident)
        said = "".join(event["text"] for event in one.events.get(ident, []) if event["type"] == "text")
        self.assertEqual(said, expect.get("text") or "")


@needs_real
class Assistants(BrunoCase):
    python = REAL

    def test_the_real_assistants_memory_is_the_hosts(self):
        keeper = Keeper()
        for asked, roles in (("tea", "user"), ("more", "user,assistant,user")):
            one = self.worker(TALK, offers={"memory": True}, on_request=keeper)
            self.assertEqual(one.generate("Talk", asked)[0].strip(), f"[echo-1 none {roles} []] {asked}")
        self.assertEqual([each["role"] for each in keeper.kept["c"]], ["user", "assistant"] * 2)
        found = json.loads(one.generate("acme", "all", stream=False)[0])
        self.assertEqual([each[:3] for each in found][::2], [["user", "tea", "good"], ["user", "more", "good"]])
        keeper.refuses = "it has kept too much"
        self.assertEqual(self.refused(one.generate, "Talk", "x").kind, "quota")


if __name__ == "__main__":
    unittest.main()
