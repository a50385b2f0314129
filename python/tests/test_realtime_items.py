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


class Modes(ItemsCase):
    def test_pieces_that_say_no_mode_are_one_answer(self):
        pieces = "[self._emit_agent_speech_transcription(each) for each in ('One', ' two', ' three.')]"
        said = [("delta", "One"), ("delta", " two"), ("delta", " three.")]
        for lines in ((pieces, SOUND, DONE), (SOUND, pieces, DONE), (SOUND, DONE, pieces)):
            told = self.told(*lines, SOUND, DONE, pieces)
            self.assertEqual([each for each in told if each[1] == "delta"],
                             [(item, *each) for item in "01" for each in said], lines)

    def test_an_event_that_says_no_mode_is_a_piece(self):
        event = "self.events.send(RealtimeAgentSpeechTranscriptionEvent(text={!r}))"
        self.assertEqual(self.told(event.format("One"), event.format(" two."), f"{SAID}('', mode='final')", event.format("Next")), [
            ("0", "delta", "One"), ("0", "delta", " two."), ("0", "final", "One two."), ("1", "delta", "Next")])

    def test_the_whole_text_behind_pieces_that_say_their_mode(self):
        self.assertEqual(self.told(f"{SAID}('One', mode='delta')", f"{SAID}('One.')", f"{SAID}('Two.')"), [
            ("0", "delta", "One"), ("0", "final", "One."), ("1", "delta", "Two.")])

    def test_modes_that_there_are_none_of(self):
        for mode in ("'partial'", "'finish'", "7", "['final']"):
            events = self.heard_of(f"""
async def simple_audio_response(self, pcm):
    for text in ("One", " two", "One two", "One two three"):
        self._emit_agent_speech_transcription(text, mode={mode})
        self._emit_user_speech_transcription(text, mode={mode})
    self._emit_error_event(ValueError())
""", audio(), until="error")
            for item in ("0", "user0"):
                self.assertEqual([each for each in self.short(events) if each[0] == item], [
                    (item, "delta", "One"), (item, "delta", " two"), (item, "replacement", "One two"),
                    (item, "replacement", "One two three")])
            said = [each["message"] for each in events if each["type"] == "warning"]
            self.assertEqual(len(said), 2, said)  # one for each line
            self.assertRegex(said[0], r" is no mode of a transcript at acme\.py:[0-9]+: they are `delta` .*`replacement` .*`final`")

    def test_a_mode_of_an_enum(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    self._emit_agent_speech_transcription("One.", mode=Mode.FINAL)
    self._emit_error_event(ValueError())
""", audio(), until="error", head="import enum\nclass Mode(enum.Enum):\n    FINAL = 'final'\n")
        self.assertEqual(self.short(events), [("0", "final", "One.")])


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


class Broken(ItemsCase):
    GIVE = {
        "chunk": "self.events.send(LLMResponseChunkEvent(delta=text))",
        "delta": "self._emit_agent_speech_transcription(text, mode='delta')",
        "final": "self._emit_agent_speech_transcription(text, mode='final')",
        "sound": "self._emit_audio_output_event(bytes(960), 24000)",
    }

    def test_an_answer_to_a_text_that_fails_halfway_is_over(self):
        for name, give in self.GIVE.items():
            one = self.live(f"""
async def simple_response(self, text, processors=None, participant=None):
    if text == "half":
        {give}
        raise ValueError("lost")
    self._emit_agent_speech_transcription(text, mode="final")
    self._emit_audio_output_event(bytes(960), 24000)
    self._emit_audio_output_done_event()

async def simple_audio_response(self, pcm):
    self._emit_agent_speech_transcription("spoken", mode="final")
    self._emit_audio_output_done_event()
""")
            for follows in ({"type": "text", "text": "whole"}, audio()):
                session = one.open_session("acme")
                self.feed(one, session, {"type": "text", "text": "half"})
                events = one.heard(session, "turn_done", 3)
                self.assertEqual([each["type"] for each in events[-2:]], ["error", "turn_done"], name)
                self.assertEqual(events[-1]["finishReason"], "error")
                self.assertEqual({item for item, *_ in self.short(events)}, {"0"}, name)
                self.feed(one, session, follows)
                events = one.heard(session, "audio_done")
                self.assertEqual({item for item, *_ in self.short(events)}, {"1"}, (name, events))
                one.ask("realtime/close", session=session)
                self.assertEqual(self.kinds(one.heard(session, "closed")), ["closed"])

    def test_an_answer_to_sound_that_fails_halfway_is_over(self):
        for where in ("await self.half()", "self.task = asyncio.ensure_future(self.half())"):
            for name, give in self.GIVE.items():
                one = self.live(f"""
async def half(self):
    text = "half"
    {give}
    raise ValueError("lost")

async def simple_audio_response(self, pcm):
    self.heard = getattr(self, "heard", 0) + 1
    if self.heard == 1:
        {where}
        return
    self._emit_agent_speech_transcription("spoken", mode="final")
    self._emit_audio_output_done_event()
""")
                session = one.open_session("acme")
                self.feed(one, session, audio())
                one.heard(session, "error")
                self.feed(one, session, audio())
                events = one.heard(session, "audio_done")
                self.assertEqual({item for item, *_ in self.short(events)}, {"1"}, (where, name))
                one.ask("realtime/close", session=session)

    def test_a_question_that_fails_unanswered_ends_no_other_answer(self):
        one = self.live("""
async def _handle_events(self):
    for number in range(6):
        await asyncio.sleep(0.1)
        self._emit_audio_output_event(bytes([number]) * 960, 24000)
    self._emit_audio_output_done_event()
    await asyncio.sleep(60)

async def simple_response(self, text, processors=None, participant=None):
    raise ValueError("not now")
""")
        session = one.open_session("acme")
        events = one.heard(session, "audio")
        self.feed(one, session, {"type": "text", "text": "x"})
        events += one.heard(session, "audio_done")
        self.assertEqual({item for item, *_ in self.short(events)}, {"0"})
        self.assertEqual(self.kinds(events).count("error"), 1)

    def test_an_answer_that_fails_behind_its_end_ended_once(self):
        events = self.heard_of("""
async def simple_response(self, text, processors=None, participant=None):
    self.events.send(LLMResponseChunkEvent(delta=text), LLMResponseCompletedEvent(text=text))
    raise ValueError("late")
""", {"type": "text", "text": "x"}, until="error")
        self.assertEqual(self.kinds(events), ["text", "turn_done", "error", "closed"])


if __name__ == "__main__":
    unittest.main()
