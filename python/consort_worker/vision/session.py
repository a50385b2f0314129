"""One live session: its plugin's object, what goes into it one after the other, and how it begins and ends."""

import asyncio
import threading
from collections import deque
from contextvars import copy_context

from .. import frames, logs
from ..calls import Cancelled
from ..failures import Failure, failure_of
from ..loading import plugin
from ..shape import called
from .beside import Beside, settled
from .current import Answer, answering, current
from . import forgotten, threads
from .lent import Lent
from .outcome import Outcome
from .real import is_real
from .remembered import Remembered
from .repeats import Repeats
from .sound import Wrong, piece
from .starting import started

_MOST = 32 << 20  # bytes that may wait for the plugin, as they were sent
_EACH = 256  # what a piece takes besides them
_PATIENCE = 5.0  # seconds that `close` may take


class Session(Beside, Outcome, Remembered):
    def __init__(self, ident, host, model, tools, given, params, dialect, gone):
        Beside.__init__(self)
        Outcome.__init__(self, ident, host, bool((params.get("meta") or {}).get("raw")))
        Remembered.__init__(self)
        self.model = model
        self.tools = self._counted(tools)
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
        self.fed = threading.Event()  # whether the loop has seen what was sent
        self.texts = deque()  # those that are answered one after the other, as what each waits for
        self.taking = {}  # the tasks that take an input -> what it is known by
        self.lent = None
        self.repeats = Repeats(self)

    # -- beginning ----------------------------------------------------------------------------------------------

    async def open(self):
        current.set(self)  # for this request's task, and for every task that is started from it
        self.context = copy_context()  # and for what goes in later
        for name in ("events", "output_track", "_output"):
            owner = getattr(self.model, name, None)
            if owner is not None:
                # For what comes from threads and callbacks that know of no session.
                owner._session = self
        if is_real(self.model):
            self.lent = await Lent(self, self.model).__aenter__()
            self._start(self.lent.drain())
        threads.follow()
        threads.sessions.append(self)
        forgotten.follow()
        self._watch_tasks()
        self._guard_handler()
        await started(self.model)
        await self._connect()
        await asyncio.sleep(0)  # a task that it started has begun then
        if self.closing:  # it ended while it opened
            return
        self._begin_handler()
        self._start(self._feed_all())

    async def _connect(self):
        connect = getattr(self.model, "connect", None)
        if not callable(connect):
            return
        try:
            await self.follow(connect(), "connect")
        except (asyncio.CancelledError, Cancelled) as given_up:  # who waited for it is told so, and the author where
            at, _ = frames.where(given_up)
            logs.note(f"the session {self.ident} was given up while it opened" + (f"; `connect` was at {at}" if at else ""))
            raise

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
        self.fed.set()
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
                await asyncio.wait([self._start(self._tried(item))])
            await self.filled.wait()

    async def _tried(self, item):
        """What goes wrong with one input is told, and the session goes on."""
        told, answer, own = self.told, Answer(item.get("type")), asyncio.current_task()
        self.taking[own] = answer
        answering.set(answer)  # in this task, which is the input's own
        if answer.kind in ("text", "commit"):
            self.repeats.end()
        try:
            await self._take(item, answer)
            if item.get("type") in ("text", "commit"):
                self._expect(told)
        except NotImplementedError as error:  # once is enough, at fifty pieces a second
            self.warn_once(str(error) or f"this model takes no `{item.get('type')}`")
        except (asyncio.CancelledError, Cancelled, SystemExit, KeyboardInterrupt, Exception) as error:
            if answer.cut:  # whatever it trips over on its way out
                return
            if isinstance(error, (asyncio.CancelledError, Cancelled)):
                raise
            self._answer_failed(error, answer)
        finally:
            self.taking.pop(own, None)
            self._end_cut(answer)

    async def _take(self, item, answer):
        kind = item.get("type")
        if kind == "audio":
            await self._hear(item)
        elif kind == "text":
            try:
                await self._floor(answer)
                named = self.dialect.named(self.model.simple_response, self.params)
                self.begin_turn(answer)
                text = str(item.get("text") or "")
                self.asked = (answer, text)
                await self.follow(called(self.model.simple_response, text, **named), "simple_response")
            finally:
                self._remember_asked(answer)
                self._leave_floor(answer)
        elif kind == "interrupt":
            self._cut()
            interrupt = getattr(self.model, "interrupt", None)
            if callable(interrupt):
                await settled(interrupt())
        elif kind == "commit":
            commit = getattr(self.model, "commit_audio", None)
            if callable(commit):
                await self.follow(commit(), "commit_audio")
        else:
            self.warn_once(f"this model takes no `{kind}`")

    async def _floor(self, answer):
        """Returns when the texts before this one are answered, or cut."""
        answer.floor = asyncio.get_running_loop().create_future()
        self.texts.append(answer.floor)
        if self.texts[0] is not answer.floor:
            await answer.floor
        answer.begun = True

    def _leave_floor(self, answer):
        if answer.floor in self.texts:
            was_first = self.texts[0] is answer.floor
            self.texts.remove(answer.floor)
            if was_first and self.texts and not self.texts[0].done():
                self.texts[0].set_result(None)

    def _cut(self):
        """The user speaks into the answer: whatever gives it need not go on. A text that has its turn yet to come stays."""
        for task, answer in list(self.taking.items()):
            if answer.begun or answer.gave:
                answer.cut = True
                task.cancel()
                self._end_cut(answer)
                self._leave_floor(answer)  # also where it does not stop
        self._end_item()  # what is said from now on is another answer, whatever the plugin makes of this
        self._stops_playing()

    def is_cut(self, task):
        """From another thread, where the loop is held up and cannot cut: whether this task is one to be broken into."""
        answer = self.taking.get(task)
        if answer is None or not (answer.begun or answer.gave):
            return False
        answer.cut = True
        return True

    def _update(self, item):
        """Instructions and tools from now on; a plugin is told no other wish of the host once it is connected."""
        if isinstance(item.get("system"), str):
            self.given = {**self.given, "_instructions": item["system"]}
            if is_real(self.model):
                self.model.set_instructions(item["system"])
        if isinstance(item.get("tools"), list):
            self.tools = self._counted(self.dialect.tools_of({"tools": item["tools"]}, {"session": self.ident}))
            for name, (function, said, schema) in self.tools.items() if is_real(self.model) else ():
                self.model.function_registry.register(name, said, schema)(function)
        for name in ("voice", "turnDetection"):
            if item.get(name) is not None:
                self.warn_once(f"this model's `{name}` cannot be changed while it is connected")

    async def _hear(self, item):
        hear = getattr(self.model, "simple_audio_response", None)
        takes = getattr(self.model, "process_audio", None)
        if takes is not None and plugin.owns(getattr(getattr(takes, "__code__", None), "co_filename", "")):
            hear = takes  # one of the plugin's own, which hands on what it wants to
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
        await self.follow(called(hear, sound, **named), "simple_audio_response")

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
        close, begun = getattr(self.model, "close", None), asyncio.get_running_loop().time()
        try:
            if callable(close):
                await asyncio.wait_for(settled(close()), _PATIENCE)
        except (asyncio.TimeoutError, SystemExit, KeyboardInterrupt, Exception) as error:
            self._close_failed(error, asyncio.get_running_loop().time() - begun >= _PATIENCE)
        self.repeats.end()
        own = asyncio.current_task()
        for task in {*self.tasks, *self.handlers} - {own}:
            task.cancel()
        if self.lent is not None:
            await self.lent.__aexit__()
            self.lent = None
        self.end(reason)
        if self in threads.sessions:
            threads.sessions.remove(self)
        self.gone(self)

    def _close_failed(self, error, is_late):
        if is_late:
            what = f"`close` did not end within {_PATIENCE:g} s and was given up"
        else:
            what = f"`close` failed: {type(error).__name__}: {error}"
        at, _ = frames.where(error)
        message = what + (f" ({at})" if at else "")
        logs.note(f"the session {self.ident}: {message}")
        self.warn_once(message)


def _size(item):
    return len(item.get("data") or "") + _EACH


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
