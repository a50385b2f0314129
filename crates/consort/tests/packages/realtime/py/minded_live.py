import asyncio

from getstream.video.rtc.track_util import PcmData
from vision_agents.core.llm import realtime


class MindedLive(realtime.Realtime):
    """Reads and speaks in tones, calls tools, and remembers what it was told of."""

    def __init__(self):
        super().__init__()
        self.ear = Ear(24000, None)  # the turn's end is told
        self.said = []

    async def connect(self):
        self.said = [(each.role, each.content) for each in self._conversation.messages]
        self.connected = True

    async def simple_audio_response(self, pcm: PcmData, participant=None):
        self.ear.push(pcm.resample(24000, 1).to_bytes())

    async def commit_audio(self):
        words = self.ear.take()
        self._emit_user_speech_transcription(text=words or "(sound)", mode="final")
        await self.simple_response(words or "(sound)")

    async def simple_response(self, text, processors=None, participant=None):
        self.said.append(("user", text))
        thought = answer(self.said, [each["name"] for each in self.get_available_functions()])
        if isinstance(thought, Call):
            result = await self.call_function(thought.name, thought.arguments)
            self.said.append(("tool", f"{thought.name} said: {result}"))
            thought = answer(self.said, [])
        spoken = []
        try:
            for word in thought.split():
                spoken.append(word)
                self._emit_agent_speech_transcription(text=word + " ", mode="delta")
                self._emit_audio_output_event(pcm=PcmData.from_bytes(spelled(word, 24000), 24000))
                await asyncio.sleep(0.06)
            self._emit_agent_speech_transcription(text=" ".join(spoken), mode="final")
            self._emit_audio_output_done_event()
        finally:
            self.said.append(("assistant", " ".join(spoken)))

    async def close(self):
        self.connected = False
