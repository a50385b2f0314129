"""@NAME@: say here what this live model is; the first line is its description."""
import asyncio

from getstream.video.rtc.track_util import PcmData
from vision_agents.core.llm import realtime  # Consort brings both; there is nothing to install


class @CLASS@Live(realtime.Realtime):
    """Say here what this model is."""

    def __init__(self, model: str = "@NAME@-1", client=None):
        super().__init__()
        # An argument `api_key: str` is filled with the key `@NAME@`, once you granted it:
        #   consort keys set @NAME@; consort plugins grant @NAME@ @NAME@
        self.model = model
        self.client = client or EchoClient()

    # Once for each session, which has an object of its own.
    async def connect(self):
        self.connected = True

    # Started by Consort after `connect`: what the service says. The session ends when this does.
    async def _handle_events(self):
        while True:
            sound = await self.client.receive()
            self._emit_audio_output_event(pcm=PcmData.from_bytes(sound, 24000))
            # Where the service says that the answer is complete, and only there: self._emit_audio_output_done_event()

    # A piece of what the user says; 20 ms at a time is usual.
    async def simple_audio_response(self, pcm: PcmData, participant=None):
        self._current_participant = participant
        await self.client.send(pcm.resample(24000, 1).to_bytes())

    # What the user writes.
    async def simple_response(self, text, processors=None, participant=None):
        self._emit_agent_speech_transcription(text=f"heard: {text}", mode="final")
        self._emit_audio_output_done_event()  # the end of this answer

    async def close(self):
        self.connected = False


class EchoClient:
    """Stands where your vendor's socket belongs."""

    def __init__(self):
        self.sent = asyncio.Queue()

    async def send(self, sound):
        await self.sent.put(sound)

    async def receive(self):
        return await self.sent.get()
