"""Where in the plugin's own code it happened, and the traceback from there on."""

import os
import sys
import threading
import traceback

from .loading import plugin


def where(error):
    """(`file:line` of the deepest frame in the plugin's own code, the traceback from its first frame on)."""
    if isinstance(error, SyntaxError) and error.filename and is_own(error.filename) and error.lineno:
        return f"{os.path.basename(error.filename)}:{error.lineno}", _text(error, None)
    first, place = None, None
    step = error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if is_own(path):
            place = (path, step.tb_lineno)
            first = first or step
        step = step.tb_next
    if place is None and error.__cause__ is not None:
        return where(error.__cause__)[0], _text(error, None)
    at = f"{os.path.basename(place[0])}:{place[1]}" if place else None
    return at, _text(error, first)


def waiting(tasks):
    """`file:line` of the plugin's own code that runs or waits just now: in some thread, or in one of these tasks."""
    for frame in sys._current_frames().values():
        while frame is not None:
            if is_own(frame.f_code.co_filename):
                return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
            frame = frame.f_back
    for task in tasks:
        at, waits = None, task.get_coro()
        while waits is not None:
            frame = getattr(waits, "cr_frame", None) or getattr(waits, "ag_frame", None)
            if frame is not None and is_own(frame.f_code.co_filename):
                at = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
            waits = _awaited(waits)
        if at is not None:
            return at
    return None


def _awaited(waits):
    """What a coroutine waits for; an async generator stands behind an object that does not tell of it."""
    waits = getattr(waits, "cr_await", None) or getattr(waits, "ag_await", None)
    if waits is None or hasattr(waits, "cr_frame") or hasattr(waits, "ag_frame"):
        return waits
    import gc

    return next((each for each in gc.get_referents(waits) if hasattr(each, "ag_frame")), None)


def yielding(pieces):
    """`file:line` of the plugin's own code at which a generator stands, also one that it yields from; else None."""
    at = None
    while pieces is not None:
        frame = getattr(pieces, "gi_frame", None) or getattr(pieces, "ag_frame", None)
        if frame is not None and is_own(frame.f_code.co_filename):
            at = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        pieces = getattr(pieces, "gi_yieldfrom", None)
    return at


def here():
    """`file:line` of the plugin's own code that this thread is in just now; None where it is in none."""
    frame = sys._getframe(1)
    while frame is not None and not is_own(frame.f_code.co_filename):
        frame = frame.f_back
    return frame and f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def running():
    """`file:line` of the plugin's own code that some other thread is in just now; None where none is."""
    mine = threading.get_ident()
    for ident, frame in sorted(sys._current_frames().items(), reverse=True):
        while ident != mine and frame is not None:
            if is_own(frame.f_code.co_filename):
                return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
            frame = frame.f_back
    return None


def is_own(path):
    """Whether the author of the plugin wrote it: its file, or a helper beside it."""
    return plugin.owns(path) or plugin.is_beside(path)


def _text(error, first):
    try:
        lines = traceback.format_exception(type(error), error, first, chain=True, limit=-30)
    except Exception as broken:  # an exception whose __str__ raises
        return f"{type(error).__name__} (its text cannot be shown: {type(broken).__name__})"
    text = "".join(lines)
    return text if len(text) <= 16000 else text[:4000] + "\n  …\n" + text[-12000:]
