"""Live sessions with models of Vision Agents: the page, the three forms of the contract, sound, and how they end."""

import base64
import os
import time
import unittest

from guide_case import block, needs_guides
from test_vision import VisionCase

HEAD = """
import asyncio
from vision_agents.core.llm import realtime
from vision_agents.core.llm.events import *
from vision_agents.core.llm.realtime import *
"""
SOUND = bytes(range(0, 96, 1)) * 10  # 20 ms of 24 kHz


def audio(data=SOUND, rate=24000, **more):
    return {"type": "audio", "data": base64.b64encode(data).decode(), "rate": rate, "channels": 1, **more}


class LiveCase(VisionCase):
    def live(self, body, head="", **config):
        lines = "\n".join("    " + line for line in body.strip("\n").split("\n"))
        return self.worker(f"{HEAD.lstrip()}{head}\nclass One(realtime.Realtime):\n{lines}\n", **config)

    def feed(self, one, session, *inputs):
        one.send("realtime/input", session=session, inputs=list(inputs))

    def heard_of(self, body, *inputs, until="closed", head="", **params):
        """The events of a session that is fed and closed by the plugin or the test."""
        one = self.live(body, head)
        session = one.open_session("acme", **params)
        self.feed(one, session, *inputs)
        if until == "closed":
            return one.heard(session, "closed")
        found = one.heard(session, until)
        one.ask("realtime/close", session=session)
        return found + one.heard(session, "closed")

    def kinds(self, events):
        return [event["type"] for event in events]


@needs_guides
class Guide(LiveCase):
    def page(self, after=""):
        return block("001", "class MyRealtime") + f'''
audio_content = bytes(960)

class Chunk:
    def __init__(self, text): self.text = text

class FakeClient:
    async def mynativemethod(self, *args, **kwargs):
        return (Chunk(word) for word in ("system: ", str(kwargs.get("system"))))

def create_llm(model):
    return MyRealtime(model, FakeClient())
{after}'''

    def test_the_page_as_it_stands(self):
        one = self.worker(self.page())
        self.assertEqual(one.about["capabilities"]["realtime"], True)
        (card,) = one.ask("models/list")["models"]
        self.assertEqual((card["id"], card["kind"], card["capabilities"]["output"]), ("acme", "realtime", ["text", "audio/*"]))
        session = one.open_session("acme", system="Be brief.")
        warned, event = one.heard(session, "audio")  # by event and by track: once
        # The page forgets an `await`, which the author is told.
        self.assertEqual(warned["type"], "warning")
        self.assertIn("`mynativemethod(…)` is a coroutine that nobody awaits", warned["message"])
        self.assertEqual((base64.b64decode(event["data"]), event["rate"], event["channels"]), (bytes(960), 24000, 1))
        self.feed(one, session, {"type": "text", "text": "hi"}, audio())
        events = one.heard(session, "turn_done")
        self.assertEqual(self.kinds(events), ["text", "text", "turn_done"])
        self.assertEqual(events[1]["text"], "[{'text': 'Be brief.'}]")
        one.ask("realtime/close", session=session)
        self.assertEqual(one.heard(session, "closed"), [{"type": "closed", "reason": "asked for"}])
        self.assertEqual(self.refused(one.ask, "realtime/close", session=session).kind, "invalid_request")

    def test_events_with_their_fields(self):
        one = self.worker(self.page())
        session = one.open_session("acme", meta={"raw": True})
        event = one.heard(session, "raw")[-1]["value"]
        self.assertEqual((event["event"], event["fields"]["plugin_name"], event["fields"]["sample_rate"]),
                         ("RealtimeAudioOutputEvent", "gemini", 24000))

    def test_two_sessions_do_not_meet(self):
        one = self.worker(self.page('''
async def said(self, pcm):
    self.events.send(RealtimeAgentSpeechTranscriptionEvent(text=self._instructions))
MyRealtime.simple_audio_response = said
'''))
        first, second = (one.open_session("acme", system=word) for word in ("one", "two"))
        self.assertNotEqual(first, second)
        for session in (second, first):
            self.feed(one, session, audio())
        self.assertEqual([one.heard(each, "transcript")[-1]["text"] for each in (first, second)], ["one", "two"])


class Eras(LiveCase):
    def test_sound_of_each_form(self):
        for name, body in (
            ("bytes in an event", "self.events.send(RealtimeAudioOutputEvent(audio_data=pcm.to_bytes(), sample_rate=24000))"),
            ("bytes of floats", "from vision_agents.core.events import AudioFormat\n    self.events.send("
                                "RealtimeAudioOutputEvent(audio_data=pcm.to_float32().to_bytes(), sample_rate=24000, "
                                "audio_format=AudioFormat.PCM_F32))"),
            ("PcmData in an event", "self.events.send(RealtimeAudioOutputEvent(data=pcm, response_id='r', epoch=0))"),
            ("an item", "self.output.send_nowait(RealtimeAudioOutput(data=pcm, response_id='r'))"),
            ("the track alone", "await self.output_track.write(pcm.to_bytes())"),
            ("the helper", "self._emit_audio_output_event(pcm.to_bytes(), 24000)"),
            ("event and track", "self.events.send(RealtimeAudioOutputEvent(audio_data=pcm.to_bytes(), sample_rate=24000))\n"
                                "    await self.output_track.write(pcm.to_bytes())"),
            ("track and event", "await self.output_track.write(pcm.to_bytes())\n"
                                "    self.events.send(RealtimeAudioOutputEvent(audio_data=pcm.to_bytes(), sample_rate=24000))"),
            ("event, and track in another rate", "self.events.send(RealtimeAudioOutputEvent(data=pcm))\n"
                                                 "    await self.output_track.write(pcm.resample(48000, 2))"),
        ):
            with self.subTest(name):
                events = self.heard_of(f"async def simple_audio_response(self, pcm, participant=None):\n    {body}\n"
                                       "    self._emit_audio_output_done_event()", audio(), until="audio_done")
                self.assertEqual(self.kinds(events), ["audio", "audio_done", "closed"])
                self.assertEqual((base64.b64decode(events[0]["data"]), events[0]["rate"]), (SOUND, 24000))

    def test_rates_and_channels_are_those_of_the_protocol(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm, participant=None):
    for rate, channels in ((3999, 1), (192_001, 1), (True, 1), (8000, 0), (8000, 17), (4000, 1), (192_000, 16)):
        self.events.send(RealtimeAudioOutputEvent(audio_data=bytes(64), sample_rate=rate, channels=channels))
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
        said = [event["message"] for event in events if event["type"] == "warning"]
        self.assertEqual(len(said), 5, events)
        self.assertIn("a sample rate of 3999, where 4000 to 192000 are taken", said[0])
        self.assertIn("17, where 1 to 16 are taken", said[-1])
        taken = [(event["rate"], event["channels"]) for event in events if event["type"] == "audio"]
        self.assertEqual(taken, [(4000, 1), (192_000, 16)])

    def test_equal_pieces_of_one_way_are_all_heard(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    for _ in range(3):
        self.events.send(RealtimeAudioOutputEvent(audio_data=bytes(960), sample_rate=24000))
        await self.output_track.write(bytes(960))
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
        self.assertEqual(self.kinds(events), ["audio"] * 3 + ["audio_done", "closed"])

    def test_transcripts_and_speech(self):
        body = """
async def simple_audio_response(self, pcm, participant):
    self._emit_user_speech_transcription("hello", original=object())
    self._emit_agent_speech_transcription("hi", mode="delta")
    self.output.send_nowait(RealtimeUserTranscript(participant, "replacement", "hello you"))
    self.output.send_nowait(RealtimeAgentTranscript(mode="final", text="hi there"))
    self._emit_user_speech_started()
    self._emit_user_speech_ended()
    self._emit_agent_speech_started("r")
    self._emit_agent_speech_ended("r", interrupted=True)
    self.events.send(RealtimeUserSpeechTranscriptionEvent(text=str((participant, pcm.participant))))
    self._emit_disconnected_event("enough")
"""
        events = self.heard_of(body, audio(), meta={"participant": "ada"})
        self.assertEqual([(e["role"], e["mode"], e["text"]) for e in events[:4]], [
            ("user", "final", "hello"), ("assistant", "delta", "hi"), ("user", "replacement", "hello you"),
            ("assistant", "final", "hi there")])
        items = [event["item"] for event in events[:4]]
        self.assertEqual(items, ["rt1.user0", "rt1.0", "rt1.user1", "rt1.0"])
        self.assertEqual([(e["type"], e["role"]) for e in events[4:8]], [
            ("speech_started", "user"), ("speech_stopped", "user"), ("speech_started", "assistant"),
            ("speech_stopped", "assistant")])
        who = "Participant(user_id='ada', id='ada')"
        self.assertEqual(events[8]["text"], f"({who}, {who})")
        self.assertEqual(events[-1], {"type": "closed", "reason": "enough"})

    def test_words_of_each_form_come_once(self):
        for body, words in (
            ("self.events.send(LLMResponseChunkEvent(delta='a'), LLMResponseCompletedEvent(text='ab', input_tokens=1))", "ab"),
            ("self.events.send(RealtimeResponseEvent(text='a', is_complete=False), RealtimeResponseEvent(text='b'))", "ab"),
            ("return LLMResponseEvent(None, 'ab')", "ab"),
            ("yield LLMResponseDelta('a'); yield LLMResponseFinal('ab')", "ab"),
            ("self.events.send(LLMResponseChunkEvent(delta='ab')); yield LLMResponseDelta('ab')\n"
             "    self.events.send(LLMResponseCompletedEvent(text='ab'))", "ab"),
        ):
            with self.subTest(body):
                events = self.heard_of(f"async def simple_response(self, text, processors=None, participant=None):\n    {body}",
                                       {"type": "text", "text": "x"}, until="turn_done")
                self.assertEqual("".join(event.get("text", "") for event in events), words)
                self.assertEqual(self.kinds(events)[-2:], ["turn_done", "closed"])

    def test_the_handler_runs_once(self):
        for connect in ("pass", "self.task = asyncio.create_task(self._handle_events())", "await self._handle_events()"):
            events = self.heard_of(f"""
async def connect(self):
    {connect}

async def _handle_events(self):
    self.events.send(RealtimeAgentSpeechTranscriptionEvent(text="ran"))

async def simple_audio_response(self, pcm):
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
            self.assertEqual(self.kinds(events), ["transcript", "audio_done", "closed"], connect)

    def test_abstract_methods_that_a_version_adds(self):
        events = self.heard_of("""
@abc.abstractmethod
async def watch_video_track(self, track): ...

async def simple_audio_response(self, pcm):
    await self.watch_video_track(None)
    self._emit_audio_output_done_event()
""", audio(), until="audio_done", head="import abc\n")
        self.assertEqual(self.kinds(events), ["audio_done", "closed"])

    def test_an_update_counts_from_then_on(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    self._emit_agent_speech_transcription(f"{self._instructions} {self.get_available_functions()[0]['name']}")
    self._emit_audio_output_done_event()
""", {"type": "update", "system": "two", "voice": "alto", "tools": [{"name": "weather"}]}, audio(), until="audio_done",
            system="one", tools=[{"name": "old"}])
        self.assertEqual([event.get("message") or event.get("text") for event in events[:2]],
                         ["this model's `voice` cannot be changed while it is connected", "two weather"])

    def test_an_answer_behind_an_interrupt_is_another(self):
        one = self.live("""
async def simple_audio_response(self, pcm):
    self._emit_audio_output_event(pcm.to_bytes(), 24000)
""")
        session = one.open_session("acme")
        items = []
        for inputs in ([audio()], [audio()], [{"type": "interrupt"}, audio()]):
            self.feed(one, session, *inputs)
            items.append(one.heard(session, "audio")[-1]["item"])
        self.assertEqual(items, ["rt1.0", "rt1.0", "rt1.1"])

    def test_tools_in_the_background(self):
        one = self.live("""
async def simple_audio_response(self, pcm):
    self._run_tool_in_background(self.run())

async def run(self):
    _, result, _ = await self._run_one_tool({"name": "weather", "arguments": {"city": "Oslo"}})
    self._emit_agent_speech_transcription(result)
""")
        one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": str(asked["params"]["session"])}])
        session = one.open_session("acme", tools=[{"name": "weather", "inputSchema": {}}])
        self.feed(one, session, audio())
        self.assertEqual(one.heard(session, "transcript")[-1]["text"], session)

    def test_sound_by_path_interrupt_and_unknown_inputs(self):
        path = os.path.join(self.folder, "sound.pcm")
        with open(path, "wb") as opened:
            opened.write(SOUND)
        events = self.heard_of("""
async def interrupt(self):
    await super().interrupt()
    self._emit_agent_speech_transcription(f"epoch {self.epoch}")

async def simple_audio_response(self, pcm):
    self._emit_agent_speech_transcription(str(pcm))
    self._emit_audio_output_done_event()
""", {"type": "smell"}, {"type": "smell"}, {"type": "interrupt", "heardMs": 120}, "junk",
            {"type": "audio", "path": path, "rate": 16000, "channels": 1}, until="audio_done")
        self.assertEqual([event.get("text") or event.get("message") for event in events[:3]], [
            "epoch 1", "this model takes no `smell`", "Mono audio: 16000Hz, 16-bit PCM, 480 samples, 30.0ms"])


class Failing(LiveCase):
    def test_exceptions_at_each_point(self):
        one = self.live("async def connect(self):\n    raise ConnectionError('no line')")
        refused = self.refused(one.open_session, "acme")
        self.assertEqual((refused.kind, "no line" in str(refused)), ("network", True))
        events = self.heard_of("async def _handle_events(self):\n    raise ValueError('no')")
        self.assertEqual(self.kinds(events), ["error", "closed"])
        self.assertEqual((events[0]["error"]["data"]["kind"], events[1]["reason"]), ("plugin_bug", "error"))
        self.assertIn("acme.py:", events[0]["error"]["data"]["at"])
        for method in ("simple_audio_response(self, pcm)", "simple_response(self, text)", "interrupt(self)"):
            events = self.heard_of(f"""
async def {method}:
    raise ValueError('no')

async def commit_audio(self):
    self._emit_audio_output_done_event()
""", audio(), {"type": "text", "text": "x"}, {"type": "interrupt"}, {"type": "commit"}, until="audio_done")
            failed = [event["error"]["message"] for event in events if event["type"] == "error"]
            self.assertTrue(any("ValueError: no" in each for each in failed), failed)
        one = self.live("async def close(self):\n    raise ValueError('no')\nasync def simple_audio_response(self, pcm): pass")
        session = one.open_session("acme")
        self.assertEqual(one.ask("realtime/close", session=session), {})
        self.assertEqual(one.heard(session, "closed")[-1]["reason"], "asked for")

    def test_wrong_sound(self):
        for given, said in (
            ("audio_data='text', sample_rate=24000", "str where bytes or PcmData belong"),
            ("audio_data=[1, 2], sample_rate=24000", "list where bytes or PcmData belong"),
            ("audio_data=b'12', sample_rate='fast'", "a sample rate of 'fast'"),
            ("audio_data=b'12', sample_rate=0", "a sample rate of 0"),
            ("data=None", "NoneType where bytes or PcmData belong"),
        ):
            events = self.heard_of(f"""
async def simple_audio_response(self, pcm):
    for _ in range(2):
        self.events.send(RealtimeAudioOutputEvent({given}))
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
            self.assertIn(said, events[0]["message"])
            self.assertRegex(events[0]["message"], r" at acme\.py:[0-9]+")
            self.assertEqual(self.kinds(events).count("warning"), 1)
        events = self.heard_of("async def simple_audio_response(self, pcm):\n    self._emit_audio_output_done_event()",
                               {"type": "audio", "data": "!", "rate": 0}, audio(), until="audio_done")
        self.assertEqual(events[0]["type"], "error")

    def test_unknown_events_and_items(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    self.events.send(Odd(), "junk", None, {"type": "x"})
    self.output.send_nowait(Odd())
    self._emit_agent_speech_transcription(7)
    self._emit_audio_output_done_event()
""", audio(), until="audio_done", head="class Odd: pass\n")
        said = [event["message"] for event in events if event["type"] == "warning"]
        self.assertEqual([each.partition(" at acme.py:")[0] for each in said], [
            "Odd is no event that anybody here knows", "str is no event that anybody here knows",
            "NoneType is no event that anybody here knows", "Odd is nothing that a live session gives",
            "a transcript of int was left out"])

    def test_events_after_close(self):
        one = self.live("""
async def connect(self):
    asyncio.get_running_loop().call_later(0.3, self.late)

def late(self):
    self.events.send(RealtimeAgentSpeechTranscriptionEvent(text="late"))

async def simple_audio_response(self, pcm): pass
""")
        session = one.open_session("acme")
        one.ask("realtime/close", session=session)
        self.assertEqual(one.heard(session, "closed")[-1]["type"], "closed")
        time.sleep(0.5)
        self.feed(one, session, audio())
        self.assertTrue(one.sessions[session].empty())
        self.assertRegex(one.log(), r"came after the session rt1 was closed at acme\.py:[0-9]+")
        self.assertEqual(one.ask("ping"), {})

    def test_a_text_model_has_no_sessions(self):
        one = self.llm("async def simple_response(self, text): return 'x'")
        self.assertEqual(self.refused(one.open_session, "acme").kind, "unsupported")
        self.assertNotIn("realtime", one.about["capabilities"])
        bare = self.worker("from llm_utils import LLMClient\nclass A(LLMClient):\n    def generate_response(self, a, b, c, d): return 'x'", dialect="drop_in")
        bare.send("realtime/input", session="rt1", inputs=[])
        self.assertEqual(self.refused(bare.ask, "realtime/open", model="acme").error["code"], -32601)

    def test_what_connect_began_is_ended_where_a_session_does_not_open(self):
        for end in ("raise ConnectionError('no line')", "await asyncio.sleep(60)"):
            one = self.live(f"""
async def connect(self):
    self.task = asyncio.create_task(self.beat())
    {end}

async def beat(self):
    self._run_tool_in_background(asyncio.sleep(60))
    self.events.send(RealtimeAgentSpeechTranscriptionEvent(text="begun"))

async def close(self):
    self.task.cancel()
    print("closed it", flush=True)
""")
            ident = one.start("realtime/open", model="acme")
            time.sleep(0.3)
            one.send("cancel", request=ident)
            self.refused(one.answer, ident)
            time.sleep(0.3)
            self.assertEqual(one.log().count("closed it"), 1, one.log())
            self.assertNotIn("closed", [each["type"] for each in getattr(one.sessions.get("rt1"), "queue", ())])

    def test_an_event_that_no_line_may_hold(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    self._emit_agent_speech_transcription("x" * 9_000_000)
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
        self.assertEqual(self.kinds(events), ["warning", "audio_done", "closed"])
        self.assertRegex(events[0]["message"], "`transcript` of 9000[0-9]+ bytes at acme.py:[0-9]+ is more than a line may hold")

    def test_a_blocking_connect_can_be_cancelled(self):
        one = self.live("async def connect(self):\n    import time\n    while True: time.sleep(0.01)")
        ident = one.start("realtime/open", model="acme")
        time.sleep(0.3)
        self.assertEqual(one.ask("ping"), {})
        one.send("cancel", request=ident)
        refused = self.refused(one.answer, ident, 3)
        self.assertEqual(refused.kind, "cancelled")

    def test_a_session_that_holds_everything_up_can_be_closed(self):
        one = self.live("""
async def simple_audio_response(self, pcm):
    import time
    while True:
        time.sleep(0.01)
""")
        stuck, other = one.open_session("acme"), one.open_session("acme")
        self.feed(one, stuck, audio())
        time.sleep(0.3)
        self.assertEqual(one.ask("ping"), {})
        self.assertEqual(one.ask("realtime/close", session=stuck), {})
        self.assertEqual(self.kinds(one.heard(stuck, "closed")), ["closed"])
        self.feed(one, other, {"type": "smell"})
        self.assertEqual(self.kinds(one.heard(other, "warning")), ["warning"])

    def test_an_answer_can_be_spoken_into(self):
        one = self.live("""
async def simple_response(self, text, processors=None, participant=None):
    self.events.send(LLMResponseChunkEvent(delta="begun"))
    await asyncio.sleep(30)

async def interrupt(self):
    self._emit_agent_speech_transcription("interrupted")
""")
        session = one.open_session("acme")
        self.feed(one, session, {"type": "text", "text": "x"})
        one.heard(session, "text")
        self.feed(one, session, {"type": "interrupt"})
        self.assertEqual(one.heard(session, "transcript")[-1]["text"], "interrupted")
        one.ask("realtime/close", session=session)

    def test_a_slow_plugin_loses_the_oldest_sound(self):
        one = self.live("""
async def simple_audio_response(self, pcm):
    self.heard = getattr(self, "heard", 0) + 1
    await asyncio.sleep(0.5 if self.heard == 1 else 0)

async def commit_audio(self):
    self._emit_agent_speech_transcription(str(self.heard))
""")
        session = one.open_session("acme")
        self.feed(one, session, audio(bytes(4)))
        time.sleep(0.1)
        for _ in range(2000):  # a file that is sent as fast as it goes
            self.feed(one, session, audio())
        self.feed(one, session, {"type": "commit"})
        events = one.heard(session, "transcript")
        self.assertEqual((self.kinds(events), events[0].get("text")), (["transcript"], "2001"))

    def test_what_waits_for_a_held_up_plugin_has_a_bound(self):
        go = os.path.join(self.folder, "go")
        one = self.live(f"""
async def simple_audio_response(self, pcm):
    import os, time
    self.heard = getattr(self, "heard", 0) + 1
    while not os.path.exists({go!r}):
        time.sleep(0.01)

async def commit_audio(self):
    self._emit_agent_speech_transcription(str(self.heard))
""")
        session = one.open_session("acme")
        self.feed(one, session, audio(bytes(4)))
        time.sleep(0.1)
        for _ in range(40):
            self.feed(one, session, audio(bytes(1 << 20)))
        self.feed(one, session, {"type": "commit"})
        one.ask("ping")  # all of it was read
        open(go, "x").close()
        events = one.heard(session, "transcript")
        self.assertEqual(self.kinds(events), ["warning", "transcript"])
        self.assertEqual(events[1]["text"], "24")  # 23 of the forty are 32 MiB as they were sent


if __name__ == "__main__":
    unittest.main()
