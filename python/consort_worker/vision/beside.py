"""What runs beside a live session's inputs: the plugin's `_handle_events` and its own tasks, and how they end.

What of this ends, and nobody else hears of it, would leave a session that is open and silent.
"""

import asyncio
import threading

from ..loop import get as the_loop
from ..calls import Cancelled
from ..failures import Failure, failure_of
from ..frames import is_own, where
from ..shape import Shape
from . import data
from .current import answering, current

_GRACE = 2.0  # seconds of silence behind the handler's end, in which the plugin may connect again
_LONGEST = 30.0  # seconds in which it may, where a task of its own still runs
_HEARD = 0.3  # seconds in which whoever started a task may look at its failure
_PATIENCE = 10.0  # seconds of silence behind what was asked, where nothing is left that could answer
_HELD = 0.3  # seconds after which a loop that does not hear of a thread's failure is held up


class Beside:
    """The part of a session that watches over what is not an input."""

    def __init__(self):
        self.tasks = set()  # ours
        self.handlers = set()  # the tasks that the plugin's `_handle_events` runs in
        self.own = set()  # the plugin's other tasks
        self.threads = []  # and its threads
        self.begun = 0  # how often the handler was begun
        self.handler = self.begin = None  # the plugin's own, and what begins it
        self.over = None  # what to say of the handler, once it ended
        self.leaving = False  # the host asked for the end

    def owns(self, task):
        return task in self.tasks or task in self.handlers or task in self.own

    def _start(self, coroutine):
        task = self._run(self._kept(coroutine))
        task.add_done_callback(lambda _: coroutine.close())  # one that is cancelled before it begins
        return task

    async def _kept(self, coroutine):
        try:
            await self._watched(coroutine)
        except asyncio.CancelledError:
            if not self.closing:  # as cleaning up by `all_tasks()` does
                self._failed(Failure("plugin_bug", "the plugin cancelled a task of the session that is not its own"))
            raise

    def _run(self, coroutine):
        task = asyncio.Task(coroutine, loop=asyncio.get_running_loop())  # not by the loop's factory: it is none of the plugin's
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _watched(self, coroutine):
        """A failure of what runs beside everything else ends the session, with its reason."""
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except (Cancelled, SystemExit, KeyboardInterrupt, Exception) as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error):
        if self.closed or self.leaving:
            return
        self.fail(failure_of(error, self.secrets()))
        self._end_soon("error")

    def _end_soon(self, reason):
        if not self.closing:
            self._start(self.close(reason))

    # -- the handler --------------------------------------------------------------------------------------------

    def _guard_handler(self):
        """`connect` of some starts `_handle_events` itself, that of others leaves it to the host. A plugin that connects
        again starts it again; where it is a task of its own, nobody else would hear of its end."""
        handler = getattr(self.model, "_handle_events", None)
        if not callable(handler) or Shape(handler).required():  # one that takes an event is called for each
            return
        self.handler = handler

        def begin():
            self.begun += 1
            return watched(self.begun)

        async def watched(number):
            own = asyncio.current_task()
            nested = own in self.handlers
            self.handlers.add(own)
            try:
                if getattr(own.get_coro(), "cr_code", None) is not watched.__code__:
                    await self._handle()  # within something of the plugin's own, whose affair its end is
                    return
                waited = []
                asyncio.get_running_loop().call_soon(waited.append, True)
                if await self._watched(self._handle()):
                    self.over = _over(handler)
                    if waited:
                        self._start(self._after_handler(number))
            finally:
                if not nested:
                    self.handlers.discard(own)

        self.begin = begin
        try:
            self.model._handle_events = begin
        except AttributeError:  # an object with slots
            pass

    async def _after_handler(self, number):
        """A handler that waited for something has read until there was no more to read. One that never waited reads
        nothing: pages print such ones, and their models answer by themselves."""
        told, loop = None, asyncio.get_running_loop()
        latest = loop.time() + _LONGEST
        # What it still says is not cut off, and what it still does may be to wait before it connects again.
        while told != self.told or self._has_thread() or (any(map(_is_own, self.own)) and loop.time() < latest):
            told = self.told
            await asyncio.sleep(_GRACE)
            if self.begun != number:
                return
        if not self.answers and not self.leaving:
            self._end_soon(self.over)

    def _has_thread(self):
        return any(each.is_alive() for each in self.threads)

    def _begin_handler(self):
        """Where `connect` did not."""
        if self.handler is not None and not self.begun:
            self._run(self.begin())

    async def _handle(self):
        await self.follow(self.handler(), "_handle_events")

    # -- the plugin's own tasks ---------------------------------------------------------------------------------

    def _watch_tasks(self):
        asyncio.get_running_loop().set_task_factory(_made)

    def began(self, task):
        """The plugin started a task, or a library that it uses did, whose affair its tasks are."""
        self.own.add(task)
        is_own, answer = _is_own(task), answering.get()

        def ended(task):
            self.own.discard(task)
            if is_own and not task.cancelled():
                asyncio.get_running_loop().call_later(_HEARD, self._unheard, task, answer)

        task.add_done_callback(ended)

    def _unheard(self, task, answer):
        """A failure that nobody looked at. What answers an input may fail; what was started for the session ends it."""
        if not getattr(task, "_log_traceback", False) or self.closing or self.leaving:
            return
        error = task.exception()
        if answer is None:
            self._failed(error)
        else:
            self._answer_failed(error, answer)

    def _answer_failed(self, error, answer):
        self.repeats.fail(failure_of(error, self.secrets()), answer)
        self._end_broken(answer)

    def thread_failed(self, error, answer, thread):
        """From that thread. It is told on the loop, where answers are given, or here where the loop is held up or over."""
        first, heard = threading.Lock(), threading.Event()

        def tell():
            if first.acquire(blocking=False):
                self._thread_failed(error, answer, thread)
                heard.set()

        try:
            the_loop().call_soon_threadsafe(tell)
        except RuntimeError:  # it is over
            pass
        else:
            heard.wait(_HELD)
        tell()

    def _thread_failed(self, error, answer, thread):
        """One that gave the newest of an answer leaves it broken. Any other is beside what is answered, which goes on; and what
        is not in the plugin's own code may be how a library ends."""
        if self.closed or self.closing or self.leaving:
            return
        is_own = where(error)[0] is not None
        if is_own and thread is not None and self.giver_thread is thread:
            self._answer_failed(error, answer)
        else:
            whose = "the plugin" if is_own else "a library"
            self.warn_once(f"a thread of {whose} failed: {data.failed(error)}", data.kind(error, "thread"))

    # -- silence ------------------------------------------------------------------------------------------------

    def _expect(self, told):
        """Something was asked, and what took it is done: an answer comes, unless nothing is left that could give one."""

        def look():
            runs = self.closing or self.handlers or self.own or self._has_thread()
            if self.told == told and not runs:
                why = f"; {self.over}" if self.over else ""
                self.warn_once(f"nothing came back for what was asked, and nothing of the plugin runs{why}")

        asyncio.get_running_loop().call_later(_PATIENCE, look)


def _made(loop, coroutine, **named):
    """Makes a task; a session hears of those that its plugin starts."""
    task = asyncio.Task(coroutine, loop=loop, **named)
    context = named.get("context")
    session = current.get() if context is None else context.get(current)
    if isinstance(session, Beside):
        session.began(task)
    return task


def _is_own(task):
    """Whether a task's code is the plugin's own, and not a library's."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and is_own(code.co_filename)


def _over(handler):
    from ..source import place

    at = place(handler, Shape(handler).line)
    return "its `_handle_events` ended" + (f" ({at})" if at else "")


async def settled(value):
    return await value if hasattr(value, "__await__") else value
