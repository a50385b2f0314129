"""Failures of live models that Python tells a log only: in threads, and in subscribers of the bus."""

import time
import unittest

import test_realtime_ends
from test_realtime import LiveCase, audio

HEAD = "import threading, time, _thread\n"


class Unseen(LiveCase):
    line_of = test_realtime_ends.Ending.line_of

    def warnings(self, events):
        return [event["message"] for event in events if event["type"] == "warning"]


class Threads(Unseen):
    BODY = """
async def connect(self):
    {}

def read(self):
    time.sleep(0.1)
    {{}}["gone"]

async def simple_audio_response(self, pcm): pass
"""

    def test_a_thread_that_fails_is_told_with_its_line(self):
        for start in ("threading.Thread(target=self.read, daemon=True).start()", "threading.Timer(0, self.read).start()",
                      "EARLY.append(self)"):
            one = self.live(self.BODY.format(start), HEAD + """
EARLY = []
def wait():
    while not EARLY: time.sleep(0.01)
    EARLY[0].read()
threading.Thread(target=wait, daemon=True).start()
""")
            session = one.open_session("acme")
            events = one.heard(session, "warning", 3)
            at = f"acme.py:{self.line_of(one, '{}[')}"
            self.assertEqual(self.warnings(events), [f"a thread of the plugin failed: KeyError: 'gone' ({at})"])
            self.assertIn("Traceback", one.log())
            one.ask("realtime/close", session=session)
            self.assertEqual(self.kinds(one.heard(session, "closed")), ["closed"])

    def test_a_thread_of_one_session_fails_there_alone(self):
        one = self.live(self.BODY.format("self._instructions and threading.Thread(target=self.read, daemon=True).start()"), HEAD)
        other, session = one.open_session("acme"), one.open_session("acme", system="fail")
        one.heard(session, "warning", 3)
        one.ask("realtime/close", session=other)
        self.assertEqual(self.kinds(one.heard(other, "closed")), ["closed"])

    def test_what_fails_with_each_piece_of_sound_is_told_once(self):
        one = self.live("""
def work(self):
    raise ValueError("short")

async def simple_audio_response(self, pcm):
    threading.Thread(target=self.work).start()

async def commit_audio(self):
    await asyncio.sleep(0.3)
    self._emit_audio_output_done_event()
""", HEAD)
        session = one.open_session("acme")
        self.feed(one, session, *[audio()] * 5)
        time.sleep(0.5)
        self.feed(one, session, {"type": "commit"})
        self.assertEqual(self.kinds(one.heard(session, "audio_done")).count("warning"), 1)

    HALF = """
def metrics(self):
    raise ConnectionError("away")

def tell(self):
    self._emit_agent_speech_transcription("The answer ", mode="delta")
    {}["gone"]

async def simple_response(self, text):
    if text == "tell":
        threading.Thread(target=self.tell).start()
        return
    self._emit_agent_speech_transcription("The answer ", mode="delta")
    threading.Thread(target=self.metrics).start()
    time.sleep(1.5) if text == "hold" else await asyncio.sleep(0.3)
    self._emit_agent_speech_transcription("is 42.", mode="delta")
    self._emit_audio_output_done_event()

async def simple_audio_response(self, pcm): pass
"""
    WHO = """
import consort_worker.vision.outcome as outcome
warn = outcome.Outcome.warn
outcome.Outcome.warn = lambda self, message: warn(self, f"{message} by {threading.current_thread().name == 'asyncio'}")
"""

    def test_a_thread_beside_an_answer_does_not_cut_it(self):
        one = self.live(self.HALF, HEAD + self.WHO)
        session = one.open_session("acme")
        at = self.line_of(one, "raise Conn")
        for number in range(2):
            self.feed(one, session, {"type": "text", "text": "one"})
            events = one.heard(session, "audio_done")
            said = [(each["item"].rpartition(".")[2], each["text"]) for each in events if each["type"] == "transcript"]
            self.assertEqual(said, [(str(number), "The answer "), (str(number), "is 42.")])
            self.assertNotIn("error", self.kinds(events))
            # On the loop, where the answer is given; and the same once.
            told = [f"a thread of the plugin failed: ConnectionError: away (acme.py:{at}) by True"]
            self.assertEqual(self.warnings(events), [] if number else told)

    def test_a_thread_that_fails_is_told_also_where_the_loop_is_held_up(self):
        one = self.live(self.HALF, HEAD + self.WHO)
        session = one.open_session("acme")
        begun = time.monotonic()
        self.feed(one, session, {"type": "text", "text": "hold"})
        events = one.heard(session, "warning")
        self.assertLess(time.monotonic() - begun, 1.4)
        events += one.heard(session, "audio_done")
        self.assertEqual([each["text"] for each in events if "text" in each], ["The answer ", "is 42."])
        self.assertRegex(self.warnings(events)[0], "ConnectionError: away .* by False")
        self.assertEqual(len(self.warnings(events)), 1)

    def test_a_thread_that_gives_the_answer_ends_it(self):
        one = self.live(self.HALF, HEAD)
        session = one.open_session("acme")
        self.feed(one, session, {"type": "text", "text": "tell"})
        at = f"acme.py:{self.line_of(one, '{}[')}"
        self.assertEqual(one.heard(session, "error", 3)[-1]["error"]["data"]["at"], at)

    def test_a_thread_of_a_text_model_is_a_warning(self):
        one = self.llm("""
def work(self):
    raise ValueError("short")

async def simple_response(self, text):
    thread = threading.Thread(target=self.work)
    thread.start()
    await asyncio.to_thread(thread.join)
    return "in spite of it"
""", "import asyncio, threading\n")
        said, _, events = one.generate("acme")
        self.assertEqual(said, "in spite of it")
        at = self.line_of(one, "raise ValueError")
        self.assertEqual(self.warnings(events), [f"a thread of the plugin failed: ValueError: short (acme.py:{at})"])


class Subscribers(Unseen):
    def test_a_subscriber_that_fails_is_a_warning_and_the_sender_goes_on(self):
        for kind in ("async def", "def"):
            for send in ("self.say()", "await asyncio.to_thread(self.say)"):
                one = self.live(f"""
async def connect(self):
    self.events.subscribe(broken)

def say(self):
    self._emit_agent_speech_transcription("first", mode="final")
    self._emit_agent_speech_transcription("second", mode="final")

async def simple_audio_response(self, pcm):
    {send}
    await asyncio.sleep(0.1)
    self._emit_audio_output_done_event()
""", f"{kind} broken(event: RealtimeAgentSpeechTranscriptionEvent):\n    {{}}['gone']\n")
                session = one.open_session("acme")
                self.feed(one, session, audio())
                events = one.heard(session, "audio_done", 3)
                message = f"a subscriber failed: KeyError: 'gone' (acme.py:{self.line_of(one, '{}[')})"
                self.assertEqual(self.warnings(events), [message], (kind, send))
                self.assertEqual([each["text"] for each in events if "text" in each], ["first", "second"])
                self.assertEqual(one.log().count(message), 2)

    def flooded(self, fails):
        one = self.live("""
async def connect(self):
    self.events.subscribe(broken)

async def simple_audio_response(self, pcm):
    for number in range(300):
        self._emit_agent_speech_transcription(str(number), mode="final")
    self._emit_audio_output_done_event()
""", f"def broken(event: RealtimeAgentSpeechTranscriptionEvent):\n    raise {fails}\n")
        session = one.open_session("acme")
        self.feed(one, session, audio())
        return self.warnings(one.heard(session, "audio_done", 5))

    def test_what_fails_with_other_words_each_time_is_told_once(self):
        told = self.flooded("ValueError('piece %s is bad' % event.text)")
        self.assertEqual(len(told), 1, told)
        self.assertIn("ValueError: piece 0 is bad (acme.py:", told[0])

    def test_so_many_things_are_told_of_a_session(self):
        told = self.flooded("type('Error' + event.text, (Exception,), {})()")
        self.assertEqual(len(told), 101, told)
        self.assertIn("Error99", told[-2])
        self.assertIn("what else goes wrong is left out", told[-1])

    def test_sound_that_fails_with_other_words_each_time(self):
        one = self.live("""
async def simple_audio_response(self, pcm):
    self.count = getattr(self, "count", 0) + 1
    raise ValueError(f"piece {self.count} is bad")

async def commit_audio(self):
    self._emit_audio_output_done_event()
""")
        session = one.open_session("acme")
        self.feed(one, session, *[audio()] * 20, {"type": "commit"})
        events = one.heard(session, "audio_done")
        self.assertEqual(self.kinds(events), ["error", "warning", "audio_done"], events)
        self.assertRegex(self.warnings(events)[0], "^the same failed 19 more times: .*piece 1 is bad")

    def test_a_subscriber_of_a_text_model_that_fails_each_time_with_other_words(self):
        one = self.llm("""
async def simple_response(self, text):
    self.events.subscribe(broken)
    for number in range(300):
        self.events.send(LLMResponseChunkEvent(delta=str(number)))
""", "def broken(event):\n    raise ValueError(event.delta)\n")
        _, _, events = one.generate("acme")
        self.assertEqual(len(self.warnings(events)), 1, events)

    def test_a_subscriber_of_a_text_model(self):
        one = self.llm("""
async def simple_response(self, text):
    self.events.subscribe(broken)
    self.events.send(LLMResponseChunkEvent(delta="all "))
    self.events.send(LLMResponseChunkEvent(delta="of it"))
""", "def broken(event):\n    {}['gone']\n")
        said, _, events = one.generate("acme")
        self.assertEqual(said, "all of it")
        self.assertEqual(len(self.warnings(events)), 1, events)


if __name__ == "__main__":
    unittest.main()
