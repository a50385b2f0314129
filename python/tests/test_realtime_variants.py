"""Live models of Vision Agents as authors write them who have read half of a page: other kinds of methods, versions mixed."""

import base64
import unittest

from test_realtime import SOUND, LiveCase, audio

DONE = "self._emit_audio_output_done_event()"


class Methods(LiveCase):
    def test_a_handler_that_takes_an_event_is_the_plugins_own_to_call(self):
        for kind, call in (("async def", "await self._handle_events(word)"), ("def", "self._handle_events(word)")):
            events = self.heard_of(f"""
async def connect(self):
    self.task = asyncio.ensure_future(self.read())

async def read(self):
    for word in ("a", "b"):
        await asyncio.sleep(0.02)
        {call}
    {DONE}
    await asyncio.sleep(60)

{kind} _handle_events(self, event):
    self._emit_agent_speech_transcription(event)
""", until="audio_done")
            self.assertEqual([each.get("text") for each in events], ["a", "b", None, None], kind)

    def test_methods_that_yield_what_they_have(self):
        for kind in ("async def", "def"):
            events = self.heard_of(f"""
{kind} connect(self):
    self._emit_agent_speech_transcription("connected")
    yield 1

{kind} _handle_events(self):
    yield RealtimeAgentSpeechTranscriptionEvent(text="handled")

{kind} simple_audio_response(self, pcm):
    yield pcm
    yield RealtimeAudioOutputDone()

{kind} simple_response(self, text):
    yield "in "
    yield RealtimeResponseEvent(text="words")
""", {"type": "text", "text": "x"}, audio(), until="audio_done")
            told = [(each["type"], each.get("text")) for each in events if each["type"] != "warning"]
            self.assertEqual(sorted(told, key=str), sorted([
                ("transcript", "connected"), ("transcript", "handled"), ("text", "in "), ("turn_done", None),
                ("audio", None), ("audio_done", None), ("closed", None)], key=str), kind)
            said = [each["message"] for each in events if each["type"] == "warning"]
            self.assertEqual(said, ["connect yielded int, which is nothing that a live session gives"])

    def test_values_that_are_returned(self):
        events = self.heard_of("async def simple_response(self, text): return 'heard ' + text",
                               {"type": "text", "text": "x"}, until="turn_done")
        self.assertEqual([each.get("text") for each in events], ["heard x", None, None])
        events = self.heard_of("async def simple_audio_response(self, pcm): return pcm", audio(), until="warning")
        self.assertEqual(events[0]["message"], "simple_audio_response returned PcmData, which nobody hears: send it as an event")
        # What a client's own `send` returns is nobody's business.
        events = self.heard_of(f"""
async def connect(self): return self
async def simple_audio_response(self, pcm): return 7
async def commit_audio(self):
    {DONE}
    return True
""", audio(), {"type": "commit"}, until="audio_done")
        self.assertEqual(self.kinds(events), ["audio_done", "closed"])

    def test_a_method_that_cannot_be_called_so_says_where_it_stands(self):
        for body, asked in (("async def simple_audio_response(self): pass", audio()),
                            ("async def simple_response(self): pass", {"type": "text", "text": "x"})):
            events = self.heard_of(body, asked, until="error")
            data = events[0]["error"]
            self.assertIn("it cannot be called as the contract has it", data["message"])
            self.assertRegex(data["data"]["at"], r"^acme\.py:[0-9]+$")

    def test_plain_methods(self):
        events = self.heard_of(f"""
def connect(self): self.word = "plain"
def _handle_events(self): self._emit_agent_speech_transcription(self.word)
def simple_audio_response(self, pcm): {DONE}
def interrupt(self): pass
def close(self): print("closed it", flush=True)
""", {"type": "interrupt"}, audio(), until="audio_done")
        self.assertEqual(self.kinds(events), ["transcript", "audio_done", "closed"])
        self.assertIn("closed it", self.workers[-1].log())


    def test_sound_that_is_no_plain_samples(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    for format, data in (("wav", pcm.to_wav_bytes()), ("mp3", b"ID3"), ("wav", b"RIFF")):
        self.events.send(RealtimeAudioOutputEvent(audio_data=data, sample_rate=8000, audio_format=format))
    from vision_agents.core.events import AudioFormat
    self.events.send(RealtimeAudioOutputEvent(audio_data=b"Ogg", sample_rate=8000, audio_format=AudioFormat.OGG))
    self._emit_audio_output_done_event()
""", audio(), until="audio_done")
        self.assertEqual((base64.b64decode(events[0]["data"]), events[0]["rate"]), (SOUND, 24000))
        said = [each["message"].partition(": ")[2] for each in events if each["type"] == "warning"]
        self.assertEqual([each.partition(":")[0] for each in said],
                         ["mp3, which has to be decoded first", "ogg, which has to be decoded first",
                          "a WAV that ends within its header"])  # it might have gone on up to there

    def test_samples_without_numpy(self):
        events = self.heard_of("async def simple_audio_response(self, pcm): pcm.samples.astype('float32')", audio(), until="error")
        self.assertIn("consort plugins install-deps acme numpy", events[0]["error"]["data"]["help"])

    def test_a_process_audio_of_ones_own_hears_first(self):
        events = self.heard_of(f"""
async def process_audio(self, pcm, participant=None):
    self._emit_agent_speech_transcription("processed")
    await super().process_audio(pcm, participant)

async def simple_audio_response(self, pcm, participant=None):
    {DONE}
""", audio(), until="audio_done")
        self.assertEqual(self.kinds(events), ["transcript", "audio_done", "closed"])


class Mixed(LiveCase):
    def test_each_thing_is_heard_once_whichever_versions_are_mixed(self):
        events = self.heard_of("""
async def simple_audio_response(self, pcm):
    for _ in range(2):
        self.events.send(RealtimeAudioOutputEvent(data=pcm, audio_data=pcm.to_bytes(), sample_rate=24000))
        self.output.send_nowait(RealtimeAudioOutput(data=pcm))
        await self.output_track.write(pcm.to_bytes())
    for word in ("ha", "ha"):
        self._emit_agent_speech_transcription(word, mode="delta")
        self.output.send_nowait(RealtimeAgentTranscript(mode="delta", text=word))
    self._emit_user_speech_transcription("yes")
    self.output.send_nowait(RealtimeUserTranscript(None, "final", "yes"))
    self._emit_audio_output_done_event()
    self.output.send_nowait(RealtimeAudioOutputDone())
    self._emit_agent_speech_transcription("haha")
    self.output.send_nowait(RealtimeAgentTranscript(mode="final", text="haha"))
    self._emit_error_event(ValueError())
""", audio(), until="error")
        self.assertEqual([(each["type"], each.get("text")) for each in events], [
            ("audio", None), ("audio", None), ("transcript", "ha"), ("transcript", "ha"), ("transcript", "yes"),
            ("audio_done", None), ("transcript", "haha"), ("error", None), ("closed", None)])
        self.assertEqual(base64.b64decode(events[0]["data"]), SOUND)

    def test_two_ends_of_one_way_are_two(self):
        events = self.heard_of(f"async def simple_audio_response(self, pcm):\n    {DONE}\n    {DONE}\n"
                               "    self._emit_error_event(ValueError())", audio(), until="error")
        self.assertEqual(self.kinds(events), ["audio_done", "audio_done", "error", "closed"])


if __name__ == "__main__":
    unittest.main()
