"""LLM: what a text model derives from, in the forms of every version of its contract."""

from consort_worker.nearly import Lacks
from consort_worker.vision.current import current

from ..events.manager import EventManager
from .events import LLMErrorEvent
from .function_registry import FunctionRegistry
from .tools import ToolLoop


class LLMResponseEvent:
    """A whole answer, and what the vendor's library gave for it."""

    def __init__(self, original=None, text="", exception=None):
        self.original = original
        self.text = text
        self.exception = exception

    def __class_getitem__(cls, item):
        return cls


class LLMResponseDelta:
    """A piece of an answer."""

    def __init__(self, delta=None, content_index=None, item_id=None, output_index=None, sequence_number=None,
                 is_first_chunk=False, time_to_first_token_ms=None):
        self.delta = delta
        self.content_index = content_index
        self.item_id = item_id
        self.output_index = output_index
        self.sequence_number = sequence_number
        self.is_first_chunk = is_first_chunk
        self.time_to_first_token_ms = time_to_first_token_ms


class LLMResponseFinal:
    """The end of an answer."""

    def __init__(self, text="", item_id=None, latency_ms=None, time_to_first_token_ms=None, input_tokens=None,
                 output_tokens=None, total_tokens=None, model=None, original=None):
        self.text = text
        self.item_id = item_id
        self.latency_ms = latency_ms
        self.time_to_first_token_ms = time_to_first_token_ms
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.total_tokens = total_tokens
        self.model = model
        self.original = original


class _Made:
    """An attribute that is there whether or not the subclass called `super().__init__()`."""

    def __init__(self, make):
        self.make = make

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, llm, kind=None):
        if llm is None:
            return self
        return vars(llm).setdefault(self.name, self.make())


class _OfRequest:
    """An attribute that is the request's own where the plugin works for one: many share an instance."""

    def __init__(self, default):
        self.default = default

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, llm, kind=None):
        if llm is None:
            return self
        request = current.get()
        if request is not None and self.name in request.given:
            return request.given[self.name]
        return vars(llm).get(self.name, self.default)

    def __set__(self, llm, value):
        request = current.get()
        if request is not None:
            request.given[self.name] = value
        else:
            vars(llm)[self.name] = value


class LLM(ToolLoop):
    sts = False
    provider_name = None
    model = ""
    agent = None
    events = _Made(EventManager)
    function_registry = _Made(FunctionRegistry)
    _instructions = _OfRequest("")
    _conversation = _OfRequest(None)

    def __init__(self, *arguments, **named):
        pass

    async def simple_response(self, text, processors=None, participant=None):
        raise Lacks(type(self), "simple_response")

    @property
    def instructions(self):
        return self._instructions

    @instructions.setter
    def instructions(self, value):
        self._instructions = value

    def set_instructions(self, instructions):
        text = getattr(instructions, "full_reference", instructions)
        if not isinstance(text, str):
            raise TypeError(f"instructions are a str, not {type(instructions).__name__}")
        self._instructions = text

    _set_instructions = set_instructions

    def _build_enhanced_instructions(self):
        from consort_worker.vision.processors import enhanced

        return enhanced(self)

    def set_conversation(self, conversation):
        self._conversation = conversation

    def set_before_response_listener(self, listener):
        self.before_response_listener = listener

    def set_after_response_listener(self, listener):
        self.after_response_listener = listener

    async def interrupt(self):
        pass

    async def start(self):
        pass

    async def close(self):
        pass

    async def warmup(self):
        pass

    def on_llm_error(self, *, error=None, error_type=None, error_code=None):
        self.events.send(LLMErrorEvent(plugin_name=self.provider_name, error=error, error_code=error_code))


class AudioLLM(LLM):
    connected = False

    async def simple_audio_response(self, pcm, participant=None):
        raise Lacks(type(self), "simple_audio_response")


class VideoLLM(LLM):
    async def watch_video_track(self, track, shared_forwarder=None):
        pass

    async def stop_watching_video_track(self):
        pass

    _watch_video_track = watch_video_track
    _stop_watching_video_track = stop_watching_video_track


class OmniLLM(AudioLLM, VideoLLM):
    pass
