"""Says back what it hears: a live model without network and key, to try microphones and callers with.

A plugin for live sessions: put this file into the plugins folder.
"""
import asyncio

from getstream.video.rtc.track_util import PcmData
from vision_agents.core.llm import realtime
from vision_agents.core.llm.events import RealtimeAudioOutputDoneEvent, RealtimeAudioOutputEvent

PAUSE = 0.5  # seconds without sound, after which the speaker is done


class RepeatLive(realtime.Realtime):
    """Says back what it hears, in the rate in which it came."""

    def __init__(self):
        super().__init__()
        self.heard = None
        self.newest = 0.0

    async def connect(self):
        self.connected = True

    # Started by the host, once the session is connected; it ends with it.
    async def _handle_events(self):
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(0.05)
            if self.heard is not None and clock() - self.newest > PAUSE:
                self._say_back()

    async def simple_audio_response(self, pcm: PcmData, participant=None):
        self.heard = pcm.copy() if self.heard is None else self.heard.append(pcm)
        self.newest = asyncio.get_running_loop().time()

    # The speaker says: I am done.
    async def commit_audio(self):
        if self.heard is not None:
            self._say_back()

    def _say_back(self):
        heard, self.heard = self.heard, None
        self._emit_user_speech_transcription(f"({heard.duration:.1f} seconds of sound)")
        for piece in heard.chunks(heard.sample_rate // 50):
            self.events.send(RealtimeAudioOutputEvent(plugin_name="repeat", data=piece))
        self.events.send(RealtimeAudioOutputDoneEvent(plugin_name="repeat"))

    async def simple_response(self, text, processors=None, participant=None):
        self._emit_response_event(text=text)

    async def interrupt(self):
        self.heard = None

    async def close(self):
        self.connected = False
