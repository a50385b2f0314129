"""Threads that a plugin starts work for the request that started them: a model's blocking client is read in one."""

import threading
from contextvars import copy_context

from .current import current

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
            thread.run = lambda: context.run(run)
            if getattr(thread._target, "__module__", None) != "concurrent.futures.thread":  # a pool's wait for ever
                request.threads = [*(each for each in request.threads if each.is_alive() or not each.ident), thread]
        start(thread)

    def submit_for(pool, function, /, *arguments, **named):
        return submit(pool, copy_context().run, function, *arguments, **named)

    threading.Thread.start, ThreadPoolExecutor.submit = start_for, submit_for
