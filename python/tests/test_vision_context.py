"""What a model of Vision Agents knows besides the question: processors and participants, in each form of the contract."""

import json
import os
import unittest

from harness import user
from test_realtime import LiveCase, audio
from test_vision import VisionCase

PROCESSORS = """
from vision_agents.core.processors import Processor

class Weather(Processor):
    def state(self): return {"sky": "grey"}
class Plain:
    def state(self): return "as text"
class Broken(Processor):
    def state(self): raise ValueError("no")
class Late(Processor):
    async def state(self): return "late"
class Silent(Processor):
    pass

processors = [Weather(), Plain(), Broken(), Late(), Silent(), 7]
"""
KNOWN = 'Be brief.\n\nWeather: {"sky": "grey"}\n\nPlain: as text'
GIVES = {  # each form of the contract: what follows `text`
    "events": "self.events.send(LLMResponseChunkEvent(delta={0})); self.events.send(LLMResponseCompletedEvent(text={0}))",
    "a value": "return LLMResponseEvent(None, {0})",
    "items": "yield LLMResponseDelta(delta={0}); yield LLMResponseFinal(text={0})",
}
TAKES = {  # each form of `simple_response`, and how many processors it is given
    "text, processors=None, participant=None": ("len(processors)", 6),
    "text, participant=None": ("None", None),
    "text, **named": ("len(named.get('processors', ()))", 0),
}


class Text(VisionCase):
    def test_processors_and_participants_in_each_form(self):
        for form, give in GIVES.items():
            for takes, (count, counted) in TAKES.items():
                with self.subTest(form, takes=takes):
                    who = "named['participant']" if "named" in takes else "participant"
                    said = give.format(f"repr(({who}.user_id, {count}, self._build_enhanced_instructions()))")
                    one = self.llm(f"async def simple_response(self, {takes}):\n    {said}", PROCESSORS)
                    said = one.generate("acme", system="Be brief.", meta={"participant": "ada"})[0]
                    self.assertEqual(said, repr(("ada", counted, KNOWN)))
        log = one.log()
        self.assertIn("Broken.state failed: ValueError: no", log)
        self.assertIn("Late.state is a coroutine", log)
        self.assertNotIn("never awaited", log)

    def test_a_variable_of_that_name_that_is_no_list(self):
        one = self.llm("async def simple_response(self, text, processors=None):\n"
                       "    return repr((processors, self._build_enhanced_instructions()))", "def processors(): pass\n")
        self.assertEqual(one.generate("acme")[0], "([], None)")


class Starting(VisionCase):
    BODY = """
async def start(self):
    self.starts = getattr(self, "starts", 0) + 1
    await asyncio.sleep(0.1)
    if self.starts == FAILS:
        raise ConnectionError("not yet")
    self._instructions = "kept"
    self.client = f"client {self.starts}"

async def simple_response(self, text):
    return f"{self.client} {self._instructions}"
"""

    def test_a_model_is_started_once_before_it_is_asked(self):
        one = self.llm(self.BODY, "import asyncio\nFAILS = 0\n")
        idents = [one.start("generate", model="acme", messages=[user("x")], system=word) for word in "ab"]
        for ident in idents:
            one.answer(ident)
        said = ["".join(each["text"] for each in one.events[ident]) for ident in idents]
        self.assertEqual(said, ["client 1 a", "client 1 b"])
        one = self.llm(self.BODY, "import asyncio\nFAILS = 1\n")
        self.assertEqual(self.refused(one.generate, "acme").kind, "network")
        self.assertEqual(one.generate("acme", system="c")[0], "client 2 c")

    def test_a_start_of_ones_own_is_ones_own(self):
        for body in ("def start(self, where): self.client = where", "async def start(self): self.client = getattr(self, 'client', '') + 'once'"):
            one = self.llm(f"{body}\nasync def simple_response(self, text):\n"
                           "    self.start('here') if 'where' in type(self).start.__code__.co_varnames else await self.start()\n"
                           "    return self.client")
            self.assertIn(one.generate("acme")[0], ("here", "once"))


class Live(LiveCase):
    def test_processors_and_participants_in_each_form(self):
        for form, give in GIVES.items():
            for takes, (count, counted) in TAKES.items():
                with self.subTest(form, takes=takes):
                    who = "named['participant']" if "named" in takes else "participant"
                    said = give.format(f"repr(({who}.user_id, {count}, self._build_enhanced_instructions()))")
                    events = self.heard_of(
                        f"async def simple_response(self, {takes}):\n    {said}", {"type": "text", "text": "x"},
                        until="turn_done", head=PROCESSORS, system="Be brief.", meta={"participant": "ada"})
                    said = "".join(each["text"] for each in events if each["type"] == "text")
                    self.assertEqual(said, repr(("ada", counted, KNOWN)))

    def test_a_live_model_is_started_before_it_connects(self):
        events = self.heard_of("""
async def start(self): self.word = "started"
async def connect(self): self._emit_agent_speech_transcription(self.word)
async def simple_audio_response(self, pcm): self._emit_audio_output_done_event()
""", audio(), until="audio_done")
        self.assertEqual([each.get("text") for each in events], ["started", None, None])

    def test_a_processor_is_asked_anew(self):
        path = os.path.join(self.folder, "state.json")
        with open(path, "w", encoding="utf-8") as opened:
            json.dump(1, opened)
        one = self.live("""
async def connect(self):
    self._emit_agent_speech_transcription(self._build_enhanced_instructions(), mode="final")

async def simple_audio_response(self, pcm):
    self._emit_agent_speech_transcription(self._build_enhanced_instructions(), mode="final")
""", f"""
import json
class File:
    def state(self): return json.load(open({path!r}))
processors = [File()]
""")
        session = one.open_session("acme", system="One.")
        self.assertEqual(one.heard(session, "transcript")[-1]["text"], "One.\n\nFile: 1")
        with open(path, "w", encoding="utf-8") as opened:
            json.dump([2], opened)
        self.feed(one, session, {"type": "update", "system": "Two."}, audio())
        self.assertEqual(one.heard(session, "transcript")[-1]["text"],
                         "Two.\n\nFile: [2]\n\nThe conversation so far:\nassistant: One.\n\nFile: 1")


if __name__ == "__main__":
    unittest.main()
