"""Live sessions whose plugin never says that an answer is complete: its end is told once its sound has played."""

import time
import unittest

from test_realtime import LiveCase, audio

QUICK = "import consort_worker.vision.unended as unended\nunended._QUIET, unended._AGAIN = 0.3, 0.1\n"
SPEAK = """
async def speak(self, *seconds):
    for one in seconds:
        sound = bytes(int(one * 24000) * 2)
        self.events.send(RealtimeAudioOutputEvent(plugin_name='x', audio_data=sound, sample_rate=24000))
        await self.output_track.write(sound)
"""
WORDS = """
async def simple_response(self, text, processors=None, participant=None):
    self.events.send(LLMResponseCompletedEvent(plugin_name='x', original=None, text=text))
async def simple_audio_response(self, pcm): pass
"""
TEXT = {"type": "text", "text": "hi"}


class Unended(LiveCase):
    def timed(self, one, session, until):
        """The events up to one, and how long they took."""
        begun = time.monotonic()
        events = one.heard(session, until)
        return events, time.monotonic() - begun

    def test_an_answer_of_the_first_form_is_over_once_it_was_heard(self):
        one = self.live(SPEAK + """
async def simple_response(self, text, processors=None, participant=None):
    await self.speak(0.25, 0.25)
async def simple_audio_response(self, pcm):
    await self.speak(0.1)
""", head=QUICK)
        session = one.open_session("acme")
        items = []
        for asked, length in ((TEXT, 0.5), (audio(), 0.1), (TEXT, 0.5)):
            self.feed(one, session, asked)
            events, took = self.timed(one, session, "turn_done")
            self.assertEqual(self.kinds(events)[-3:], ["audio", "audio_done", "turn_done"])
            self.assertEqual((events[-2]["item"], events[-2]["interrupted"]), (events[0]["item"], False))
            self.assertEqual(events[-1]["finishReason"], "stop")
            self.assertGreaterEqual(took, length + 0.25)
            self.assertLess(took, length + 1.2)
            items.append(events[0]["item"])
        self.assertEqual(len(set(items)), 3, "each answer is an item of its own")

    def test_the_sound_behind_the_end_of_its_words_is_of_the_same_answer(self):
        one = self.live(SPEAK + """
async def _handle_events(self):
    self.asked = asyncio.Queue()
    while True:
        await self.asked.get()
        await self.speak(0.2)
async def simple_response(self, text, processors=None, participant=None):
    self.events.send(LLMResponseChunkEvent(plugin_name='x', content_index=0, item_id='', output_index=0, sequence_number=0, delta='words'))
    await self.asked.put(1)
    self.events.send(LLMResponseCompletedEvent(plugin_name='x', original=None, text='words'))
async def simple_audio_response(self, pcm): pass
""", head=QUICK)
        session = one.open_session("acme")
        for _ in range(2):
            self.feed(one, session, TEXT)
            events = one.heard(session, "turn_done")
            self.assertEqual(self.kinds(events), ["text", "audio", "audio_done", "turn_done"])
            self.assertEqual(len({event["item"] for event in events[:3]}), 1)

    def test_words_that_no_sound_follows_end_by_themselves_and_at_once_from_then_on(self):
        one = self.live(WORDS, head=QUICK)
        session = one.open_session("acme")
        for least, most in ((0.25, 2), (0, 0.2)):
            self.feed(one, session, TEXT)
            one.heard(session, "text")
            events, took = self.timed(one, session, "turn_done")
            self.assertEqual(self.kinds(events), ["turn_done"])
            self.assertTrue(least <= took < most, took)
        # Two that come at once are two.
        one = self.live(WORDS)
        session = one.open_session("acme")
        self.feed(one, session, TEXT, TEXT)
        one.heard(session, "text")
        self.assertEqual(self.kinds(one.heard(session, "text")), ["turn_done", "text"])
        one.ask("realtime/close", session=session)
        self.assertEqual(self.kinds(one.heard(session, "closed")), ["turn_done", "closed"])

    def test_what_is_still_worked_on_is_not_over(self):
        one = self.live(SPEAK + """
async def simple_response(self, text, processors=None, participant=None):
    await self.speak(0.1)
    await asyncio.sleep(0.9)
    await self.speak(0.1)
async def simple_audio_response(self, pcm): pass
""", head=QUICK)
        session = one.open_session("acme")
        self.feed(one, session, TEXT)
        self.assertEqual(self.kinds(one.heard(session, "turn_done")), ["audio", "audio", "audio_done", "turn_done"])

    def test_one_that_tells_its_ends_is_waited_for(self):
        one = self.live(SPEAK + """
async def later(self):
    await self.speak(0.1)
    await asyncio.sleep(1.2)
    await self.speak(0.1)
    self._emit_audio_output_done_event()
async def simple_response(self, text, processors=None, participant=None):
    self.task = asyncio.create_task(self.later())
async def simple_audio_response(self, pcm): pass
""", head=QUICK)
        session = one.open_session("acme")
        self.feed(one, session, TEXT)
        self.assertEqual(self.kinds(one.heard(session, "audio_done")), ["audio", "audio", "audio_done"])
        time.sleep(0.8)
        one.ask("realtime/close", session=session)
        self.assertEqual(self.kinds(one.heard(session, "closed")), ["closed"])

    def test_one_that_is_cut_is_over_at_once(self):
        one = self.live(SPEAK + """
async def simple_response(self, text, processors=None, participant=None):
    await self.speak(9)
async def simple_audio_response(self, pcm): pass
""", head=QUICK)
        session = one.open_session("acme")
        self.feed(one, session, TEXT)
        one.heard(session, "audio")
        time.sleep(0.3)
        self.feed(one, session, {"type": "interrupt", "heardMs": 300})
        events, took = self.timed(one, session, "turn_done")
        self.assertEqual([events[-1]["finishReason"], len(self.kinds(events)) - self.kinds(events).count("audio")], ["interrupted", 1])
        self.assertLess(took, 2)


if __name__ == "__main__":
    unittest.main()
