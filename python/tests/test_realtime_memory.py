"""What a live session's plugin knows of what was said in it."""

import unittest

from guide_case import needs_guides
from harness import assistant, user
import test_realtime
from test_realtime import LiveCase, audio

READ = """
async def commit_audio(self):
    self._emit_error_event(ValueError(repr([(each.role, each.content) for each in self._conversation.messages])))
"""


class Memory(LiveCase):
    def known(self, body, *inputs, until, head="", **params):
        """The conversation behind these inputs, each of which is waited for."""
        one = self.live(body + READ, head)
        session = one.open_session("acme", **params)
        for each in inputs:
            self.feed(one, session, each)
            one.heard(session, until)
        return self.read(one, session)

    def read(self, one, session):
        self.feed(one, session, {"type": "commit"})
        return self.said(one, session)

    def said(self, one, session):
        said = one.heard(session, "error")[-1]["error"]["message"]
        return eval(said.partition(": ")[2])  # of our own repr

    def test_what_is_said_goes_into_the_conversation(self):
        before = [user("Before?"), assistant("Before.")]
        first = [("user", "Before?"), ("assistant", "Before.")]
        for name, give in (
            ("final", "self._emit_agent_speech_transcription('Yes.', mode='final'); {done}"),
            ("pieces", "[self._emit_agent_speech_transcription(each, mode='delta') for each in ('Y', 'es.')]; {done}"),
            ("late", "self._emit_agent_speech_transcription('Ye', mode='delta'); {done}; "
                     "self._emit_agent_speech_transcription('Yes.', mode='final'); {done}"),
            ("words", "self.events.send(LLMResponseChunkEvent(delta='Yes.'), LLMResponseCompletedEvent(text='Yes.')); {done}"),
            ("both", "self._emit_response_event('Yes.'); self._emit_agent_speech_transcription('Yes.', mode='final'); {done}"),
        ):
            give = give.format(done="self._emit_audio_output_done_event()")
            for ask in ("self._emit_user_speech_transcription('Here?', mode='final')",
                        "self._emit_user_speech_transcription('He', mode='delta'); "
                        "self._emit_user_speech_transcription('re?', mode='delta')"):
                known = self.known(f"""
async def simple_audio_response(self, pcm):
    {ask}
    self._emit_audio_output_event(bytes(960), 24000)
    {give}
""", audio(), until="audio_done", messages=before)
                # The last one may come behind the end that was waited for.
                self.assertEqual(known, [*first, ("user", "Here?"), ("assistant", "Yes.")], (name, ask))

    def test_texts_and_their_answers(self):
        for give in ("return 'Yes.'", "self._emit_response_event('Yes.')"):
            known = self.known(f"""
async def simple_response(self, text, processors=None, participant=None):
    assert not any(each.content == text for each in self._conversation.messages)
    {give}
""", {"type": "text", "text": "One?"}, {"type": "text", "text": "Two?"}, until="turn_done")
            self.assertEqual(known, [("user", "One?"), ("assistant", "Yes."), ("user", "Two?"), ("assistant", "Yes.")])

    def test_a_text_that_is_answered_elsewhere(self):
        known = self.known("""
async def connect(self):
    self.texts = asyncio.Queue()

async def _handle_events(self):
    while True:
        text = await self.texts.get()
        await asyncio.sleep(0.1)
        self._emit_agent_speech_transcription("to " + text, mode="final")
        self._emit_audio_output_done_event()

async def simple_response(self, text, processors=None, participant=None):
    await self.texts.put(text)
""", {"type": "text", "text": "one"}, {"type": "text", "text": "two"}, until="audio_done")
        self.assertEqual(known, [("user", "one"), ("assistant", "to one"), ("user", "two"), ("assistant", "to two")])

    def test_a_plugin_that_connects_again_has_its_history(self):
        one = self.live("""
async def connect(self):
    self.lost = asyncio.Event()

async def _handle_events(self):
    await self.lost.wait()
    self._emit_error_event(ValueError(repr([(each.role, each.content) for each in self._conversation.messages])))
    await asyncio.sleep(60)

async def simple_response(self, text, processors=None, participant=None):
    if text == "lose":
        self.lost.set()
    return "said"
""")
        session = one.open_session("acme")
        for text in ("first", "lose"):
            self.feed(one, session, {"type": "text", "text": text})
        said = one.heard(session, "error")[-1]["error"]["message"].partition(": ")[2]
        self.assertEqual(eval(said)[:2], [("user", "first"), ("assistant", "said")])

    def test_what_the_plugin_keeps_itself_is_not_there_twice(self):
        known = self.known("""
async def simple_response(self, text, processors=None, participant=None):
    await self._conversation.send_message("user", "u", text)
    await self._conversation.send_message("assistant", "a", "Yes.")
    return "Yes."
""", {"type": "text", "text": "One?"}, until="turn_done")
        self.assertEqual(known, [("user", "One?"), ("assistant", "Yes.")])

    def test_what_the_user_said_is_corrected_where_it_stands(self):
        user, done = "self._emit_user_speech_transcription", "self._emit_audio_output_done_event()"
        answer = f"self._emit_agent_speech_transcription('Sunny.', mode='final'); self._emit_audio_output_event(bytes(960), 24000); {done}"
        for name, said, known in (
            ("a final text", ("'whats the wether', mode='replacement'", None, "'What\\'s the weather in Oslo?', mode='final'"),
             [("user", "What's the weather in Oslo?"), ("assistant", "Sunny.")]),
            ("pieces", ("'whats ', mode='delta'", "'wether', mode='delta'", None, "'What weather?', mode='final'"),
             [("user", "What weather?"), ("assistant", "Sunny.")]),
            ("behind an answer", ("'Oh. ', mode='delta'", None, "'Wether', mode='delta'", None, "'Oh. Weather?', mode='final'"),
             [("user", "Oh. "), ("assistant", "Sunny."), ("user", "Weather?"), ("assistant", "Sunny.")]),
            ("it goes on", ("'Oh. ', mode='delta'", None, "'Weather?', mode='delta'", None, "'Oh. Weather?', mode='final'"),
             [("user", "Oh. "), ("assistant", "Sunny."), ("user", "Weather?"), ("assistant", "Sunny.")]),
            ("the next", ("'One?', mode='final'", None, "'Two?', mode='replacement'", None, "'Two!', mode='final'"),
             [("user", "One?"), ("assistant", "Sunny."), ("user", "Two!"), ("assistant", "Sunny.")]),
        ):
            lines = "\n    ".join(answer if each is None else f"{user}({each})" for each in said)
            found = self.known(f"""
async def simple_audio_response(self, pcm):
    {lines}
    self._emit_error_event(ValueError())
""", audio(), until="error")
            self.assertEqual(found, known, name)

    def test_what_a_user_says_without_an_end_has_a_bound(self):
        head = "import consort_worker.vision.remembered as remembered\nremembered._PIECES, remembered._HEARD = 10, 60\n"
        for answer in ("pass", "self._emit_agent_speech_transcription('Yes.', mode='final'); self._emit_audio_output_done_event()"):
            one = self.live(f"""
async def simple_audio_response(self, pcm):
    for number in range(100):
        self._emit_user_speech_transcription(f"{{number:02}} ", mode="delta")
        if number % 40 == 39:
            {answer}
    kept = self.events._session.so_far["user"]
    self._emit_error_event(ValueError(repr((len(kept), sum(map(len, kept))))))
""" + READ, head)
            session = one.open_session("acme")
            self.feed(one, session, audio())
            pieces, letters = self.said(one, session)
            self.assertLess(pieces, 12, answer)
            self.assertLess(letters, 100, answer)
            told = "".join(said for who, said in self.read(one, session) if who == "user")
            # What came behind the last answer is there once it is answered.
            expected = "".join(f"{number:02} " for number in range(100))
            self.assertTrue(expected.startswith(told) and len(told) >= 80 * 3, told)

    def test_what_a_conversation_holds_has_a_bound(self):
        known = self.known("async def simple_response(self, text, processors=None, participant=None): return text",
                           *[{"type": "text", "text": str(number)} for number in range(5)], until="turn_done",
                           head="import consort_worker.vision.remembered as remembered\nremembered._MOST = 4\n")
        self.assertEqual([said for _, said in known], ["3", "3", "4", "4"])

    def test_a_message_that_cannot_be_made_takes_no_answer_with_it(self):
        one = self.live("""
def _normalize_message(self, text):
    raise KeyError("content")

async def simple_response(self, text, processors=None, participant=None):
    return "Yes."
""" + READ)
        session = one.open_session("acme")
        self.feed(one, session, {"type": "text", "text": "One?"})
        one.heard(session, "turn_done")
        self.assertRegex(one.heard(session, "warning")[-1]["message"], r"KeyError: 'content' \(acme\.py:[0-9]+\)")
        self.assertEqual(self.read(one, session), [("user", "One?"), ("assistant", "Yes.")])


@needs_guides
class Page(LiveCase):
    page = test_realtime.Guide.page

    def test_the_instructions_of_the_page_hold_what_was_said(self):
        one = self.worker(self.page())
        session = one.open_session("acme", system="Be brief.")
        for known in ("[{'text': 'Be brief.'}]", r"Be brief.\n\nThe conversation so far:\nuser: hi\nassistant: system: [{"):
            self.feed(one, session, {"type": "text", "text": "hi"})
            said = "".join(each["text"] for each in one.heard(session, "turn_done") if each["type"] == "text")
            self.assertIn(known, said)


if __name__ == "__main__":
    unittest.main()
