"""Gemini Live, as a live model of Vision Agents: sound in and out, transcripts of both, tools, and being spoken into.

    consort plugins install-deps gemini_live
    consort keys set gemini; consort plugins grant gemini_live gemini
"""
# /// script
# dependencies = ["google-genai"]
# ///
# /// llm-plugin
# secrets = ["gemini"]
# ///
from getstream.video.rtc.track_util import PcmData, PyAVResampler
from vision_agents.core.llm import realtime  # Consort brings both

HEARS = 16000  # samples a second that the service hears, and that it speaks
SPEAKS = 24000


class GeminiLive(realtime.Realtime):
    """Speaks with Gemini by Google's own library."""

    def __init__(self, api_key: str, model: str = "gemini-2.5-flash-native-audio-latest", client=None):
        super().__init__()
        self.model = model
        if client is None:
            from google import genai  # takes a while to import, so only once it is needed

            client = genai.Client(api_key=api_key)
        self.client = client
        self.session = None
        self.flow = PyAVResampler("s16", HEARS, 1)

    async def connect(self):
        config = {"response_modalities": ["AUDIO"], "input_audio_transcription": {}, "output_audio_transcription": {}}
        instructions = self._instructions
        if instructions:
            config["system_instruction"] = instructions
        functions = self.get_available_functions()
        if functions:
            config["tools"] = [{"function_declarations": [_declared(each) for each in functions]}]
        self.line = self.client.aio.live.connect(model=self.model, config=config)
        self.session = await self.line.__aenter__()
        self.connected = True

    # Started by the host, once the session is connected; it ends with it.
    async def _handle_events(self):
        while self.connected:
            async for message in self.session.receive():  # ends with each turn
                if message.server_content:
                    self._said(message.server_content)
                if message.tool_call:
                    # In the background: the service goes on speaking meanwhile.
                    self._run_tool_in_background(self._run(message.tool_call.function_calls or ()))

    def _said(self, content):
        if content.input_transcription and content.input_transcription.text:
            self._emit_user_speech_transcription(text=content.input_transcription.text, mode="delta")
        if content.output_transcription and content.output_transcription.text:
            self._emit_agent_speech_transcription(text=content.output_transcription.text, mode="delta")
        for part in (content.model_turn.parts or ()) if content.model_turn else ():
            if part.inline_data and part.inline_data.data:
                self._emit_audio_output_event(pcm=PcmData.from_bytes(part.inline_data.data, SPEAKS))
        if content.interrupted or content.turn_complete:
            self._emit_audio_output_done_event(interrupted=bool(content.interrupted))

    async def _run(self, calls):
        wanted = [{"id": each.id, "name": each.name, "arguments_json": dict(each.args or {})} for each in calls]
        done, _ = await self._dedup_and_execute(wanted)
        answers = [{"id": call["id"], "name": call["name"], "response": {"error" if error else "result": str(error or result)}}
                   for call, result, error in done]
        await self.session.send_tool_response(function_responses=answers)

    async def simple_audio_response(self, pcm: PcmData, participant=None):
        self._current_participant = participant
        sound = self.flow.resample(pcm)
        await self.session.send_realtime_input(audio={"data": sound.to_bytes(), "mime_type": f"audio/pcm;rate={HEARS}"})

    async def simple_response(self, text, processors=None, participant=None):
        turn = {"role": "user", "parts": [{"text": text}]}
        await self.session.send_client_content(turns=turn, turn_complete=True)

    async def close(self):
        self.connected = False
        if self.session is not None:
            await self.line.__aexit__(None, None, None)


def _declared(function):
    return {"name": function["name"], "description": function["description"] or function["name"],
            "parameters_json_schema": function["parameters_schema"]}
