"""The open live sessions of a plugin, by their ids."""

import itertools
import threading

from .. import loop
from ..failures import Failure
from .session import Session


class Sessions:
    def __init__(self, dialect, host):
        self.dialect = dialect
        self.host = host
        self.numbers = itertools.count(1)
        self.open_ones = {}

    async def open(self, call, source):
        params = call.params
        if params.get("options"):
            raise Failure("invalid_request", f"{source.ident} has no option `{next(iter(params['options']))}`")
        ident = f"rt{next(self.numbers)}"
        tools = self.dialect.tools_of(params, {"session": ident})
        model = source.get(params.get("secrets"), fresh=True)
        if any(session.model is model for session in self.open_ones.values()):
            raise Failure("setup", "its one model holds a live session already, and it can hold no second",
                          help="write `def create_llm():` that returns a new model: each session then has its own")
        given = self.dialect.given(model, {**params, "messages": [*(params.get("messages") or ()), {}]})
        session = Session(ident, self.host, model, tools, given, params, self.dialect, self._gone)
        self.open_ones[ident] = session
        try:
            await session.open()
        except BaseException:
            self.open_ones.pop(ident, None)
            session.give_up()
            raise
        for warning in self.dialect.take_mended():
            session.warn_once(warning)
        return {"session": ident}

    def input(self, params):
        """From the reader's thread; sound is counted here, since the loop may be held up."""
        session = self.open_ones.get(params.get("session"))
        inputs = params.get("inputs")
        if session is None or not isinstance(inputs, list):
            return  # what is sent to a session that just ended comes too late for anybody
        session.fed.clear()
        session.put(inputs)
        loop.get().call_soon_threadsafe(session.feed, context=session.context)
        if any(isinstance(each, dict) and each.get("type") == "interrupt" for each in inputs):
            self._free(session.fed, session.is_cut, lambda: session.closing)

    def close(self, call):
        """From the request's own thread: a plugin that holds the loop up is broken into."""
        session = self.open_ones.get(call.params.get("session"))
        if session is None:
            raise Failure("invalid_request", f"no session is open as `{call.params.get('session')}`")
        session.leaving, begun = True, threading.Event()

        async def close():
            begun.set()
            await session.close("asked for")

        self._free(begun, session.owns, lambda: call.closed)
        loop.wait(call, close())
        return {}

    def _free(self, heard, is_meant, is_over):
        """Breaks into what holds the loop up, for as long as it has not heard."""

        def free():
            while not heard.wait(0.3) and not is_over():
                loop.break_into(self.host.writer.lock, is_meant)

        threading.Thread(target=free, name="free", daemon=True).start()

    def _gone(self, session):
        self.open_ones.pop(session.ident, None)
