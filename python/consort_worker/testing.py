"""Tests a plugin: by a file of tests that are written for pytest, without pytest where there is none; or, without a file,
by the contract that every guide prints (an answer is a text, and a stream has pieces) and by the plugin's own tests.

Names that a file of tests does not define are the plugin's, and `CustomLLM`, as guides call a plugin that is yet to be
written, is the model of a bruno plugin.
"""

import os
import sys
import tempfile
import threading
import time
import traceback

from . import dialects, frames, loop
from .calls import Cancelled
from .debug import NoHost
from .failures import Failure
from .loading import plugin

_LISTENS = 0.5  # seconds that a live session is listened to
_WAITS = 30.0  # seconds in which a session opens, and anything at all comes of a question
_PATIENCE = 2.0  # seconds in which what is ended then ends


def main(arguments):
    import argparse

    parser = argparse.ArgumentParser(prog="consort_worker test", description=__doc__)
    parser.add_argument("--file", required=True, help="the plugin's file")
    parser.add_argument("--dialect", choices=dialects.NAMES, help="told by the file's imports if left out")
    parser.add_argument("--key", action="append", default=[], metavar="NAME=VALUE", help="a key that it may use")
    parser.add_argument("tests", nargs="?", help="the file with the tests")
    given = parser.parse_args(arguments)
    name = given.dialect or dialects.of_file(given.file)
    keys = dict(each.partition("=")[::2] for each in given.key)
    with tempfile.TemporaryDirectory(prefix="consort-test-") as data_dir:
        host = _Here()
        dialect = dialects.named(name)(host, {"file": os.path.abspath(given.file), "init": {}}, data_dir)
        try:
            dialect.load()
        except (Exception, SystemExit) as error:
            return _failed("the plugin", error)
        if given.tests is None:
            module = getattr(dialect, "module", None)
            return _run({**_contract(dialect, host, keys), **(_tests_in(vars(module)) if module else {})})
        return _run_file(given.tests, dialect)


def _run_file(path, dialect):
    before = vars(dialect.module) if getattr(dialect, "module", None) else {}
    namespace = {**before, "__name__": "plugin_tests", "__file__": os.path.abspath(path)}
    if hasattr(dialect, "sources") and not isinstance(dialect.sources, dict):
        namespace.setdefault("CustomLLM", _making(dialect))
    sys.modules.setdefault("pytest", _pytest())
    _of_tests.add(os.path.abspath(path))
    try:
        with open(path, "rb") as opened:
            exec(compile(opened.read(), os.path.abspath(path), "exec", dont_inherit=True), namespace)
    except (Exception, SystemExit) as error:
        return _failed(path, error)
    tests = {name: each for name, each in _tests_in(namespace).items() if before.get(name) is not each}
    if not tests:
        print(f"{path} holds no function whose name begins with `test`", file=sys.stderr)
        return 1
    return _run(tests)


def _tests_in(namespace):
    return {name: each for name, each in namespace.items() if name.startswith("test") and callable(each)}


def _contract(dialect, host, keys):
    """What every plugin must do, by the way in which the host asks it."""
    listed = dialect.models_list(None)["models"]
    model = next((each["id"] for each in listed if each.get("kind") == "chat"), None)
    live = next((each["id"] for each in listed if each.get("kind") == "realtime"), None)

    def asked(stream):
        call = _Heard({"model": model, "stream": stream, "secrets": keys, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]}]})
        result = _in_time(call, dialect.generate)
        whole = [part["text"] for part in result.get("content") or () if part.get("type") == "text"]
        return call.pieces + whole

    def has_a_model():
        assert model or live, f"it has none that can be talked to, only {[each['id'] for each in listed]}"

    def answers_in_one_piece():
        assert "".join(asked(False)), "the answer is empty"

    def streams():
        assert "".join(asked(True)), "the stream is empty"

    def a_session_opens_hears_and_closes():
        session = _in_time(_Heard({"model": live, "secrets": keys}), dialect.realtime_open)["session"]
        silence = {"type": "audio", "data": "AAAA" * 320, "rate": 24000, "channels": 1}  # 20 ms
        dialect.realtime_input({"session": session, "inputs": [silence, {"type": "text", "text": "Hello"}]})
        time.sleep(_LISTENS)
        if session in dialect.sessions.open_ones:
            dialect.realtime_close(_Heard({"session": session}))
        failed = [each["error"]["message"] for each in host.events if each["type"] == "error"]
        assert not failed, failed[0]
        assert host.events and host.events[-1]["type"] == "closed", "the session did not end"

    asks = (answers_in_one_piece, streams) if model else ()
    live_asks = (a_session_opens_hears_and_closes,) if live else ()
    return {each.__name__: each for each in (has_a_model, *asks, *live_asks)}


def _in_time(call, ask):
    """What comes of a request. One of which nothing comes is ended, and says where it was."""
    import asyncio

    done, said = threading.Event(), []

    def end():
        came = len(call.pieces)
        while not done.wait(_WAITS):
            if came == len(call.pieces):
                break
            came = len(call.pieces)  # slow, but it goes on
        if done.is_set():
            return
        at = frames.waiting(asyncio.all_tasks(loop.get()))
        said.append(f"nothing came within {_WAITS:g} s" + (f"; it was at {at}" if at else ""))
        call.cancelled = True
        for _ in range(int(_PATIENCE / 0.1)):
            if call.stop is not None:
                call.stop()
                loop.break_into(NoHost.writer.lock, lambda task: True)
            if done.wait(0.1):
                return
        print(f"failed: {said[0]}, and it cannot be ended", flush=True)
        os._exit(1)

    threading.Thread(target=end, name="end", daemon=True).start()
    try:
        return ask(call)
    except Cancelled:
        raise AssertionError(said[0]) from None
    finally:
        done.set()


class _Here(NoHost):
    """Keeps what a live session gives."""

    def __init__(self):
        self.events = []

    def notify(self, method, params):
        if method == "realtime/event":
            self.events.extend(params["events"])


class _Heard:
    """A request whose pieces are kept."""

    cancelled = False
    closed = False
    stop = None
    ident = 1
    writer = None

    def __init__(self, params):
        self.params = params
        self.pieces = []

    def end_child(self):
        """A child that comes back is tested as what it is."""

    def text(self, delta):
        self.pieces.append(delta)

    def event(self, **event):
        if event.get("type") == "text":
            self.pieces.append(event["text"])


def _run(tests):
    failed = 0
    for name, test in tests.items():
        try:
            returned = test()
            if hasattr(returned, "__await__"):
                _awaited(returned)
        except (Exception, SystemExit) as error:
            failed += 1
            _failed(name, error)
        else:
            print(f"passed: {name}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _awaited(returned):
    import asyncio

    async def run():
        return await returned

    return asyncio.run_coroutine_threadsafe(run(), loop.get()).result()


def _making(dialect):
    """Makes the plugin's own model, from the arguments that it knows of those that the test gives."""
    recipe = dialect.sources[0].recipe

    def make(**given):
        if recipe is None:
            return dialect.sources[0].instance
        known = {name: value for name, value in given.items() if name in recipe.names}
        secrets = {recipe.keys[name][0]: value for name, value in known.items() if name in recipe.keys}
        return recipe.make(**{**recipe.arguments(None, secrets), **known})

    return make


def _failed(what, error):
    """The traceback from the plugin's or the tests' first line on: what called it is ours, and says nothing."""
    step = error.__traceback__
    while step is not None and not _is_theirs(step.tb_frame.f_code.co_filename):
        step = step.tb_next
    print(f"failed: {what}")
    if isinstance(error, Failure):
        print("\n".join(each for each in (error.message, error.data.get("help")) if each))
        return 1
    traceback.print_exception(type(error), error, step, chain=step is not None, file=sys.stdout)
    return 1


def _is_theirs(path):
    return plugin.owns(path) or plugin.is_beside(path) or path in _of_tests


_of_tests = set()  # files of tests


def _pytest():
    """As much of pytest as a plain test uses."""
    try:
        import pytest

        return pytest
    except ImportError:
        module = type(sys)("pytest", "A stand-in, brought by Consort.")

    class Marks:
        def __getattr__(self, name):
            return lambda *arguments, **named: arguments[0] if len(arguments) == 1 and callable(arguments[0]) else (
                lambda function: function
            )

    class raises:
        def __init__(self, kinds):
            self.kinds = kinds
            self.value = None

        def __enter__(self):
            return self

        def __exit__(self, kind, value, trace):
            if kind is None:
                raise AssertionError(f"nothing raised {self.kinds}")
            self.value = value
            return issubclass(kind, self.kinds)

    module.mark, module.raises, module.fixture = Marks(), raises, lambda function: function
    return module
