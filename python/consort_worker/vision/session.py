"""One live session: its plugin's object, what goes into it one after the other, and how it begins and ends."""

import asyncio
import threading
from collections import deque
from contextvars import copy_context

from .. import logs
from ..calls import Cancelled
from ..failures import Failure, failure_of
from ..shape import Shape
from .current import current
from .outcome import Outcome
from .lent import Lent
from .real import is_real
from .sound import Wrong, piece

_MOST = 32 << 20  # bytes that may wait for the plugin, as they were sent
_EACH = 256  # what a piece takes besides them
_PATIENCE = 5.0  # seconds that `close` may take


class Session(Outcome):
    def __init__(self, ident, host, model, tools, given, params, dialect, gone):
        super().__init__(ident, host, bool((params.get("meta") or {}).get("raw")))
        self.model = model
        self.tools = tools
        self.given = given
        self.params = params
        self.dialect = dialect
        self.gone = gone
        self.context = None
        self.lock = threading.Lock()  # around these, which the reader's thread adds to
        self.sent = deque()  # what the loop has not seen
        self.waiting = deque()  # what waits for the plugin
        self.held = 0  # bytes of both
        self.dropped = False
        self.filled = asyncio.Event()
        self.speaking = asyncio.Lock()  # texts are answered one after the other
        self.tasks = set()
        self.handlers = set()  # the tasks that the plugin's `_handle_events` runs in
        self.handled = False  # whether it was ever begun
        self.lent = None
        self.leaving = False  # the host asked for the end

    # -- beginning ----------------------------------------------------------------------------------------------

    async def open(self):
        current.set(self)  # for this request's task, and for every task that is started from it
        self.context = copy_context()  # and for what goes in later
        for name in ("events", "output_track", "_output"):
            owner = getattr(self.model, name, None)
            if owner is not None:
                # For what comes from threads and callbacks that know of no session.
                setattr(owner, "_request" if name == "events" else "_session", self)
        if is_real(self.model):
            self.lent = await Lent(self, self.model).__aenter__()
            self._start(self.lent.drain())
        self._guard_handler()
        connect = getattr(self.model, "connect", None)
        if callable(connect):
            returned = connect()
            if hasattr(returned, "__await__"):
                await returned
        await asyncio.sleep(0)  # a task that it started has begun then
        if self.closing:  # it ended while it opened
            return
        handler = getattr(self.model, "_handle_events", None)
        if callable(handler) and not self.handled:
            self._start(handler())
        self._start(self._feed_all())

    def _guard_handler(self):
        """`connect` of some starts `_handle_events` itself, that of others leaves it to the host. A plugin that connects
        again starts it again; where it is a task of its own, nobody else would hear of its failure."""
        handler = getattr(self.model, "_handle_events", None)
        if not callable(handler):
            return

        async def watched():
            self.handled, own = True, asyncio.current_task()
            nested = own in self.handlers
            self.handlers.add(own)
            try:
                is_whole = getattr(own.get_coro(), "cr_code", None) is watched.__code__
                await (self._watched(handler()) if is_whole else _settled(handler()))
            finally:
                if not nested:
                    self.handlers.discard(own)

        try:
            self.model._handle_events = watched
        except AttributeError:  # an object with slots
            pass

    def _start(self, coroutine):
        if not hasattr(coroutine, "__await__"):
            return
        task = asyncio.ensure_future(self._watched(coroutine))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def owns(self, task):
        return task in self.tasks or task in self.handlers

    async def _watched(self, coroutine):
        """A failure of what runs beside everything else ends the session, with its reason."""
        try:
            if hasattr(coroutine, "__await__"):
                await coroutine
        except asyncio.CancelledError:
            raise
        except (Cancelled, SystemExit, KeyboardInterrupt, Exception) as error:
            if self.closed or self.leaving:
                return
            self.fail(failure_of(error, self.secrets()))
            asyncio.ensure_future(self.close("error"))

    # -- what goes in -------------------------------------------------------------------------------------------

    def put(self, inputs):
        """From the reader's thread. Sound that the plugin is too slow for is dropped, the oldest first, and that is said."""
        with self.lock:
            for each in inputs:
                if isinstance(each, dict):
                    self.sent.append(each)
                    self.held += _size(each)
            while self.held > _MOST and (self._drop_oldest(self.waiting) or self._drop_oldest(self.sent)):
                self.dropped = True

    def _drop_oldest(self, queue):
        oldest = next((each for each in queue if each.get("type") == "audio"), None)
        if oldest is None:
            return False
        queue.remove(oldest)
        self.held -= _size(oldest)
        return True

    def feed(self):
        """On the loop: an answer that is being given keeps nothing waiting but sound and the next text."""
        if self.dropped:
            self.warn_once("the plugin is too slow for its sound; the oldest is dropped")
        while (each := self._next(self.sent)) is not None:
            kind = each.get("type")
            if kind in ("text", "interrupt"):
                self._start(self._tried(each))
            elif kind == "update":
                try:
                    self._update(each)
                except Exception as error:
                    self.fail(failure_of(error, self.secrets()))
            else:
                with self.lock:
                    self.waiting.append(each)
                    self.held += _size(each)
        self.filled.set()

    def _next(self, queue):
        with self.lock:
            item = queue.popleft() if queue else None
            self.held -= _size(item) if item else 0
            return item

    async def _feed_all(self):
        while True:
            self.filled.clear()
            while (item := self._next(self.waiting)) is not None:
                await self._tried(item)
            await self.filled.wait()

    async def _tried(self, item):
        """What goes wrong with one input is told, and the session goes on."""
        try:
            await self._take(item)
        except NotImplementedError as error:  # once is enough, at fifty pieces a second
            self.warn_once(str(error) or f"this model takes no `{item.get('type')}`")
        except (SystemExit, KeyboardInterrupt, Exception) as error:
            self.fail(failure_of(error, self.secrets()))

    async def _take(self, item):
        kind = item.get("type")
        if kind == "audio":
            await self._hear(item)
        elif kind == "text":
            async with self.speaking:
                named = self.dialect.named(self.model.simple_response, self.params)
                self.begin_turn()
                await self.follow(self.model.simple_response(str(item.get("text") or ""), **named))
        elif kind == "interrupt":
            self._end_item()  # what is said from now on is another answer, whatever the plugin makes of this
            self.speaking = asyncio.Lock()  # which need not wait for the one that is cut
            interrupt = getattr(self.model, "interrupt", None)
            if callable(interrupt):
                await _settled(interrupt())
        elif kind == "commit":
            commit = getattr(self.model, "commit_audio", None)
            if callable(commit):
                await _settled(commit())
        else:
            self.warn_once(f"this model takes no `{kind}`")

    def _update(self, item):
        """Instructions and tools from now on; a plugin is told no other wish of the host once it is connected."""
        if isinstance(item.get("system"), str):
            self.given = {**self.given, "_instructions": item["system"]}
            if is_real(self.model):
                self.model.set_instructions(item["system"])
        if isinstance(item.get("tools"), list):
            self.tools = self.dialect.tools_of({"tools": item["tools"]}, {"session": self.ident})
            for name, (function, said, schema) in self.tools.items() if is_real(self.model) else ():
                self.model.function_registry.register(name, said, schema)(function)
        for name in ("voice", "turnDetection"):
            if item.get(name) is not None:
                self.warn_once(f"this model's `{name}` cannot be changed while it is connected")

    async def _hear(self, item):
        hear = getattr(self.model, "simple_audio_response", None)
        if not callable(hear):
            self.warn_once("this model hears nothing: it has no simple_audio_response")
            return
        sound = _decoded(item)
        named = self.dialect.named(hear, self.params)
        if "participant" in named:
            from .history import participant_of

            # The real package keeps nothing of what nobody said.
            who = participant_of(self.params, "user" if is_real(self.model) else None)
            named["participant"] = sound.participant = self.model._current_participant = who
        named.pop("processors", None)
        shape = Shape(hear)
        if shape.known and not shape.positional and not shape.has_varargs:
            raise Failure("plugin_bug", "simple_audio_response takes no sound")
        await _settled(hear(sound, **named))

    def secrets(self):
        secrets = self.params.get("secrets")
        return [each for each in secrets.values() if isinstance(each, str)] if isinstance(secrets, dict) else []

    # -- the end ------------------------------------------------------------------------------------------------

    def give_up(self):
        """It did not open, and nobody will close it: what `connect` had begun is ended, unheard."""
        self.closed = self.leaving = True
        asyncio.ensure_future(self.close("it did not open"))

    async def close(self, reason):
        """Closes the plugin's side and tells the host. Whatever the plugin does about it, the session is over."""
        if self.closing:
            return
        self.closing = True
        close = getattr(self.model, "close", None)
        try:
            if callable(close):
                await asyncio.wait_for(_settled(close()), _PATIENCE)
        except (asyncio.TimeoutError, SystemExit, KeyboardInterrupt, Exception) as error:
            logs.note(f"close of the session {self.ident} failed: {type(error).__name__}: {error}")
        own = asyncio.current_task()
        for task in {*self.tasks, *self.handlers} - {own}:
            task.cancel()
        if self.lent is not None:
            await self.lent.__aexit__()
            self.lent = None
        self.end(reason)
        self.gone(self)


def _size(item):
    return len(item.get("data") or "") + _EACH


async def _settled(value):
    return await value if hasattr(value, "__await__") else value


def _decoded(item):
    """The sound of a message."""
    import base64

    if item.get("path"):
        with open(item["path"], "rb") as opened:
            data = opened.read()
    else:
        data = base64.b64decode(item.get("data") or "")
    try:
        return piece(data, item.get("rate", 24000), item.get("channels", 1))
    except Wrong as error:
        raise Failure("invalid_request", f"the sound that was sent is {error}") from None
