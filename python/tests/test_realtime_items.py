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


if __name__ == "__main__":
    unittest.main()
