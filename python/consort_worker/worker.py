"""The worker: reads requests, answers `ping` at once, and gives the rest to the plugin's dialect."""

import os
import queue
import sys
import threading

from . import PROTOCOL, calls, dialects, ending, lastwords, logs, pipe
from .calls import Call
from .failures import Failure, failure_of
from .host import Host

_LIMIT = 8 * 1024 * 1024

# Method -> the dialect's function for it. The rest is the worker's own.
_METHODS = {
    "models/list": "models_list",
    "generate": "generate",
    "tokens/count": "tokens_count",
    "embed": "embed",
    "tools/list": "tools_list",
    "tools/open": "tools_open",
    "tools/call": "tools_call",
    "tools/close": "tools_close",
    "templates/load": "templates_load",
    "fragments/load": "fragments_load",
    "realtime/open": "realtime_open",
    "realtime/close": "realtime_close",
}


class Worker:
    def __init__(self, incoming, outgoing):
        self.incoming = incoming
        self.writer = pipe.Writer(outgoing, _LIMIT)
        self.host = Host(self.writer)
        self.jobs = queue.SimpleQueue()  # for the main thread: what must or should run there
        self.dialect = None
        self.state = "new"
        self.config = {}
        self.failure = None
        self.open = {}
        self.open_lock = threading.Lock()

    def run(self):
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        while True:  # the main thread, which also gets the signals
            self.jobs.get()()

    # -- reading ------------------------------------------------------------------------------------------------

    def _read(self):
        try:
            for line in pipe.lines(self.incoming, lambda: self.writer.limit):
                try:
                    self._line(line)
                except Exception as error:  # one odd message is no reason to be deaf to the others
                    logs.note(f"a message was not understood: {type(error).__name__}: {error}")
        except BaseException as error:  # a reader that dies silently is a worker that hangs
            logs.note(f"the reader failed: {type(error).__name__}: {error}")
        ending.leave()

    def _line(self, line):
        if isinstance(line, pipe.TooLong) or len(line) > self.writer.limit:
            head = line.head if isinstance(line, pipe.TooLong) else line
            self._refuse(_id_in(head), -32600, f"a line of more than {self.writer.limit} bytes")
            return
        if not line.strip():
            return
        try:
            message = pipe.parse(line)
        except TypeError:
            self._refuse(None, -32600, "a line must hold one JSON object")
            return
        except ValueError as error:
            self._refuse(None, -32700, f"not JSON: {error}")
            return
        method = message.get("method")
        if method == "ping":
            if "id" in message:
                self.writer.send({"jsonrpc": "2.0", "id": message["id"], "result": {}})
        elif method == "x-where":
            # From this thread, since the plugin's own code may block all others.
            from .frames import running

            self.writer.send({"jsonrpc": "2.0", "id": message.get("id"), "result": {"at": running()}})
        elif isinstance(method, str):
            self._asked(message, method)
        elif "result" in message or "error" in message:
            self.host.arrived(message)
        else:
            self._refuse(message.get("id"), -32600, "neither a request nor an answer")

    def _asked(self, message, method):
        ident, params = message.get("id"), message.get("params")
        params = {} if params is None else params
        if not isinstance(params, dict):
            if ident is not None:
                self._refuse(ident, -32602, "params must be an object")
            return
        if method == "cancel":
            with self.open_lock:
                call = self.open.get(_key(params.get("request")))
            if call is not None:
                calls.cancel(call)
        elif ident is None:
            if method == "realtime/input" and hasattr(self.dialect, "realtime_input"):
                self.dialect.realtime_input(params)  # only handed on: sound must not wait for anything
        elif not isinstance(ident, (str, int, float)) or isinstance(ident, bool):
            self._refuse(None, -32600, "an id must be an integer or a string")
        elif method == "initialize":
            self._initialize(ident, params)
        elif method == "shutdown":
            threading.Thread(target=self._shutdown, args=(ident,), daemon=True).start()
        elif method in _METHODS:
            self._dispatch(ident, method, params)
        elif method == "plugin/check":
            self._check(ident, params)
        else:
            self._refuse(ident, -32601, f"unknown method `{method}`")

    def _refuse(self, ident, code, message):
        error = {"code": code, "message": message, "data": {"kind": "protocol"}}
        self.writer.send({"jsonrpc": "2.0", "id": ident, "error": error})

    # -- requests -----------------------------------------------------------------------------------------------

    def _dispatch(self, ident, method, params):
        call = Call(self.writer, ident, method, params)
        if self.state != "ready":
            call.answer(error=(self.failure or Failure("protocol", "initialize first")).to_error())
            return
        name = _METHODS[method]
        handler = getattr(self.dialect, name, None)
        if handler is None:
            self._refuse(ident, -32601, f"this plugin has no `{method}`")
            return
        key = _key(ident)
        with self.open_lock:
            taken = key in self.open
            if not taken:
                self.open[key] = call
        if taken:
            self._refuse(ident, -32600, f"the id {ident!r} is in use")
            return
        call.on_close = self._closed
        on_loop = getattr(self.dialect, f"{name}_on_loop", None)
        handler_on_loop = on_loop(params) if on_loop is not None else None
        if handler_on_loop is not None:
            from .loop import serve_on_loop

            serve_on_loop(call, handler_on_loop)
        else:
            calls.serve_in_thread(call, handler)

    def _check(self, ident, params):
        """Also for a plugin that did not load: its author needs it most."""
        call = Call(self.writer, ident, "plugin/check", params)
        if self.state not in ("ready", "failed"):
            call.answer(error=Failure("protocol", "initialize first").to_error())
            return

        def check(call):
            from . import check
            from .loading import plugin

            return check.run(
                self.config.get("dialect"), plugin, self.dialect if self.state == "ready" else None, self.failure
            )

        calls.serve_in_thread(call, check)

    def _closed(self, call):
        with self.open_lock:
            self.open.pop(_key(call.ident), None)

    # -- beginning and end --------------------------------------------------------------------------------------

    def _initialize(self, ident, params):
        call = Call(self.writer, ident, "initialize", params)
        if self.state in ("loading", "ready"):
            self._refuse(ident, -32600, "already initialized")
            return
        version = params.get("protocolVersion", PROTOCOL)
        if not isinstance(version, int) or version < 1:
            data = {"kind": "protocol", "supported": [PROTOCOL]}
            call.answer(error={"code": -32001, "message": "no common protocol version", "data": data})
            return
        limit = (params.get("limits") or {}).get("maxMessageBytes")
        if isinstance(limit, int) and limit > 0:
            self.writer.limit = limit
        self.state = "loading"
        # In the main thread, as an import in an ordinary program: some libraries insist on it.
        self.jobs.put(lambda: self._load(call, params))

    def _load(self, call, params):
        try:
            result = self._loaded(params)
            self.state = "ready"
        except BaseException as error:  # SystemExit at import is the plugin's error
            self.failure = failure_of(error)
            self.state = "failed"
            call.answer(error=self.failure.to_error())
            return
        call.answer(result)

    def _loaded(self, params):
        from .loading import plugin

        config = self.config = params.get("config") or {}
        self.host.offers = params.get("capabilities") or {}
        if config.get("raiseErrors"):
            os.environ["LLM_RAISE_ERRORS"] = "1"
        logs.install()
        lastwords.install()
        if config.get("file"):
            plugin.set_file(config["file"])
        else:
            plugin.name = config.get("package") or plugin.name
        data_dir = params.get("dataDir")
        if data_dir:
            os.makedirs(data_dir, exist_ok=True)
            os.chdir(data_dir)
        if config.get("package") and config.get("dialect") == "llm":  # as a host calls every package
            config["dialect"] = dialects.of_package(config["package"])
        self.dialect = dialects.named(config.get("dialect"))(self.host, config, data_dir)
        plugin.is_loading = True
        try:
            about = self.dialect.load()
        finally:
            plugin.is_loading = False
        # What is not known is absent.
        about["plugin"] = {name: value for name, value in about["plugin"].items() if value is not None}
        about["protocolVersion"] = PROTOCOL
        about["capabilities"]["check"] = True
        about["env"] = list(plugin.env)
        return about

    def _shutdown(self, ident):
        """Lets what is registered with atexit run, for at most a second, and answers; the host closes stdin then."""
        done = threading.Event()

        def finish():
            import atexit

            self._quietly(atexit._run_exitfuncs)
            done.set()

        self.jobs.put(finish)
        done.wait(1.0)
        self.writer.send({"jsonrpc": "2.0", "id": ident, "result": {}})

    def _quietly(self, function, *arguments):
        try:
            function(*arguments)
        except BaseException as error:  # the main thread goes on, whatever a plugin raises there
            logs.note(f"{type(error).__name__}: {error}")


def _key(ident):
    """1 and "1" are two ids, though 1 and 1.0 and True are one key to Python."""
    return (type(ident).__name__, ident) if isinstance(ident, (str, int, float)) else None


def _id_in(head):
    """The id in the first bytes of a message that was too long to read, if it stands before anything else."""
    start = head[:256].decode("utf-8", "replace")
    before, found, after = start.partition('"id"')
    if not found or before.count("{") != 1:
        return None
    after = after.lstrip(" :\t")
    if after.startswith('"'):
        return after[1:].partition('"')[0]
    digits = after[: len(after) - len(after.lstrip("-0123456789"))]
    return int(digits) if digits.lstrip("-").isdigit() else None


def run(incoming, outgoing):
    sys.stdin = open(os.devnull, encoding="utf-8")  # input() ends at once, for as long as we live
    Worker(incoming, outgoing).run()
