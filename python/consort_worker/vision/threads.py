"""Threads that a plugin starts work for the request that started them: a model's blocking client is read in one. Where one
fails, that request or live session hears of it: Python tells a log only."""

import threading
from contextvars import copy_context

from .. import frames
from .current import answering, current

sessions = []  # the live ones that are open
_done = []


def follow():
    """From the first request on. Python itself lets only `asyncio.to_thread` know what it works for."""
    if _done:
        return
    _done.append(True)
    from concurrent.futures.thread import ThreadPoolExecutor

    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_for(thread):
        request = current.get()
        if request is not None:
            context, run = copy_context(), thread.run
            thread._consort_for = request, answering.get()
            thread.run = lambda: context.run(run)
            if getattr(thread._target, "__module__", None) != "concurrent.futures.thread":  # a pool's wait for ever
                request.threads = [*(each for each in request.threads if each.is_alive() or not each.ident), thread]
        start(thread)

    def submit_for(pool, function, /, *arguments, **named):
        return submit(pool, copy_context().run, function, *arguments, **named)

    before = threading.excepthook

    def failed(thrown):
        before(thrown)
        if thrown.exc_value is not None and not issubclass(thrown.exc_type, SystemExit):  # which only ends a thread
            _tell(thrown.exc_value, thrown.thread)

    threading.excepthook = failed
    threading.Thread.start, ThreadPoolExecutor.submit = start_for, submit_for


def _tell(error, thread):
    owner, answer = getattr(thread, "_consort_for", (None, None))
    # Of one of which nothing is known, the plugin's code says that it is the plugin's, and one session whose it is.
    if owner is None and len(sessions) == 1 and frames.where(error)[0] is not None:
        owner = sessions[0]
    if owner is not None:
        owner.thread_failed(error, answer, thread)
