"""The one asyncio loop, in a thread of its own, started when the first coroutine comes."""

import threading

from .calls import Cancelled, finish, leave, raise_in

_start = threading.Lock()
_loop = None
_thread = None


def get():
    global _loop
    with _start:
        if _loop is None:
            import asyncio

            loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=(asyncio, loop), name="asyncio", daemon=True).start()
            _loop = loop
    return _loop


def _run(asyncio, loop):
    global _thread
    _thread = threading.get_ident()
    asyncio.set_event_loop(loop)
    while True:
        try:
            loop.run_forever()
        except (Cancelled, SystemExit, KeyboardInterrupt):
            # Cancelled was meant for a task that had just ended; asyncio lets the others out of a plugin's own task.
            continue


def serve_on_loop(call, handler):
    """Serves a request by `await handler(call)`."""
    loop = get()
    loop.call_soon_threadsafe(_spawn, loop, call, handler)


def _spawn(loop, call, handler):
    task = loop.create_task(_serve(call, handler))
    call.task = task  # the loop itself keeps only a weak reference
    call.stop = lambda: loop.call_soon_threadsafe(task.cancel)
    # A coroutine that never awaits keeps the loop from hearing of that: it is broken into while it runs.
    import asyncio

    call.runs = lambda: asyncio.current_task(loop) is task
    call.thread = threading.get_ident()
    call.inside = True
    if call.cancelled:
        task.cancel()


async def _serve(call, handler):
    import asyncio

    result = error = None
    try:
        result = await handler(call)
    except (Cancelled, asyncio.CancelledError) as cancelled:
        # A plugin that cancels itself has not been cancelled by the host: that is its error.
        error = Cancelled() if call.cancelled or isinstance(cancelled, Cancelled) else cancelled
    except (SystemExit, KeyboardInterrupt, Exception) as other:
        error = other
    leave(call)
    finish(call, result, error)


def break_into(lock, is_meant):
    """Raises Cancelled in the task that runs just now, if it is one that is meant. Under the writer's lock, so that no
    line is cut in half."""
    import asyncio

    with lock:
        task = asyncio.current_task(_loop)
        if task is not None and is_meant(task):
            raise_in(_thread, Cancelled)


def wait(call, awaitable):
    """Runs something awaitable for a request that has a thread, and gives its result there."""
    import asyncio

    async def run():
        try:
            return await awaitable
        finally:
            call.end_child()

    future = asyncio.run_coroutine_threadsafe(_caged(run()), get())
    before, call.stop = call.stop, future.cancel
    try:
        if call.cancelled:
            future.cancel()
        outcome, error = future.result()
    except BaseException as interrupted:
        future.cancel()
        if call.cancelled and not isinstance(interrupted, Cancelled):
            raise Cancelled from None
        raise
    finally:
        call.stop = before
    if error is not None:
        raise error
    return outcome


async def _caged(coroutine):
    """Keeps SystemExit and its like from ending the loop that everybody shares."""
    try:
        return await coroutine, None
    except (SystemExit, KeyboardInterrupt, Cancelled) as error:
        return None, error
