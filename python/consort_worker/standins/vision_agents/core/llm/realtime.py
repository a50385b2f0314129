"""Realtime: what a model derives from that listens and speaks, in the forms of every version of its contract."""

from consort_worker.vision.current import current
from getstream.video.rtc.audio_track import AudioStreamTrack

from . import events
from .llm import OmniLLM, _Made


class AudioInputPacingConfig:
    """How sound is paced on its way in; here it comes as the user speaks."""

    def __init__(self, **named):
        self.__dict__.update(named)

    @classmethod
    def virtual_microphone(cls):
        return cls()


class _Item:
    """An item of the newest form: named fields with defaults."""

    def __init_subclass__(cls):
        cls._names = [name for name in vars(cls) if not name.startswith("_")]

    def __init__(self, *values, **named):
        named.update(zip(self._names, values))
        unknown = named.keys() - set(self._names)
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        self.__dict__.update(named)


class RealtimeAudioOutput(_Item):
    data = None
    response_id = None


class RealtimeAudioOutputDone(_Item):
    interrupted = False
    response_id = None


class RealtimeUserTranscript(_Item):
    participant = None
    mode = "final"
    text = ""


class RealtimeAgentTranscript(_Item):
    mode = "final"
    text = ""


class RealtimeUserSpeechStarted(_Item):
    participant = None


class RealtimeUserSpeechEnded(_Item):
    participant = None


class RealtimeAgentSpeechStarted(_Item):
    response_id = None


class RealtimeAgentSpeechEnded(_Item):
    interrupted = False
    response_id = None


class _Output:
    """The stream of the newest form: what is sent into it reaches the live session at once."""

    def __init__(self):
        self._closed = False
        self._session = None

    def send_nowait(self, item):
        session = self._session or current.get()
        if session is not None:
            session.on_item(item)

    async def send(self, item):
        self.send_nowait(item)

    def clear(self):
        """Sound that was sent is the host's to stop; transcripts and the rest must not get lost."""

    def close(self):
        self._closed = True

    def closed(self):
        return self._closed


def _new_id():
    import uuid

    return str(uuid.uuid4())


class Realtime(OmniLLM):
    fps = 1
    output_track = _Made(AudioStreamTrack)
    _output = _Made(_Output)
    session_id = _Made(_new_id)
    _tool_tasks = _Made(set)
    _current_participant = None
    _epoch = 0

    def __init__(self, fps=1, input_audio_pacing=None, **named):
        super().__init__()
        self.fps = fps

    @property
    def output(self):
        return self._output

    @property
    def epoch(self):
        return self._epoch

    async def connect(self):
        pass

    async def close(self):
        pass

    async def interrupt(self):
        self._epoch += 1

    async def process_audio(self, pcm, participant=None):
        self._current_participant = participant
        await self.simple_audio_response(pcm, participant)

    def _run_tool_in_background(self, coroutine):
        import asyncio

        task = asyncio.ensure_future(coroutine)
        self._tool_tasks.add(task)
        task.add_done_callback(self._tool_tasks.discard)

    async def _await_pending_tools(self):
        import asyncio

        await asyncio.gather(*self._tool_tasks, return_exceptions=True)

    async def _close_audio_input(self):
        pass

    # The helpers of every version; what each makes goes where events go.

    def _send(self, kind, **fields):
        self.events.send(kind(plugin_name=self.provider_name, **fields))

    def _on_connected(self, session_config=None, capabilities=None):
        self.connected = True
        self._send(events.RealtimeConnectedEvent, session_id=self.session_id, session_config=session_config,
                   capabilities=capabilities)

    _emit_connected_event = _on_connected

    def _on_disconnected(self, reason=None, clean=True, was_clean=True):
        self.connected = False
        self._send(events.RealtimeDisconnectedEvent, session_id=self.session_id, reason=reason,
                   clean=clean and was_clean, was_clean=clean and was_clean)

    _emit_disconnected_event = _on_disconnected

    def _emit_audio_input_event(self, audio_data, sample_rate=16000, user_metadata=None):
        self._send(events.RealtimeAudioInputEvent, audio_data=audio_data, sample_rate=sample_rate)

    def _emit_audio_output_event(self, audio_data=None, sample_rate=16000, response_id=None, user_metadata=None,
                                 pcm=None):
        self._send(events.RealtimeAudioOutputEvent, data=pcm, audio_data=audio_data, sample_rate=sample_rate,
                   response_id=response_id)

    def _emit_audio_output_done_event(self, response_id=None, interrupted=False):
        self._send(events.RealtimeAudioOutputDoneEvent, response_id=response_id, interrupted=interrupted)

    def _emit_response_event(self, text=None, response_id=None, is_complete=True, conversation_item_id=None,
                             user_metadata=None):
        self._send(events.RealtimeResponseEvent, text=text, response_id=response_id, is_complete=is_complete,
                   conversation_item_id=conversation_item_id)

    def _emit_conversation_item_event(self, item_id, item_type, status, role, content=None, user_metadata=None):
        self._send(events.RealtimeConversationItemEvent, item_id=item_id, item_type=item_type, status=status, role=role,
                   content=content)

    def _emit_error_event(self, error, context="", user_metadata=None):
        self._send(events.RealtimeErrorEvent, error=error, context=context)

    def _emit_user_speech_transcription(self, text, original=None, mode="final"):
        self._send(events.RealtimeUserSpeechTranscriptionEvent, text=text, original=original, mode=mode)

    def _emit_agent_speech_transcription(self, text, original=None, mode=None):
        self._send(events.RealtimeAgentSpeechTranscriptionEvent, text=text, original=original, mode=mode)

    def _emit_user_speech_started(self):
        self._output.send_nowait(RealtimeUserSpeechStarted())

    def _emit_user_speech_ended(self):
        self._output.send_nowait(RealtimeUserSpeechEnded())

    def _emit_agent_speech_started(self, response_id=None):
        self._output.send_nowait(RealtimeAgentSpeechStarted(response_id))

    def _emit_agent_speech_ended(self, response_id=None, interrupted=False):
        self._output.send_nowait(RealtimeAgentSpeechEnded(interrupted, response_id))
