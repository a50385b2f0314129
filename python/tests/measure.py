"""Measures the worker: how long each dialect takes to start beyond the bare interpreter, and how fast it streams. Beside each
limit it says whether it was kept, and ends with 1 where one was not.

    python3 python/tests/measure.py

The machine should have nothing else to do: what others do can only add to a time, so that the best of several counts.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from harness import PYTHON, WORKER, user

EVENTS = 200_000
MOST_START = 60  # milliseconds beyond the interpreter
LEAST_RATE = 50_000  # events in a second
BARE = "import sys; print(flush=True); sys.stdin.read()"
FILES = {
    "drop_in": """
from llm_utils import LLMClient
class One(LLMClient):
    def generate_response(self, system, text, max_tokens, temperature):
        for _ in range(int(text.rpartition(" ")[2])):
            yield "token "
    def count_tokens(self, text): return 1
""",
    "bruno": """
from bruno_core.interfaces import LLMInterface
from bruno_core.models import Message, MessageRole
class One(LLMInterface):
    async def stream(self, messages, **kwargs):
        for _ in range(int(messages[-1].content)):
            yield "token "
    def get_token_count(self, text): return 1
    def list_models(self): return []
""",
    "vision": """
from vision_agents.core.llm.llm import LLM, LLMResponseEvent
from vision_agents.core.llm.events import LLMResponseCompletedEvent, LLMResponseChunkEvent
from vision_agents.core.processors import Processor
class One(LLM):
    async def simple_response(self, text, processors=None, participant=None):
        for number in range(int(text)):
            self.events.send(LLMResponseChunkEvent(plugin_name="one", content_index=0, item_id="", output_index=0,
                                                   sequence_number=0, delta="token "))
        self.events.send(LLMResponseCompletedEvent(plugin_name="one", original=None, text="token " * int(text)))
""",
    "vision realtime": """
from vision_agents.core.llm import realtime
class One(realtime.Realtime):
    async def simple_response(self, text, processors=None, participant=None): pass
    async def simple_audio_response(self, pcm):
        for _ in range(200_000):
            self._emit_agent_speech_transcription("token ", mode="delta")
        self._emit_audio_output_done_event()
""",
}


def started(command, line=b"\n"):
    """(milliseconds from the start of a process to the first line that it says, milliseconds of processor time)"""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdin.write(line)
    process.stdin.flush()
    process.stdout.readline()
    took = (time.perf_counter() - begin) * 1000
    process.stdin.close()
    process.wait()
    process.stdout.close()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) * 1000


def beyond(command, line):
    """The least of twenty starts beyond the least of as many of the bare interpreter, by turns, of either number."""
    bare = [PYTHON, "-I", "-c", BARE]
    both = [(*started(bare), *started(command, line)) for _ in range(20)]
    first, work, wall, used = (min(numbers) for numbers in zip(*both))
    return wall - first, used - work


def main():
    missed = []

    def judged(name, kept):
        if not kept:
            missed.append(name)
        return "ok  " if kept else "MISS"

    with tempfile.TemporaryDirectory(prefix="consort-measure-") as folder:
        print(f"a start beyond the bare interpreter's, at most {MOST_START} ms; a stream, at least {LEAST_RATE:,} events/s:")
        for name, source in FILES.items():
            path = os.path.join(folder, f"{name.replace(' ', '_')}.py")
            with open(path, "w", encoding="utf-8") as opened:
                opened.write(source)
            config = {"dialect": name.split()[0], "file": path, "init": {}}
            params = {"protocolVersion": 1, "dataDir": os.path.join(folder, "state"), "config": config}
            line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode() + b"\n"
            command = [PYTHON, "-I", "-X", f"pycache_prefix={folder}/cache", WORKER]
            started(command, line)  # fills the cache, as the second start of a program finds it
            wall, used = beyond(command, line)
            rate, work = streamed(config, folder, live=name == "vision realtime")
            print(f"{name:20} {wall:6.1f} ms {judged(name, wall <= MOST_START)} (of the processor {used:5.1f} ms)"
                  f" {rate:10,.0f} events/s {judged(name, rate >= LEAST_RATE)} (of the worker's processor time {work:10,.0f})")
    return f"missed: {', '.join(dict.fromkeys(missed))}" if missed else 0


def streamed(config, folder, live):
    """(events per second from the request to its end, events per second of the worker's processor time), at best. Lines are
    counted and not parsed: what is measured is the worker, and not this program."""
    process = subprocess.Popen([PYTHON, "-I", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    model = os.path.splitext(os.path.basename(config["file"]))[0]

    def send(method, ident=None, **params):
        message = {"jsonrpc": "2.0", **({} if ident is None else {"id": ident}), "method": method, "params": params}
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()

    def until(end):
        """How many lines came before the one that holds this."""
        lines, rest = 0, b""
        while True:
            piece = rest + process.stdout.read1(1 << 20)
            whole, _, rest = piece.rpartition(b"\n")
            if end in whole:
                return lines + whole[: whole.index(end)].count(b"\n")
            lines += whole.count(b"\n") + bool(whole)

    send("initialize", 0, protocolVersion=1, dataDir=os.path.join(folder, "state"), config=config)
    until(b'"id":0,"result"')
    rates, works = [], []
    for number in range(1, 6):
        if live:
            send("realtime/open", number, model=model)
            until(f'"id":{number},"result"'.encode())
        used, begin = processor_time(process.pid), time.perf_counter()
        if live:
            inputs = [{"type": "audio", "data": "AAAA", "rate": 24000, "channels": 1}]
            send("realtime/input", session=f"rt{number}", inputs=inputs)
        else:
            send("generate", number, model=model, messages=[user(str(EVENTS))])
        seen = until(b'"audio_done"' if live else f'"id":{number},"result"'.encode())
        if seen != EVENTS:
            raise SystemExit(f"{model} sent {seen} of {EVENTS} events")
        rates.append(EVENTS / (time.perf_counter() - begin))
        works.append(EVENTS / max(1e-6, processor_time(process.pid) - used))
    process.stdin.close()
    process.wait()
    process.stdout.close()
    return max(rates), max(works)


def processor_time(pid):
    """Seconds of the processor that a process has used; nothing where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as opened:
            fields = opened.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
