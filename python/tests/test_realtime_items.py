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


if __name__ == "__main__":
    unittest.main()
