"""The two ends of the protocol's pipe: whole lines in, whole lines out."""

import json
import os
import threading

from . import jsontext

_CHUNK = 65536


class TooLong(Exception):
    """A line over the limit. Its head is kept, because it may still tell whom to answer."""

    def __init__(self, head):
        super().__init__("line too long")
        self.head = head


class Writer:
    """Writes one line at a time, from any thread."""

    def __init__(self, descriptor, limit):
        self.descriptor = descriptor
        self.limit = limit
        # Whoever breaks into a thread (see calls.py) holds this lock meanwhile, so that no line is cut in half.
        self.lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self):
        """In a child, the threads that may have held the lock are gone."""
        self.lock = threading.Lock()

    def send(self, message):
        self.send_line(jsontext.dumps(message))

    def send_line(self, line):
        line += b"\n"
        with self.lock:
            self._write(line)

    def _write(self, line):
        try:
            count = os.write(self.descriptor, line)
            while count < len(line):  # a signal came between
                line = line[count:]
                count = os.write(self.descriptor, line)
        except OSError:
            # The host is gone, and with it everybody who could read what comes next. The reader sees the same.
            pass


def lines(descriptor, limit_of):
    """Yields each line as bytes, or TooLong in place of one; ends with the pipe.

    `limit_of()` is asked anew for each line, because the handshake sets it.
    """
    rest = b""
    while True:
        chunk = _read(descriptor)
        if not chunk:
            return
        if rest:
            chunk = rest + chunk
        *whole, rest = chunk.split(b"\n")
        yield from whole
        if len(rest) < _CHUNK:
            continue
        # A long line: gather it without copying what is there each time.
        parts, size, limit = [rest], len(rest), limit_of()
        rest = b""
        while True:
            chunk = _read(descriptor)
            if not chunk:
                return
            head, end, chunk = chunk.partition(b"\n")
            size += len(head)
            if size <= limit:
                parts.append(head)
            elif len(parts) > 1:
                del parts[1:]
            if end:
                break
        yield b"".join(parts) if size <= limit else TooLong(parts[0])
        *whole, rest = chunk.split(b"\n")
        yield from whole


def _read(descriptor):
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


def parse(line):
    """A line's object; raises ValueError where it is none."""
    try:
        message = json.loads(line.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise TypeError("not an object")
    return message
