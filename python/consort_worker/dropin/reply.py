"""Sends what a drop-in plugin returned: a text, or a generator of pieces of one."""

import os

from .. import loop
from ..failures import Failure
from ..loading import plugin


def send(call, returned, client):
    """Sends it from the request's own thread, and gives the answer."""
    if hasattr(returned, "__await__"):
        returned = loop.wait(call, returned)
    if isinstance(returned, str):
        return _whole(call, returned)
    if hasattr(returned, "__aiter__"):
        return loop.wait(call, _stream_async(call, returned, client))
    if hasattr(returned, "__next__"):
        return _stream(call, returned, client)
    raise _wrong("returned", returned, client)


async def send_async(call, returned, client):
    """The same, on the loop."""
    if hasattr(returned, "__await__"):
        returned = await returned
    if isinstance(returned, str):
        return _whole(call, returned)
    if hasattr(returned, "__aiter__"):
        return await _stream_async(call, returned, client)
    if hasattr(returned, "__next__"):
        return _stream(call, returned, client)
    raise _wrong("returned", returned, client)


def _whole(call, text):
    if len(text) > 262144:  # more than a line should hold
        call.text(text)
        return {"finishReason": "stop"}
    return {"finishReason": "stop", "content": [{"type": "text", "text": str(text)}]}


def _stream(call, pieces, client):
    sink = _sink(call)
    try:
        for piece in pieces:
            _give(sink, piece, client)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    return _done(sink)


async def _stream_async(call, pieces, client):
    sink = _sink(call)
    try:
        async for piece in pieces:
            _give(sink, piece, client)
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
    return _done(sink)


def _give(sink, piece, client):
    if isinstance(piece, str):
        if piece:
            sink(piece)
    elif piece is not None:
        raise _wrong("yielded", piece, client)


def _sink(call):
    """Where pieces go: out at once, or together into the answer where nobody wants a stream."""
    if call.params.get("stream") is False:
        return _Gather(call)
    return call.text


def _done(sink):
    if isinstance(sink, _Gather):
        return _whole(sink.call, "".join(sink.pieces))
    return {"finishReason": "stop"}


class _Gather:
    def __init__(self, call):
        self.call = call
        self.pieces = []

    def __call__(self, piece):
        if self.call.cancelled:
            from ..calls import Cancelled

            raise Cancelled
        self.pieces.append(piece)


def _wrong(verb, value, client):
    named = "None" if value is None else type(value).__name__
    at = f"{os.path.basename(plugin.file)}:{client.shape.line}"
    return Failure("plugin_bug", f"{verb} {named}, expected str", at=at)
