"""One request to a model of Vision Agents: what it is given, and the answer that comes back in one of three ways.

An answer comes as events on the plugin's bus, as items of an async iterator, or as the value of a coroutine; the first
of these that holds text is the answer, since pages and plugins often do two of them at once.
"""

from .. import frames, logs
from ..failures import Failure, masked
from ..reply import Gather
from ..shape import called
from . import data, threads
from .current import current
from .real import is_real
from .repeats import REST, Once
from .starting import started

_EVENTS, _ITEMS = "events", "items"


class Turn:
    def __init__(self, call, tools, given):
        self.call = call
        self.tools = tools  # name -> (function, description, schema), run by the host
        self.given = given  # what the instance's `_instructions` and `_conversation` are for this request
        self.gather = Gather(call) if call.params.get("stream") is False else None
        self.write = self.gather or call.text
        self.raw = bool((call.params.get("meta") or {}).get("raw"))
        self.source = None
        self.streamed = []
        self.whole = None  # the text of a completed event, or of a final item
        self.error = None
        self.went_on = False  # whether some of the answer came behind the error
        self.finished = False
        self.over = False
        self.usage = None
        self.model = None
        self.asked = None  # the plugin's method
        self.threads = []  # that it started
        self.odd = set()  # what was noted once: things that are no events, and that something came late
        self.warned = Once()

    # -- what the plugin sends ----------------------------------------------------------------------------------

    def on_event(self, event):
        name = type(event).__name__
        if self.over:
            if "late" not in self.odd:
                self.odd.add("late")
                logs.note(f"{name} came after the answer was done{data.at()}; it is dropped, and so is what follows")
            return
        if name == "LLMResponseChunkEvent":
            self._delta(event.delta, _EVENTS)
        elif name == "LLMResponseCompletedEvent":
            self._completed(event, _EVENTS)
        elif name in ("LLMErrorEvent", "VLMErrorEvent", "RealtimeErrorEvent"):
            self.error, self.went_on = event, False
        elif name == "VLMInferenceCompletedEvent":
            self._completed(event, _EVENTS)
        elif data.is_odd(event) and name not in self.odd:
            self.odd.add(name)
            logs.note(data.odd(event))
        if self.raw:
            self.call.event(type="raw", value=data.event(event))

    def warn_once(self, message, kind=None):
        """Of one kind once: where none is said, of these words."""
        if self.warned.is_new(kind or message):
            for each in (message, REST) if self.warned.is_full() else (message,):
                self.call.event(type="warning", message=masked(each, self.call.secrets()))

    def thread_failed(self, error, answer, thread):
        """From a thread that works for this request, which may go on without it."""
        if not self.over:
            self.warn_once(f"a thread of the plugin failed: {data.failed(error)}", data.kind(error, "thread"))

    def _wrong(self, message, help_=None):
        """A slip of the author's, where it was made, or at least in which method."""
        at = frames.here()
        if at is None and self.asked is not None:
            from ..shape import Shape
            from ..source import place

            at = place(self.asked, Shape(self.asked).line)
        return Failure("plugin_bug", message, at=at, help=help_)

    def _delta(self, delta, source):
        if not delta:
            return
        if self.source is not source:
            if self.source is not None:
                return
            self.source = source
        if not isinstance(delta, str):
            raise self._wrong(f"a chunk's delta is {type(delta).__name__}, expected str")
        self.streamed.append(delta)
        self.went_on = True
        self.write(delta)

    def _completed(self, done, source):
        self.finished = True
        text = getattr(done, "text", None)
        if isinstance(text, str) and text and (self.source in (None, source)):
            self.whole = text
            self.source = source
            self.went_on = True
        self.usage = data.usage(done) or self.usage
        model = getattr(done, "model", None)
        self.model = model if isinstance(model, str) and model else self.model

    # -- what it returns ----------------------------------------------------------------------------------------

    async def take(self, returned):
        """Follows what `simple_response` returned to its end."""
        if hasattr(returned, "__await__"):
            returned = await returned
        if hasattr(returned, "__aiter__"):
            try:
                async for item in returned:
                    self._item(item)
            finally:
                close = getattr(returned, "aclose", None)
                if close is not None:
                    await close()
        elif hasattr(returned, "__next__"):
            for item in returned:
                self._item(item)
        elif isinstance(returned, str):
            self._delta(returned, _ITEMS)
        elif returned is not None:
            self._returned(returned)

    def _item(self, item):
        if isinstance(item, str):
            self._delta(item, _ITEMS)
            return
        if hasattr(item, "delta"):
            self._delta(item.delta, _ITEMS)
        elif hasattr(item, "text"):
            self._completed(item, _ITEMS)
        elif item is not None:
            raise self._wrong(f"simple_response yielded {type(item).__name__}, expected LLMResponseDelta")
        if self.raw and not isinstance(item, str) and item is not None:
            self.call.event(type="raw", value=data.event(item))

    def _returned(self, returned):
        if not hasattr(returned, "text"):
            gave = type(returned).__name__
            raise self._wrong(f"simple_response returned {gave}, expected LLMResponseEvent")
        failed = getattr(returned, "exception", None)
        if isinstance(failed, BaseException):
            raise failed
        self.finished = True
        if not isinstance(returned.text, str) and not self.streamed and self.whole is None:
            raise self._wrong(f"the text of the LLMResponseEvent is {type(returned.text).__name__}, expected str")
        if isinstance(returned.text, str) and returned.text:
            self.went_on = True
            self.whole = returned.text if self.source is None else self.whole

    # -- the end ------------------------------------------------------------------------------------------------

    def result(self):
        """The answer's end, with what the whole text says beyond what was streamed."""
        self.over = True
        said = "".join(self.streamed)
        if self.whole and self.whole != said:
            if self.whole.startswith(said):
                self.write(self.whole[len(said) :])
            else:
                self.call.event(type="warning", message="the completed text is not what was streamed")
            said = said or self.whole
        if self.error is not None:
            self._failed()
        if not said and not self.finished:
            raise self._wrong(
                "simple_response returned nothing, and no event with text was sent",
                "send LLMResponseChunkEvent for each piece, or return an LLMResponseEvent",
            )
        result = {"finishReason": "stop"}
        if self.gather:
            result["content"] = [{"type": "text", "text": "".join(self.gather.pieces)}]
        if self.usage:
            result["usage"] = self.usage
        if self.model:
            result["model"] = self.model
        return result

    def _failed(self):
        """An error on the bus ends a request in which it was the last thing; where the answer went on behind it, it is told."""
        error = getattr(self.error, "error", None)
        text = str(error) if error else getattr(self.error, "error_message", "an error event without an error")
        if not self.went_on:
            raise error if isinstance(error, BaseException) else Failure("server", text)
        self.call.event(type="warning", message=masked(f"the plugin reported an error: {text}", self.call.secrets()))


async def answer(turn, llm, text, named):
    """Asks the plugin within its request: everything that it starts from here on knows which one it is for."""
    token = current.set(turn)
    turn.asked = llm.simple_response
    threads.follow()
    open_ones = getattr(getattr(llm, "events", None), "_requests", [])
    open_ones.append(turn)
    try:
        await started(llm)
        if is_real(llm):
            from .lent import Lent

            async with Lent(turn, llm):
                await turn.take(called(llm.simple_response, text, **named))
        else:
            await turn.take(called(llm.simple_response, text, **named))
        return turn.result()
    finally:
        turn.over = True
        open_ones.remove(turn)
        current.reset(token)
