"""Live sessions with models of Vision Agents: how they end by themselves, and what is cut short in them."""

import time
import unittest

from test_realtime import LiveCase, audio

QUICK = "import consort_worker.vision.beside as beside\nbeside._GRACE, beside._PATIENCE = 0.3, 0.3\n"
SAY = "self._emit_agent_speech_transcription"


class Ending(LiveCase):
    def line_of(self, one, text):
        with open(one.config["file"], encoding="utf-8") as opened:
            return opened.read().partition(text)[0].count("\n") + 1

    def test_a_handler_that_has_read_to_its_end_ends_the_session(self):
        for connect in ("pass", "self.task = asyncio.create_task(self._handle_events())",
                        "asyncio.get_running_loop().call_later(0.1, lambda: setattr(self, 'task', "
                        "asyncio.ensure_future(self._handle_events())))"):
            one = self.live(f"""
async def connect(self):
    {connect}

async def _handle_events(self):
    {SAY}("hello")
    await asyncio.sleep(0.1)

async def simple_audio_response(self, pcm): pass
""", head=QUICK)
            session = one.open_session("acme")
            self.feed(one, session, audio())
            events = one.heard(session, "closed")
            at = self.line_of(one, "async def _handle_events")
            self.assertEqual(events[-1], {"type": "closed", "reason": f"its `_handle_events` ended (acme.py:{at})"}, connect)
            self.assertEqual(one.ask("ping"), {})

    def test_a_session_lives_on_behind_its_handler_where_the_model_does(self):
        for name, handler, audio_response in (
            ("it never waited, as on the page", "pass", f"{SAY}('heard')"),
            ("it answers by itself", "await asyncio.sleep(0.1)", f"{SAY}('heard')"),
            ("a thread of its own reads", "threading.Thread(target=self.read, daemon=True).start(); await asyncio.sleep(0.1)", "pass"),
            ("it began another", "await asyncio.sleep(0.1); self.runs = getattr(self, 'runs', 0) + 1\n"
                                 "    if self.runs == 1: asyncio.get_running_loop().call_later(0.1, self.again)\n"
                                 f"    else: {SAY}('heard'); await asyncio.sleep(60)", "pass"),
        ):
            one = self.live(f"""
def again(self):
    self.task = asyncio.ensure_future(self._handle_events())

async def _handle_events(self):
    {handler}

def read(self):
    time.sleep(0.6)
    self._emit_agent_speech_transcription("heard")
    time.sleep(60)

async def simple_audio_response(self, pcm):
    {audio_response}
""", head=QUICK + "import threading, time\n")
            session = one.open_session("acme")
            self.feed(one, session, audio())
            time.sleep(1)
            one.ask("realtime/close", session=session)
            events = one.heard(session, "closed")
            self.assertEqual([each.get("text") or each.get("reason") for each in events], ["heard", "asked for"], name)

    def test_a_plugin_that_waits_before_it_connects_again_is_waited_for_but_not_for_ever(self):
        for longest, heard in ((5, ["again", "asked for"]), (0.4, ["its `_handle_events` ended"])):
            one = self.live(f"""
async def connect(self):
    self.lost = asyncio.Event()
    self.reader = asyncio.create_task(self._handle_events())
    self.minder = asyncio.create_task(self.mind())

async def mind(self):
    await self.lost.wait()
    await asyncio.sleep(1.2)
    self.reader = asyncio.create_task(self._handle_events())
    await self.reader

async def _handle_events(self):
    if not self.lost.is_set():
        await asyncio.sleep(0.05)
        self.lost.set()
        return
    {SAY}("again")
    await asyncio.sleep(60)
""", head=f"{QUICK}beside._LONGEST = {longest}\n")
            session = one.open_session("acme")
            if longest == 5:
                events = one.heard(session, "transcript")
                one.ask("realtime/close", session=session)
            else:
                events = []
            events += one.heard(session, "closed")
            self.assertEqual([(each.get("text") or each["reason"]).partition(" (")[0] for each in events], heard)

    def test_a_task_that_nobody_looks_after_fails_aloud(self):
        body = """
async def {where}:
    self.task = asyncio.create_task(self.read())

async def read(self):
    await asyncio.sleep(0.05)
    raise ConnectionError("gone")

async def commit_audio(self):
    self._emit_audio_output_done_event()
"""
        events = self.heard_of(body.format(where="connect(self)"))
        self.assertEqual([events[0]["error"]["message"], events[-1]["reason"]], ["gone", "error"])
        self.assertRegex(events[0]["error"]["data"]["at"], r"acme\.py:[0-9]+")
        # What it began for one input fails with that alone.
        one = self.live(body.format(where="simple_audio_response(self, pcm)"))
        session = one.open_session("acme")
        self.feed(one, session, audio())
        self.assertEqual(one.heard(session, "error")[-1]["error"]["message"], "gone")
        self.feed(one, session, {"type": "commit"})
        self.assertEqual(self.kinds(one.heard(session, "audio_done")), ["audio_done"])

    def test_a_task_that_would_end_the_program_ends_its_session(self):
        for error in ("SystemExit('enough')", "KeyboardInterrupt()"):
            one = self.live(f"""
async def connect(self):
    if self._instructions == "fails":
        self.task = asyncio.create_task(self.read())

async def read(self):
    await asyncio.sleep(0.05)
    raise {error}

async def simple_response(self, text, processors=None, participant=None):
    self._emit_response_event(text="there")
""")
            other, session = one.open_session("acme"), one.open_session("acme", system="fails")
            events = one.heard(session, "closed")
            self.assertEqual((events[0]["error"]["data"]["kind"], events[-1]["reason"]), ("plugin_bug", "error"), events)
            self.feed(one, other, {"type": "text", "text": "x"})
            self.assertEqual(one.heard(other, "text")[-1]["text"], "there")

    def test_a_reason_that_is_no_text(self):
        events = self.heard_of("async def simple_audio_response(self, pcm): self._emit_disconnected_event(ConnectionError('gone'))", audio())
        self.assertEqual(events[-1]["reason"], "gone")

    def test_a_plugin_that_cancels_every_task_there_is_leaves_no_session_silent(self):
        one = self.live("""
async def close(self):
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()

async def simple_audio_response(self, pcm): pass
""")
        other, session = one.open_session("acme"), one.open_session("acme")
        one.start("realtime/close", session=session)
        self.assertEqual(one.heard(session, "closed")[-1]["reason"], "asked for")
        events = one.heard(other, "closed")
        self.assertEqual([events[0]["error"]["message"], events[-1]["reason"]],
                         ["the plugin cancelled a task of the session that is not its own", "error"])
        third = one.open_session("acme")
        self.feed(one, third, {"type": "smell"})
        one.heard(third, "warning")

    def test_no_key_is_told(self):
        events = self.heard_of("""
def __init__(self, api_key):
    super().__init__()
    self.key = api_key

async def simple_audio_response(self, pcm):
    self._emit_error_event(ValueError("bad key " + self.key))
    self.events.send(RealtimeAudioOutputEvent(audio_data=b"12", sample_rate=self.key))
    self._emit_disconnected_event("refused " + self.key)
""", audio(), secrets={"acme": "sk-secret-1"})
        self.assertEqual(self.kinds(events), ["error", "warning", "closed"])
        self.assertNotIn("sk-secret-1", str(events))
        self.assertEqual((events[0]["error"]["message"], events[2]["reason"]), ("ValueError: bad key •••", "refused •••"))

    def test_a_task_whose_failure_is_awaited_is_the_plugins_affair(self):
        events = self.heard_of(f"""
async def connect(self):
    self.task = asyncio.create_task(self.mind(asyncio.create_task(self.read())))

async def mind(self, task):
    try:
        await task
    except ConnectionError:
        {SAY}("lost")

async def read(self):
    await asyncio.sleep(0.05)
    raise ConnectionError("gone")

async def commit_audio(self):
    await asyncio.sleep(0.6)
    self._emit_audio_output_done_event()
""", {"type": "commit"}, until="audio_done")
        self.assertEqual(self.kinds(events), ["transcript", "audio_done", "closed"])

    def test_silence_that_nothing_will_end_is_told(self):
        for handler, more in (("async def _handle_events(self): pass", "; its `_handle_events` ended (acme.py:"), ("", "")):
            one = self.live(f"{handler}\nasync def simple_response(self, text, processors=None, participant=None): pass", QUICK)
            session = one.open_session("acme")
            self.feed(one, session, {"type": "text", "text": "a"}, {"type": "text", "text": "b"})
            said = one.heard(session, "warning")[-1]["message"]
            self.assertTrue(said.startswith("nothing came back for what was asked, and nothing of the plugin runs" + more), said)
            one.ask("realtime/close", session=session)
            self.assertEqual(self.kinds(one.heard(session, "closed")), ["closed"])  # once
        for connect in ("self.task = asyncio.create_task(asyncio.sleep(60))", "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"):
            one = self.live(f"""
async def connect(self): {connect}
async def simple_response(self, text, processors=None, participant=None): pass
""", QUICK + "import threading, time\n")
            session = one.open_session("acme")
            self.feed(one, session, {"type": "text", "text": "a"})
            time.sleep(0.6)
            one.ask("realtime/close", session=session)
            self.assertEqual(self.kinds(one.heard(session, "closed")), ["closed"])

    def test_where_an_opening_hung_is_noted(self):
        for wait in ("await asyncio.sleep(60)", "while True: time.sleep(0.01)"):
            one = self.live(f"async def connect(self):\n    x = 1\n    {wait}", "import time\n")
            ident = one.start("realtime/open", model="acme")
            time.sleep(0.3)
            one.send("cancel", request=ident)
            self.assertEqual(self.refused(one.answer, ident, 3).kind, "cancelled")
            self.assertIn(f"was given up while it opened; `connect` was at acme.py:{self.line_of(one, wait)}", one.log())

    def test_a_close_in_each_phase(self):
        for phase, body in (
            ("handler", f"async def _handle_events(self):\n    {SAY}('in')\n    await asyncio.sleep(60)"),
            ("sound", f"async def simple_audio_response(self, pcm):\n    {SAY}('in')\n    await asyncio.sleep(60)"),
            ("text", f"async def simple_response(self, text):\n    {SAY}('in')\n    await asyncio.sleep(60)"),
            ("interrupt", f"async def interrupt(self):\n    {SAY}('in')\n    await asyncio.sleep(60)"),
            ("commit", f"async def commit_audio(self):\n    {SAY}('in')\n    await asyncio.sleep(60)"),
            ("an iterator", f"async def simple_response(self, text):\n    {SAY}('in')\n    yield LLMResponseDelta('x')\n    await asyncio.sleep(60)"),
        ):
            one = self.live(f"{body}\nasync def close(self):\n    self.events.send(LLMResponseChunkEvent(delta='late'))")
            session = one.open_session("acme")
            self.feed(one, session, {"type": "text", "text": "x"}, audio(), {"type": "commit"}, {"type": "interrupt"})
            one.heard(session, "transcript")
            begun = time.monotonic()
            self.assertEqual(one.ask("realtime/close", session=session), {})
            self.assertLess(time.monotonic() - begun, 1)
            self.assertEqual(one.heard(session, "closed")[-1], {"type": "closed", "reason": "asked for"}, phase)
            self.feed(one, session, {"type": "text", "text": "x"}, audio(), {"type": "interrupt"})
            self.assertEqual(one.ask("ping"), {})
            self.assertTrue(one.sessions[session].empty(), phase)
            self.assertNotIn("was never", one.log())
            two = one.open_session("acme")
            one.ask("realtime/close", session=two)

    def test_a_close_that_never_ends_is_not_waited_for(self):
        one = self.live("async def close(self):\n    await asyncio.sleep(60)\nasync def simple_audio_response(self, pcm): pass",
                        "import consort_worker.vision.session as session\nsession._PATIENCE = 0.3\n")
        session = one.open_session("acme")
        self.assertEqual(one.ask("realtime/close", session=session), {})
        at = self.line_of(one, "await asyncio.sleep(60)")
        message = f"`close` did not end within 0.3 s and was given up (acme.py:{at})"
        self.assertIn(f"the session rt1: {message}", one.log())
        self.assertEqual(one.heard(session, "closed")[0], {"type": "warning", "message": message})

    def test_a_close_that_fails_is_told_with_its_line(self):
        one = self.live("async def close(self):\n    raise OSError('the socket is gone')")
        session = one.open_session("acme")
        one.ask("realtime/close", session=session)
        at = self.line_of(one, "raise OSError")
        self.assertEqual(one.heard(session, "closed"), [
            {"type": "warning", "message": f"`close` failed: OSError: the socket is gone (acme.py:{at})"},
            {"type": "closed", "reason": "asked for"},
        ])


class Told(LiveCase):
    """What is told of a plugin's mistakes, and how often."""

    line_of = Ending.line_of

    def warnings(self, events):
        return [event["message"] for event in events if event["type"] == "warning"]

    def test_a_forgotten_await_is_told_once_in_each_session(self):
        one = self.live("""
async def simple_audio_response(self, pcm):
    asyncio.sleep(1)
    if pcm.sample_rate == 16000:
        self._emit_audio_output_done_event()
""")
        for _ in range(2):
            session = one.open_session("acme")
            self.feed(one, session, *[audio()] * 5, audio(rate=16000))
            one.heard(session, "audio_done")
            one.ask("realtime/close", session=session)
        at = self.line_of(one, "asyncio.sleep(1)")
        message = f"coroutine 'sleep' was never awaited (acme.py:{at}): `await` is missing before the call"
        self.assertEqual(one.log().count("was never awaited"), 1, one.log())
        session = one.open_session("acme")
        self.feed(one, session, *[audio()] * 5, audio(rate=16000))
        self.assertEqual(self.warnings(one.heard(session, "audio_done")), [message])

    def test_an_await_that_was_put_in_is_told_where_one_talks(self):
        one = self.live("""
async def simple_audio_response(self, pcm):
    self.say()

async def say(self):
    self._emit_audio_output_done_event()
""")
        at = self.line_of(one, "self.say()")
        session = one.open_session("acme")
        self.feed(one, session, audio())
        self.assertEqual(self.warnings(one.heard(session, "audio_done")),
                         [f"line {at}: `say(…)` is a coroutine that nobody awaits; it is awaited here"])

    def test_what_fails_with_each_piece_of_sound_is_told_once_and_counted(self):
        for body in ("raise ValueError('too short')", "self.task = asyncio.create_task(self.fail())"):
            one = self.live(f"""
async def simple_audio_response(self, pcm):
    {body}

async def fail(self):
    raise ValueError('too short')

async def commit_audio(self):
    await asyncio.sleep(0.5)
    self._emit_audio_output_done_event()
""")
            session = one.open_session("acme")
            self.feed(one, session, *[audio()] * 50)
            time.sleep(1)
            at = self.line_of(one, "raise ValueError")
            for times in (49, 1):
                self.feed(one, session, {"type": "commit"})
                events = one.heard(session, "audio_done")
                told = [event["error"]["message"] for event in events if event["type"] == "error"]
                self.assertEqual(told, [f"ValueError: too short at acme.py:{at}"], body)
                more = f"{times} more times" if times > 1 else "once more"
                self.assertEqual(self.warnings(events), [f"the same failed {more}: {told[0]}"])
                self.feed(one, session, *[audio()] * 2)
                time.sleep(1)
            one.ask("realtime/close", session=session)
            self.assertEqual(self.kinds(one.heard(session, "closed")), ["error", "warning", "closed"])

    def test_an_option_that_it_has_not_is_refused(self):
        one = self.live("async def simple_audio_response(self, pcm): pass")
        refused = self.refused(one.open_session, "acme", options={"nope": 1})
        self.assertEqual((refused.kind, str(refused)), ("invalid_request", "acme has no option `nope`"))


class Cutting(LiveCase):
    def test_a_text_that_is_being_answered_is_cancelled(self):
        one = self.live(f"""
async def simple_response(self, text, processors=None, participant=None):
    try:
        self.events.send(LLMResponseChunkEvent(delta=text))
        if text == "b":
            self.events.send(LLMResponseCompletedEvent(text=text))
            return
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        {SAY}("stopped")
        raise RuntimeError("on its way out")

async def interrupt(self):
    {SAY}("interrupted")
""")
        session = one.open_session("acme")
        self.feed(one, session, {"type": "text", "text": "a"}, {"type": "text", "text": "b"})
        one.heard(session, "text")
        self.feed(one, session, {"type": "interrupt"})
        events = one.heard(session, "turn_done") + one.heard(session, "turn_done")
        self.assertEqual([each.get("finishReason") or each.get("text") for each in events if each.get("text") not in (
            "stopped", "interrupted")], ["interrupted", "b", "stop"])
        self.assertEqual({each.get("text") for each in events} & {"stopped", "interrupted"}, {"stopped", "interrupted"})

    def test_an_answer_that_does_not_stop_is_not_heard_further(self):
        one = self.live("""
async def simple_response(self, text, processors=None, participant=None):
    for word in text, "late":
        self.events.send(LLMResponseChunkEvent(delta=word))
        self._emit_audio_output_event(bytes(960), 24000)
        try:
            await asyncio.sleep(60 if word == "a" else 0.1)
        except asyncio.CancelledError:
            pass
    self.events.send(LLMResponseCompletedEvent(text=text + "late"))
""")
        session = one.open_session("acme")
        self.feed(one, session, {"type": "text", "text": "a"})
        one.heard(session, "audio")
        self.feed(one, session, {"type": "interrupt"}, {"type": "text", "text": "b"})
        events = one.heard(session, "turn_done") + one.heard(session, "turn_done")
        self.assertEqual([(each["type"], each.get("text") or each.get("finishReason")) for each in events if each["type"] != "warning"], [
            ("turn_done", "interrupted"), ("text", "b"), ("audio", None), ("text", "late"), ("audio", None), ("turn_done", "stop")])
        self.assertRegex([each["message"] for each in events if each["type"] == "warning"][0],
                         r"words of an answer that was interrupted were left out at acme\.py:[0-9]+")

    def test_texts_behind_one_that_is_cut_keep_their_order(self):
        for stubborn in (False, True):
            one = self.live(f"""
async def simple_response(self, text, processors=None, participant=None):
    if text == "a":
        self.events.send(LLMResponseChunkEvent(delta="a"))
        for _ in range(100):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                if not {stubborn}: raise
    for _ in range(3):
        self.events.send(LLMResponseChunkEvent(delta=text))
        await asyncio.sleep(0.02)
    self.events.send(LLMResponseCompletedEvent(text=text * 3))
""")
            session = one.open_session("acme")
            self.feed(one, session, {"type": "text", "text": "a"}, {"type": "text", "text": "b"})
            one.heard(session, "text")
            self.feed(one, session, {"type": "interrupt"}, {"type": "text", "text": "c"})
            events = [each for _ in range(3) for each in one.heard(session, "turn_done")]
            self.assertEqual("".join(each.get("text") or "." for each in events), ".bbb.ccc.", stubborn)
            one.ask("realtime/close", session=session)

    def test_an_answer_that_holds_everything_up_is_broken_into(self):
        one = self.live(f"""
async def simple_response(self, text, processors=None, participant=None):
    self.events.send(LLMResponseChunkEvent(delta=text))
    while text == "a":
        time.sleep(0.01)

async def interrupt(self):
    {SAY}("interrupted")
""", "import time\n")
        session, other = one.open_session("acme"), one.open_session("acme")
        self.feed(one, session, {"type": "text", "text": "a"})
        one.heard(session, "text")
        self.feed(one, session, {"type": "interrupt"}, {"type": "text", "text": "b"})
        events = one.heard(session, "text", 5)
        self.assertEqual(self.kinds(events), ["turn_done", "transcript", "text"])
        self.feed(one, other, {"type": "text", "text": "c"})
        self.assertEqual(one.heard(other, "text")[-1]["text"], "c")

    def test_sound_that_is_being_answered_is_cut_and_what_is_only_heard_is_not(self):
        one = self.live(f"""
async def simple_audio_response(self, pcm):
    self.heard = getattr(self, "heard", 0) + 1
    if self.heard == 1:
        self._emit_audio_output_event(bytes(960), 24000)
        await asyncio.sleep(60)
    if self.heard == 2:
        await asyncio.sleep(0.4)
        {SAY}("kept")
    {SAY}(str(self.heard))
""")
        session = one.open_session("acme")
        self.feed(one, session, audio())
        one.heard(session, "audio")
        self.feed(one, session, {"type": "interrupt"}, audio())
        time.sleep(0.2)
        self.feed(one, session, {"type": "interrupt"}, audio())
        events = one.heard(session, "transcript") + one.heard(session, "transcript") + one.heard(session, "transcript")
        self.assertEqual([each["text"] for each in events], ["kept", "2", "3"])


if __name__ == "__main__":
    unittest.main()
