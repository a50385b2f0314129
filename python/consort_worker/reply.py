"""Sends what a plugin's method returned: a text, or a generator of pieces of one."""

import os

from . import loop
from .failures import Failure
from .loading import plugin


def send(call, returned, line, if_empty=None):
    """Sends it from the request's own thread, and gives the answer. `line` is where the method begins; `if_empty` is
    what to warn of where a stream ends without a word."""
    if hasattr(returned, "__await__"):
        returned = loop.wait(call, returned)
    if isinstance(returned, str):
        return _whole(call, returned)
    if hasattr(returned, "__aiter__"):
        return loop.wait(call, _stream_async(call, returned, line, if_empty))
    if hasattr(returned, "__next__"):
        return _stream(call, returned, line, if_empty)
    raise _wrong("returned", returned, line)


async def send_async(call, returned, line, if_empty=None):
    """The same, on the loop."""
    if hasattr(returned, "__await__"):
        returned = await returned
    if isinstance(returned, str):
        return _whole(call, returned)
    if hasattr(returned, "__aiter__"):
        return await _stream_async(call, returned, line, if_empty)
    if hasattr(returned, "__next__"):
        return _stream(call, returned, line, if_empty)
    raise _wrong("returned", returned, line)


def _whole(call, text):
    if len(text) > 262144:  # more than a line should hold
        call.text(text)
        return {"finishReason": "stop"}
    return {"finishReason": "stop", "content": [{"type": "text", "text": str(text)}]}


def _stream(call, pieces, line, if_empty):
    sink, silent = _sink(call), True
    try:
        for piece in pieces:
            silent = not _give(sink, piece, line) and silent
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    return _done(call, sink, silent and if_empty)


async def _stream_async(call, pieces, line, if_empty):
    sink, silent = _sink(call), True
    try:
        async for piece in pieces:
            silent = not _give(sink, piece, line) and silent
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
    return _done(call, sink, silent and if_empty)


def _give(sink, piece, line):
    """Sends a piece on; whether it says something."""
    if isinstance(piece, str):
        if piece:
            sink(piece)
        return bool(piece)
    if piece is not None:
        raise _wrong("yielded", piece, line)
    return False


def _sink(call):
    """Where pieces go: out at once, or together into the answer where nobody wants a stream."""
    if call.params.get("stream") is False:
        return Gather(call)
    return call.text


def _done(call, sink, warning):
    if warning:
        call.event(type="warning", message=warning)
    if isinstance(sink, Gather):
        return _whole(call, "".join(sink.pieces))
    return {"finishReason": "stop"}


class Gather:
    """Keeps the pieces of a text, for as long as anybody wants it."""

    def __init__(self, call):
        self.call = call
        self.pieces = []

    def __call__(self, piece):
        if self.call.cancelled:
            from .calls import Cancelled

            raise Cancelled
        self.pieces.append(piece)


def _wrong(verb, value, line):
    named = "None" if value is None else type(value).__name__
    at = f"{os.path.basename(plugin.file)}:{line}" if plugin.file else None
    return Failure("plugin_bug", f"{verb} {named}, expected str", at=at)
