"""Open requests of the host: their events, their one answer, and how they are cancelled."""

import os
import threading
import time

from . import ending, jsontext
from .failures import Failure, failure_of

_PATIENCE = 1.5  # seconds that a cancelled plugin may take to stop before it is answered for
_POLITE = 0.1  # how long it may stop by itself before it is broken into


class Cancelled(BaseException):
    """Raised inside the plugin's code; no `except Exception` of its author should swallow it."""


class Call:
    """One request. Whoever serves it sends events, and returns the result or raises."""

    def __init__(self, writer, ident, method, params):
        self.writer = writer
        self.ident = ident
        self.method = method
        self.params = params
        self.cancelled = False
        self.closed = False  # answered: written and read under the writer's lock
        self.inside = False  # the plugin's code may be broken into
        self.thread = None
        self.process = os.getpid()
        self.runs = None  # where the thread serves others too: whether it is in this request just now
        self.stop = None  # how to cancel it where it is a task
        self.on_close = None
        head = {"jsonrpc": "2.0", "method": "generate/event", "params": {"request": ident, "events": []}}
        self._head = jsontext.dumps(head)[:-3]  # up to and with the `[`
        self._text_head = self._head + b'{"type":"text","text":'

    def text(self, delta):
        """Sends a text delta. Most of what a worker does is this, so it does little."""
        if self.cancelled:
            raise Cancelled
        if len(delta) > 262144:
            for piece in jsontext.pieces(delta):
                self._send(self._text_head + jsontext.quoted(piece) + b"}]}}\n")
            return
        self._send(self._text_head + jsontext.quoted(delta) + b"}]}}\n")

    def event(self, **event):
        """Sends any other event."""
        if self.cancelled:
            raise Cancelled
        line = self._head + jsontext.dumps(event) + b"]}}\n"
        if len(line) > self.writer.limit:
            raise Failure("protocol", f"an event of {len(line)} bytes is more than a line may hold")
        self._send(line)

    def _send(self, line):
        writer = self.writer
        with writer.lock:
            if self.closed:  # answered for, because it would not stop: nobody listens any more
                raise Cancelled
            writer._write(line)

    def answer(self, result=None, error=None):
        """Answers once; what comes later is dropped."""
        message = {"jsonrpc": "2.0", "id": self.ident}
        if error is None:
            message["result"] = {} if result is None else result
        else:
            message["error"] = error
        line = jsontext.dumps(message) + b"\n"
        if len(line) > self.writer.limit:
            failure = Failure("protocol", f"an answer of {len(line)} bytes is more than a line may hold")
            line = jsontext.dumps({"jsonrpc": "2.0", "id": self.ident, "error": failure.to_error()}) + b"\n"
        with self.writer.lock:
            if self.closed:
                return
            self.closed = True
            self.writer._write(line)
        if self.on_close is not None:
            self.on_close(self)

    def end_child(self):
        """Ends a process that the plugin forked: the worker is not its to go on with."""
        if os.getpid() != self.process:
            ending.come_back(self.method)

    def answer_cancelled(self):
        if self.method == "generate":
            self.answer({"finishReason": "cancelled"})
        else:
            self.answer(error={"code": -32800, "message": "cancelled", "data": {"kind": "cancelled"}})

    def answer_failure(self, error):
        if self.cancelled:  # whatever a cancelled plugin trips over on its way out
            self.answer_cancelled()
        else:
            self.answer(error=failure_of(error, self.secrets()).to_error())

    def secrets(self):
        secrets = self.params.get("secrets") if isinstance(self.params, dict) else None
        return [value for value in secrets.values() if isinstance(value, str)] if isinstance(secrets, dict) else []


def serve_in_thread(call, handler):
    try:
        threading.Thread(target=_serve, args=(call, handler), name=f"request {call.ident}", daemon=True).start()
    except RuntimeError as error:  # as many threads as the system gives
        call.answer(error=Failure("overloaded", f"the plugin has too many requests at once: {error}").to_error())


def _serve(call, handler):
    call.thread = threading.get_ident()
    result = error = None
    try:
        call.inside = True
        if call.cancelled:
            raise Cancelled
        result = handler(call)
    except Cancelled as cancelled:
        error = cancelled
    except BaseException as other:  # SystemExit of a plugin ends its request, not the worker
        error = other
    leave(call)
    finish(call, result, error)


def finish(call, result, error):
    call.end_child()
    if isinstance(error, Cancelled):
        call.answer_cancelled()
    elif error is not None:
        call.answer_failure(error)
    elif call.cancelled:
        call.answer_cancelled()
    else:
        call.answer(result)


def leave(call):
    """The plugin's code is done: nothing breaks into the thread on this request's account any more."""
    while True:
        try:
            with call.writer.lock:
                call.inside = False
                if call.cancelled:
                    raise_in(call.thread, None)
            return
        except Cancelled:  # one that was on its way
            continue


def cancel(call):
    """Stops a request: between two chunks if the plugin gives any, else by breaking in; answers it in any case."""
    if call.cancelled:
        return
    call.cancelled = True
    if call.stop is not None:
        call.stop()
    threading.Thread(target=_see_it_stop, args=(call,), name="cancel", daemon=True).start()


def _see_it_stop(call):
    started = time.monotonic()
    next_blow = started + _POLITE
    while not call.closed:
        now = time.monotonic()
        if now > started + _PATIENCE:
            # In C code that nobody can interrupt. The thread ends with its next event, or with the worker.
            call.answer_cancelled()
            return
        if now >= next_blow and call.thread is not None:
            next_blow = now + 0.3
            with call.writer.lock:
                if call.inside and not call.closed and (call.runs is None or call.runs()):
                    raise_in(call.thread, Cancelled)
        time.sleep(0.01)


def raise_in(thread, kind):
    """Raises in another thread, at its next bytecode (None takes back what was not raised yet)."""
    try:
        import ctypes
    except ImportError:  # some small builds have none; the next event stops the plugin then
        return
    raised = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
