"""Requests of the plugin to the host, such as running a tool, and the answers to them."""

import itertools
import threading

from . import jsontext
from .failures import Failure


class Host:
    def __init__(self, writer):
        self.writer = writer
        self.offers = {}  # what it said that it can, in `initialize`
        self._lock = threading.Lock()
        self._open = {}
        self._numbers = itertools.count(1)

    def notify(self, method, params):
        """Tells the host. What no line may hold is not sent: its size is given back."""
        line = jsontext.dumps({"jsonrpc": "2.0", "method": method, "params": params})
        if len(line) >= self.writer.limit:
            return len(line)
        self.writer.send_line(line)
        return None

    def ask(self, call, method, params):
        """Asks and waits, in the request's own thread. A cancel of the request ends the wait."""
        arrived = threading.Event()
        answer = []
        number = self._send(method, params, lambda message: (answer.append(message), arrived.set()))
        try:
            while not arrived.wait(0.05):
                if call.cancelled:
                    from .calls import Cancelled

                    raise Cancelled
        finally:
            if not answer and self._forget(number):
                self.notify("cancel", {"request": number})
        return _result(answer[0])

    def ask_later(self, method, params, deliver):
        """Asks, and hands the answering message to `deliver` when it comes, in the reader's thread."""
        self._send(method, params, deliver)

    async def ask_async(self, method, params):
        """Asks from a coroutine. The task's own cancellation ends the wait."""
        import asyncio

        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def deliver(message):
            loop.call_soon_threadsafe(lambda: future.done() or future.set_result(message))

        number = self._send(method, params, deliver)
        try:
            return _result(await future)
        finally:
            if self._forget(number):
                self.notify("cancel", {"request": number})

    def _send(self, method, params, deliver):
        number = f"w{next(self._numbers)}"
        with self._lock:
            self._open[number] = deliver
        line = jsontext.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        if len(line) > self.writer.limit:
            self._forget(number)
            raise Failure("protocol", f"a request of {len(line)} bytes is more than a line may hold")
        self.writer.send_line(line)
        return number

    def _forget(self, number):
        with self._lock:
            return self._open.pop(number, None) is not None

    def arrived(self, message):
        """Hands an answer to whoever waits for it; others are ignored."""
        with self._lock:
            deliver = self._open.pop(message.get("id"), None) if _is_id(message.get("id")) else None
        if deliver is not None:
            deliver(message)


def _is_id(value):
    return isinstance(value, (str, int))


def _result(message):
    error = message.get("error")
    if error is None:
        return message.get("result") or {}
    data = error.get("data") or {}
    raise Failure(data.get("kind", "server"), str(error.get("message", "the host refused")))
