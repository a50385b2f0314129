"""Drives a worker over real pipes, as the host does."""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

PYTHON_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORKER = os.path.join(PYTHON_FOLDER, "consort_worker", "__main__.py")
EXAMPLES = os.path.join(os.path.dirname(PYTHON_FOLDER), "examples")
PYTHON = os.environ.get("CONSORT_TEST_PYTHON", sys.executable)
LLM_PYTHON = os.environ.get("CONSORT_TEST_LLM_PYTHON")


class Refused(Exception):
    """The worker answered with an error."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error
        self.kind = error.get("data", {}).get("kind")
        self.data = error.get("data", {})


class Worker:
    """A running worker. Answers are read by a thread, so that a test can never block it."""

    def __init__(self, config, data_dir, python=PYTHON, env=None, initialize=True, init_params=None):
        self.data_dir = data_dir
        self.log_path = os.path.join(data_dir, f"stderr-{time.monotonic_ns()}.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [python, "-I", WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**_clean(os.environ), **(env or {})},
                start_new_session=True,
            )
        self.numbers = iter(range(1, 1_000_000))
        self.lock = threading.Lock()
        self.waiting = {}
        self.events = {}
        self.event_times = {}
        self.sessions = {}  # of live sessions: their events
        self.notifications = queue.Queue()
        self.requests = queue.Queue()  # of the plugin to the host
        self.stray = []
        self.on_request = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.about = None
        if initialize:
            self.about = self.ask(
                "initialize",
                protocolVersion=1,
                host={"name": "test", "version": "0"},
                limits={"maxMessageBytes": 8388608},
                dataDir=os.path.join(data_dir, "state"),
                config=config,
                **(init_params or {}),
            )

    def _read(self):
        try:
            self._read_lines()
        except ValueError:
            pass  # a test closed the pipe

    def _read_lines(self):
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                self.stray.append(line)
                continue
            if message.get("method") == "generate/event":
                params = message["params"]
                self.events.setdefault(params["request"], []).extend(params["events"])
                self.event_times.setdefault(params["request"], []).append(time.monotonic())
            elif message.get("method") == "realtime/event":
                with self.lock:
                    box = self.sessions.setdefault(message["params"]["session"], queue.Queue())
                for event in message["params"]["events"]:
                    box.put(event)
            elif "method" in message and "id" in message:
                if self.on_request:
                    self.on_request(message)
                self.requests.put(message)
            elif "method" in message:
                self.notifications.put(message)
            else:
                with self.lock:
                    self.waiting.setdefault(str(message["id"]), queue.Queue()).put(message)

    def write(self, raw):
        self.process.stdin.write(raw)
        self.process.stdin.flush()

    def send(self, method, ident=None, **params):
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if ident is not None:
            message["id"] = ident
        self.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def start(self, method, **params):
        ident = next(self.numbers)
        self.send(method, ident, **params)
        return ident

    def answer(self, ident, timeout=20):
        with self.lock:
            box = self.waiting.setdefault(str(ident), queue.Queue())
        try:
            message = box.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"no answer to {ident} in {timeout} s; log:\n{self.log()}") from None
        if "error" in message:
            raise Refused(message["error"])
        return message["result"]

    def ask(self, method, timeout=20, **params):
        return self.answer(self.start(method, **params), timeout)

    def reply(self, request, **result):
        self.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode() + b"\n")

    def generate(self, model, text="hello", timeout=20, messages=None, **params):
        """(the text, the result, the events)"""
        if messages is None:
            messages = [user(text)]
        ident = self.start("generate", model=model, messages=messages, **params)
        result = self.answer(ident, timeout)
        events = self.events.get(ident, [])
        said = "".join(event["text"] for event in events if event["type"] == "text")
        said += "".join(part["text"] for part in result.get("content", []) if part["type"] == "text")
        return said, result, events

    def open_session(self, model, **params):
        return self.ask("realtime/open", model=model, **params)["session"]

    def heard(self, session, until, timeout=10):
        """The events of a live session, up to one of that type."""
        with self.lock:
            box = self.sessions.setdefault(session, queue.Queue())
        found = []
        while not found or found[-1]["type"] != until:
            try:
                found.append(box.get(timeout=timeout))
            except queue.Empty:
                raise AssertionError(f"no `{until}` in {timeout} s, only {found}; log:\n{self.log()}") from None
        return found

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as opened:
            return opened.read()

    def close(self, timeout=5):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the worker did not end with its stdin") from None
        self.reader.join(2)
        self.process.stdout.close()
        return self.process.returncode


class Case(unittest.TestCase):
    """A test with a folder of its own, in which plugins are written and workers run."""

    maxDiff = None
    dialect = "drop_in"
    python = PYTHON

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="consort-worker-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.workers = []
        self.addCleanup(self._close)

    def _close(self):
        for worker in self.workers:
            worker.close()

    def plugin(self, source, name="acme"):
        path = os.path.join(self.folder, f"{name}.py")
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(textwrap.dedent(source).lstrip("\n"))
        return path

    def worker(self, source=None, name="acme", file=None, package=None, env=None, initialize=True, on_request=None,
               offers=None, **config):
        if source is not None:
            file = self.plugin(source, name)
        config = {"dialect": self.dialect, "file": file, "package": package, "class": None, "init": {}, **config}
        started = Worker(config, self.folder, self.python, env, initialize=False)
        self.workers.append(started)
        started.on_request = on_request and (lambda asked: on_request(started, asked))
        if initialize:
            started.about = started.ask(
                "initialize", 60, protocolVersion=1, dataDir=os.path.join(self.folder, "state"), config=config,
                capabilities=offers or {},
            )
        started.config = config
        return started

    def refused(self, function, *arguments, **named):
        with self.assertRaises(Refused) as caught:
            function(*arguments, **named)
        return caught.exception


def user(text):
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def assistant(text):
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def client(body, head="", name="Client", base="LLMClient"):
    """A drop-in plugin from the body of its class."""
    body = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    return f"from llm_utils import LLMClient\n{textwrap.dedent(head)}\n\nclass {name}({base}):\n{body}\n"


def _clean(env):
    return {name: value for name, value in env.items() if not name.endswith(("_KEY", "_TOKEN"))}
