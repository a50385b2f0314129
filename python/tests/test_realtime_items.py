"""Live sessions with models of Vision Agents: which answer each word and each sound is of, in whatever forms they are mixed."""

import unittest

from test_realtime import LiveCase, audio

SAID, HEARD = "self._emit_agent_speech_transcription", "self._emit_user_speech_transcription"
SOUND, DONE = "self._emit_audio_output_event(bytes(960), 24000)", "self._emit_audio_output_done_event()"


class ItemsCase(LiveCase):
    def told(self, *lines):
        """What one piece of sound is answered with, as `(item, mode or type, text)`."""
        body = "async def simple_audio_response(self, pcm):\n    " + "\n    ".join(lines) + "\n    self._emit_error_event(ValueError())"
        return self.short(self.heard_of(body, audio(), until="error"))

    def short(self, events):
        return [(each["item"].rpartition(".")[2], each.get("mode") or each["type"], each.get("text")) for each in events
                if "item" in each]


class Finals(ItemsCase):
    def test_an_empty_final_text_ends_what_was_said_and_takes_nothing_of_it(self):
        self.assertEqual(self.told(
            f"{HEARD}('How ', mode='delta')", f"{HEARD}('are you?', mode='delta')", f"{HEARD}('', mode='final')",
            f"{SAID}('I am ', mode='delta')", SOUND, f"{SAID}('well.', mode='delta')", DONE, f"{SAID}('', mode='final')",
            f"{HEARD}('Good', mode='replacement')", f"{HEARD}('Good.', mode='replacement')", f"{HEARD}(' ', mode='final')",
            f"{SAID}('Yes.', mode='delta')",
        ), [
            ("user0", "delta", "How "), ("user0", "delta", "are you?"), ("user0", "final", "How are you?"),
            ("0", "delta", "I am "), ("0", "audio", None), ("0", "delta", "well."), ("0", "audio_done", None),
            ("0", "final", "I am well."),
            ("user1", "replacement", "Good"), ("user1", "replacement", "Good."), ("user1", "final", "Good."),
            ("1", "delta", "Yes."),
        ])

    def test_an_empty_final_text_of_which_nothing_is_known_is_no_answer(self):
        self.assertEqual(self.told(f"{HEARD}('', mode='final')", f"{SAID}('', mode='final')", f"{SAID}('One.', mode='final')",
                                   f"{SAID}('', mode='final')", f"{HEARD}('Two.', mode='final')", f"{HEARD}('', mode='final')"),
                         [("0", "final", "One."), ("user0", "final", "Two.")])


class Mixed(ItemsCase):
    WRITTEN = "self.events.send(LLMResponseChunkEvent(delta='In words.'), LLMResponseCompletedEvent(text='In words.'))"

    def test_a_spoken_answer_behind_a_written_one_keeps_its_words(self):
        for first in (self.WRITTEN, "self.events.send(RealtimeResponseEvent(text='In words.'))"):
            self.assertEqual(self.told(first, f"{SAID}('Spoken.', mode='final')", SOUND, DONE), [
                ("0", "text", "In words."), ("1", "final", "Spoken."), ("1", "audio", None), ("1", "audio_done", None)])
            self.assertEqual(self.told(first, f"{SAID}('Spo', mode='delta')", SOUND, DONE)[1:], [
                ("1", "delta", "Spo"), ("1", "audio", None), ("1", "audio_done", None)])

    def test_an_answer_in_words_and_sound_is_one_and_its_words_again_are_its_own(self):
        self.assertEqual(self.told(SOUND, self.WRITTEN, f"{SAID}('In words.', mode='final')", f"{SAID}('Next.', mode='final')"), [
            ("0", "audio", None), ("0", "text", "In words."), ("0", "final", "In words."), ("1", "final", "Next.")])
        self.assertEqual(self.told(SOUND, self.WRITTEN, f"{SAID}('Next.', mode='final')", SOUND, DONE)[2:], [
            ("1", "final", "Next."), ("1", "audio", None), ("1", "audio_done", None)])


class Texts(ItemsCase):
    FORMS = """
async def simple_response(self, text, processors=None, participant=None):
    form, text = text.split()
    if form == "final": self._emit_agent_speech_transcription(text, mode="final")
    if form == "deltas": [self._emit_agent_speech_transcription(each, mode="delta") for each in text]
    if form == "unended": self._emit_audio_output_event(bytes(960), 24000)
    if form == "spoken":
        self._emit_agent_speech_transcription(text, mode="final")
        self._emit_audio_output_event(bytes(960), 24000)
        self._emit_audio_output_done_event()
    if form == "response": return LLMResponseEvent(None, text)
    if form == "chunk": self.events.send(LLMResponseChunkEvent(delta=text))
    if form == "str": return text
"""

    def test_answers_of_different_forms_are_items_of_their_own(self):
        until = {"final": "transcript", "deltas": "transcript", "unended": "audio", "spoken": "audio_done",
                 "response": "turn_done", "chunk": "text", "str": "turn_done"}
        one = self.live("from vision_agents.core.llm.llm import LLMResponseEvent\n" + self.FORMS)
        for first in until:
            for second in until:
                session = one.open_session("acme")
                for number, text in enumerate((f"{first} a", f"{second} b", f"{first} c")):
                    self.feed(one, session, {"type": "text", "text": text})
                    events = one.heard(session, until[text.split()[0]])
                    self.assertEqual({item for item, *_ in self.short(events)}, {str(number)}, (first, second, events))
                one.ask("realtime/close", session=session)

    def test_the_answer_to_a_text_ends_nothing_that_is_still_read_elsewhere(self):
        one = self.live("""
async def _handle_events(self):
    for number in range(6):
        await asyncio.sleep(0.1)
        self._emit_audio_output_event(bytes([number]) * 960, 24000)
    self._emit_audio_output_done_event()
    await asyncio.sleep(60)

async def simple_response(self, text, processors=None, participant=None): pass
""")
        session = one.open_session("acme")
        events = one.heard(session, "audio")
        self.feed(one, session, {"type": "text", "text": "and then?"})
        self.assertEqual({item for item, *_ in self.short(events + one.heard(session, "audio_done"))}, {"0"})


if __name__ == "__main__":
    unittest.main()
