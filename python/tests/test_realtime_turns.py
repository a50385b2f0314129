"""Live sessions with models of Vision Agents: what keeps answers, texts, interrupts and whole sessions apart."""

import time
import unittest

from test_realtime import HEAD, LiveCase, audio


class Turns(LiveCase):
    def test_a_plugin_that_is_interrupted_says_so(self):
        for response in (None, "r7", 7):
            events = self.heard_of(f"""
async def simple_audio_response(self, pcm):
    self._emit_audio_output_event(pcm.to_bytes(), 24000, response_id={response!r})
    self._emit_audio_output_done_event(interrupted=True)
""", audio(), until="audio_done")
            self.assertEqual(self.kinds(events), ["audio", "interrupted", "audio_done", "closed"])
            self.assertEqual({event["item"] for event in events[:3]}, {str(response or "rt1.0")})

    def transcribed(self, *lines, what="text"):
        body = "async def simple_audio_response(self, pcm):\n    " + "\n    ".join(lines) + "\n    self._emit_error_event(ValueError())"
        events = self.heard_of(body, audio(), until="error")
        return [(each.get("item"), each[what]) for each in events if what in each]

    def test_answers_in_one_session_are_items_of_their_own(self):
        said, sound = "self._emit_agent_speech_transcription", "self._emit_audio_output_event(pcm.to_bytes(), 24000)"
        done = "self._emit_audio_output_done_event()"
        for lines, items in (
            ((f"{said}('one', mode='final')", f"{said}('two', mode='final')"), "01"),
            ((f"{said}('one')", f"{said}('two')"), "00"),
            ((sound, done, f"{said}('one')", sound, done, f"{said}('two')"), "01"),
            ((f"{said}('a', mode='delta')", sound, f"{said}('one')", done, f"{said}('b', mode='delta')", sound), "001"),
            ((f"{said}('a', mode='delta')", sound, done, f"{said}('b', mode='delta')", f"{said}('bc')"), "011"),
            ((f"{said}('a', mode='delta')", sound, done, f"{said}('ab')", f"{said}('c', mode='delta')"), "001"),
            ((sound, done, f"{said}('a', mode='delta')", f"{said}('b', mode='delta')", f"{said}('ab')"), "000"),
        ):
            with self.subTest(lines):
                self.assertEqual("".join(item[-1] for item, _ in self.transcribed(*lines)), items)

    def test_an_answer_that_is_transcribed_is_not_told_again(self):
        body = """
async def simple_audio_response(self, pcm):
    self._emit_audio_output_event(pcm.to_bytes(), 24000)
    self._emit_agent_speech_transcription("Hello.")
    self._emit_response_event(text="Hello.")
    self._emit_audio_output_done_event()
    self._emit_response_event(text="In words.")
"""
        events = self.heard_of(body, audio(), until="text")
        self.assertEqual(self.kinds(events), ["audio", "transcript", "turn_done", "audio_done", "text", "turn_done", "closed"])

    def test_sound_of_one_length_is_not_one_sound(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    self.events.send(RealtimeAudioOutputEvent(data=pcm))
    await self.output_track.write(bytes(len(pcm.to_bytes())))
    await self.output_track.write(pcm.to_bytes())
    self.events.send(RealtimeAudioOutputEvent(data=pcm))
    self._emit_audio_output_done_event()
    await self.output_track.write(pcm.to_bytes())
    self._emit_error_event(ValueError())
""", audio(), until="error")
        self.assertEqual(self.kinds(events), ["audio", "audio", "audio", "audio_done", "audio", "error", "closed"])

    def test_a_plugin_that_connects_again_hears_again(self):
        for again in ("await self.connect()", "self.task = asyncio.create_task(self._handle_events())"):
            events = self.heard_of(f"""
async def connect(self):
    self.runs = getattr(self, "runs", 0)
    self.task = asyncio.create_task(self._handle_events())

async def _handle_events(self):
    self.runs += 1
    if self.runs == 1:
        {again}
        return
    self.events.send(RealtimeAgentSpeechTranscriptionEvent(text=f"run {{self.runs}}"))
    await asyncio.sleep(60)

async def simple_audio_response(self, pcm):
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
            self.assertEqual([event.get("text") for event in events], ["run 2", None, None], again)

    def test_a_failure_of_the_handler_is_the_plugins_where_it_catches_it(self):
        events = self.heard_of("""
async def connect(self):
    self.task = asyncio.create_task(self.run())

async def run(self):
    try:
        await self._handle_events()
    except ConnectionError:
        self._emit_agent_speech_transcription("lost")

async def _handle_events(self):
    raise ConnectionError("gone")

async def simple_audio_response(self, pcm):
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
        self.assertEqual(self.kinds(events), ["transcript", "audio_done", "closed"])

    def test_an_interrupt_that_fails_or_takes_long_ends_the_answer(self):
        for wrong in ("raise ValueError('no')", "await asyncio.sleep(60)"):
            one = self.live(f"""
async def interrupt(self):
    {wrong}

async def simple_audio_response(self, pcm):
    self._emit_audio_output_event(pcm.to_bytes(), 24000)
""")
            session = one.open_session("acme")
            items = []
            for inputs in ([audio()], [{"type": "interrupt"}, audio()]):
                self.feed(one, session, *inputs)
                items.append(one.heard(session, "audio")[-1]["item"])
            self.assertEqual(items, ["rt1.0", "rt1.1"], wrong)
            one.ask("realtime/close", session=session)

    def test_texts_are_answered_one_after_the_other(self):
        one = self.live("""
async def simple_response(self, text, processors=None, participant=None):
    for word in text, self._instructions:
        self.events.send(LLMResponseChunkEvent(delta=word))
        await asyncio.sleep(0.05)
    self.events.send(LLMResponseCompletedEvent(text=text + self._instructions))
""")
        session = one.open_session("acme", system="old")
        self.feed(one, session, {"type": "update", "system": "."}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"})
        events = one.heard(session, "turn_done") + one.heard(session, "turn_done")
        self.assertEqual([(each.get("item"), each.get("text")) for each in events], [
            ("rt1.0", "a"), ("rt1.0", "."), (None, None), ("rt1.1", "b"), ("rt1.1", "."), (None, None)])

    def test_a_text_behind_an_interrupt_waits_for_nothing(self):
        one = self.live("""
async def simple_response(self, text, processors=None, participant=None):
    self.events.send(LLMResponseChunkEvent(delta=text))
    await asyncio.sleep(30)
""")
        session = one.open_session("acme")
        self.feed(one, session, {"type": "text", "text": "a"})
        one.heard(session, "text")
        self.feed(one, session, {"type": "interrupt"}, {"type": "text", "text": "b"})
        self.assertEqual(one.heard(session, "text")[-1]["text"], "b")
        one.ask("realtime/close", session=session)

    def test_one_finished_model_holds_one_session(self):
        one = self.worker(f"{HEAD}\nclass One(realtime.Realtime):\n    async def simple_audio_response(self, pcm): pass\n\nllm = One()\n")
        first = one.open_session("acme")
        refused = self.refused(one.open_session, "acme")
        self.assertEqual((refused.kind, "create_llm()" in str(refused.error["data"])), ("setup", True))
        one.ask("realtime/close", session=first)
        one.open_session("acme")

    def test_a_session_that_ends_while_it_opens_leaves_nothing_behind(self):
        one = self.live("""
async def connect(self):
    self._emit_disconnected_event("full")
    await asyncio.sleep(0.2)

async def _handle_events(self):
    print("handled", flush=True)
    await asyncio.sleep(60)
""")
        session = one.open_session("acme")
        self.assertEqual(one.heard(session, "closed")[-1]["reason"], "full")
        time.sleep(0.3)
        self.assertNotIn("handled", one.log())


if __name__ == "__main__":
    unittest.main()
