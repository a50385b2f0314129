"""Slips of names: a module, a method, an argument that is nearly right is told with its line and the right name."""

import unittest

from harness import Case


class Slips(Case):
    def found(self, source, dialect):
        """What a check says: (level, place, message, help)."""
        one = self.worker(source, initialize=False, dialect=dialect)
        try:
            one.ask("initialize", protocolVersion=1, config=one.config)
        except Exception:  # a broken plugin is checked as well
            pass
        findings = one.ask("plugin/check")["findings"]
        return [(each["level"], each["at"], each["message"], each.get("help")) for each in findings]

    def why(self, source, dialect, **config):
        return self.refused(self.worker, source, dialect=dialect, **config)


class Modules(Slips):
    def test_a_module_of_the_contract_that_is_nearly_right(self):
        for dialect, line, words in (
            ("bruno", "from bruno_core.model import Message", "`bruno_core` has no module `model`: did you mean `models`?"),
            ("bruno", "import bruno_core.interface", "`bruno_core` has no module `interface`: did you mean `interfaces`?"),
            ("vision", "from vision_agents.core.llm.event import LLMResponseChunkEvent",
             "`vision_agents.core.llm` has no module `event`: did you mean `events`?"),
            ("vision", "from vision_agents.core.lm import LLM", "`vision_agents.core` has no module `lm`: did you mean `llm`?"),
        ):
            with self.subTest(line):
                refused = self.why(f"# a plugin\n{line}\n", dialect)
                self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:2"))
                self.assertIn(words, refused.data["help"])
                self.assertTrue(any(each[:2] == ("error", "acme.py:2") for each in self.found(f"# a plugin\n{line}\n", dialect)))

    def test_what_only_the_real_package_has_is_a_package_to_install(self):
        refused = self.why("from bruno_core.orchestration_of_all import Thing\n", "bruno")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the package `bruno_core`"))

    def test_a_name_of_llm_utils_is_told_without_the_path_of_ours(self):
        refused = self.why("from llm_utils import LLMClinet\n", "drop_in")
        self.assertIn("did you mean `LLMClient`?", refused.data["help"])
        self.assertNotIn("consort_worker", str(refused))
        self.assertIn("acme.py:1", str(refused))


VISION = """
from vision_agents.core.llm.llm import LLM
from vision_agents.core.llm.events import LLMResponseChunkEvent

class Mine(LLM):
    async def {method}(self, text, processors=None, participant=None):
        self.events.send(LLMResponseChunkEvent(plugin_name="x", delta="one "))
        self.events.send(LLMResponseChunkEvent(plugin_name="x", {field}="two "))
"""
LIVE = """
from vision_agents.core.llm import realtime

class Mine(realtime.Realtime):
    async def connect(self): pass
    async def close(self): pass
    async def simple_response(self, text, processors=None, participant=None):
        self._emit_response_event(text="hello")
    async def {method}(self, pcm, participant=None): pass
"""
BRUNO = """
from bruno_core.interfaces import LLMInterface

class Mine(LLMInterface):
    async def {method}(self, messages, **kwargs):
        return "hello"
"""


class Methods(Slips):
    def test_a_provider_of_bruno(self):
        source = BRUNO.format(method="generat")
        refused = self.why(source, "bruno")
        self.assertEqual(refused.data["help"], "it has `generat`: name it `generate`")
        self.assertIn(("error", "acme.py:3", "Mine has no generate and no stream", refused.data["help"]), self.found(source, "bruno"))
        source = BRUNO.format(method="steam")
        self.assertEqual(self.why(source, "bruno").data["help"], "it has `steam`: name it `stream`")
        self.assertNotIn("help", self.why(BRUNO.format(method="chat"), "bruno").data)

    def test_a_model_of_vision_agents(self):
        source = VISION.format(method="simple_respons", field="delta")
        words = "it has `simple_respons`: name it `simple_response`"
        self.assertIn(("error", "acme.py:4", "Mine has no simple_response", words), self.found(source, "vision"))
        refused = self.refused(self.worker(source, dialect="vision").generate, "acme")
        self.assertEqual((refused.kind, refused.data["at"], refused.data["help"]), ("plugin_bug", "acme.py:4", words))
        self.assertIn("Mine has no simple_response", str(refused))

    def test_a_live_model_that_hears_nothing_by_a_slip_fails_the_check(self):
        found = self.found(LIVE.format(method="simple_audio_respons"), "vision")
        words = "it has `simple_audio_respons`: name it `simple_audio_response`"
        self.assertIn(("error", "acme.py:3", "Mine has no simple_audio_response", words), found)
        # One that means to take no sound is one all the same.
        levels = [each[0] for each in self.found(LIVE.format(method="something_else"), "vision")]
        self.assertEqual(levels[0], "warning")
        text = LIVE.format(method="simple_audio_response").replace("def simple_response", "def simple_respons")
        words = "it has `simple_respons`: name it `simple_response`"
        self.assertIn(("error", "acme.py:3", "Mine has no simple_response", words), self.found(text, "vision"))

    def test_a_method_of_a_live_model_that_is_nearly_right(self):
        for slip, meant in (("conect", "connect"), ("closee", "close"), ("handle_events", "_handle_events"),
                            ("interupt", "interrupt"), ("comit_audio", "commit_audio")):
            source = LIVE.format(method="simple_audio_response").replace(f"    async def {meant}(self): pass\n", "")
            line = source.count("\n")
            found = self.found(f"{source}    async def {slip}(self):\n        while True: await self.read()\n", "vision")
            said = f"Mine has no {meant}, and nobody calls {slip}"
            self.assertEqual([each for each in found if meant in str(each)],
                             [("warning", f"acme.py:{line}", said, f"did you mean `{meant}`?")])
            # One that the model uses itself is its own.
            found = self.found(f"{source}    async def {slip}(self): pass\n    def own(self): return self.{slip}\n", "vision")
            self.assertNotIn("did you mean", str(found))
        source = LIVE.format(method="simple_audio_response").replace("async def connect", "async def reconnect")
        self.assertNotIn("did you mean", str(self.found(source, "vision")))

    def test_another_form_of_the_word_is_a_name_of_its_own(self):
        for own, asked in (("interrupted", "interrupt"), ("interrupts", "interrupt"), ("interrupt_2", "interrupt"),
                           ("closed", "close"), ("connect2", "connect"), ("connects", "connect"),
                           ("committed_audio", "commit_audio"), ("commits_audio", "commit_audio"),
                           ("_handled_events", "_handle_events")):
            with self.subTest(own):
                source = LIVE.format(method="simple_audio_response").replace(f"    async def {asked}(self): pass\n", "")
                found = self.found(f"{source}    async def {own}(self):\n        while True: await self.read()\n", "vision")
                self.assertNotIn("did you mean", str(found))

    def test_a_method_that_takes_nothing_of_what_it_is_given(self):
        source = LIVE.format(method="simple_audio_response").replace("(self, text, processors=None, participant=None)", "(self)")
        self.assertIn(("error", "acme.py:6", "simple_response takes nothing of what it is called with", "`simple_response(self, text, …)`"),
                      self.found(source, "vision"))
        source = LIVE.format(method="simple_audio_response").replace("(self, pcm, participant=None)", "(self)")
        self.assertIn("simple_audio_response takes nothing of what it is called with", str(self.found(source, "vision")))
        source = LIVE.format(method="simple_audio_response").replace("(self, pcm, participant=None)", "(self, *given)")
        self.assertNotIn("takes nothing", str(self.found(source, "vision")))

    def test_a_plain_for_over_what_comes_later(self):
        source = VISION.format(method="simple_response", field="delta") + (
            "        for each in self.read(): pass\n    async def read(self):\n        yield 1\n")
        refused = self.refused(self.worker(source, dialect="vision").generate, "acme")
        self.assertIn("use `async for`", refused.error["data"]["help"])


class Arguments(Slips):
    def test_one_that_is_nearly_right_is_an_error_with_its_line(self):
        for field, meant in (("detla", "delta"), ("dleta", "delta"), ("deltas", "delta"), ("plugin_nam", None)):
            source = VISION.format(method="simple_response", field=field)
            with self.subTest(field):
                refused = self.refused(self.worker(source, dialect="vision").generate, "acme")
                self.assertEqual(refused.data["at"], "acme.py:7")
                self.assertIn(f"did you mean '{meant or 'plugin_name'}'?", str(refused))

    def test_one_that_nobody_knows_is_told_and_its_answer_goes_on(self):
        source = VISION.format(method="simple_response", field="wording")
        said, _, events = self.worker(source, dialect="vision").generate("acme")
        self.assertEqual(said, "one ")
        words = "LLMResponseChunkEvent has no field `wording`: nobody sees what it holds"
        self.assertEqual([each["message"] for each in events if each["type"] == "warning"], [f"{words} at acme.py:7"])
        self.assertIn(("warning", "acme.py:7", words), [each[:3] for each in self.found(source, "vision")])

    def test_one_that_some_version_has_is_no_mistake(self):
        source = VISION.format(method="simple_response", field="sequence_number=1, is_first_chunk=False, item_id='i', delta")
        said, _, events = self.worker(source, dialect="vision").generate("acme")
        self.assertEqual((said, [each for each in events if each["type"] == "warning"]), ("one two ", []))
        self.assertNotIn("warning", [each[0] for each in self.found(source, "vision")])


if __name__ == "__main__":
    unittest.main()
