"""Measures the worker: how long each dialect takes to start beyond the bare interpreter, and how fast it streams.

    python3 python/tests/measure.py

The machine should have nothing else to do.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from harness import PYTHON, WORKER, Worker, user

EVENTS = 200_000
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
    async def simple_audio_response(self, pcm): pass
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


def best(command, line=b"\n"):
    """The least of twenty starts, of either number: what others do at the same time can only add to it."""
    return [min(numbers) for numbers in zip(*[started(command, line) for _ in range(20)])]


def main():
    with tempfile.TemporaryDirectory(prefix="consort-measure-") as folder:
        bare = best([PYTHON, "-I", "-c", BARE])
        print(f"{'the bare interpreter':20} {bare[0]:6.1f} ms, of the processor {bare[1]:6.1f} ms")
        for name, source in FILES.items():
            path = os.path.join(folder, f"{name.replace(' ', '_')}.py")
            with open(path, "w", encoding="utf-8") as opened:
                opened.write(source)
            config = {"dialect": name.split()[0], "file": path, "init": {}}
            params = {"protocolVersion": 1, "dataDir": os.path.join(folder, "state"), "config": config}
            line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode() + b"\n"
            command = [PYTHON, "-I", "-X", f"pycache_prefix={folder}/cache", WORKER]
            started(command, line)  # fills the cache, as the second start of a program finds it
            wall, used = best(command, line)
            rate = "" if name == "vision realtime" else f"{streamed(config, folder):10,.0f} events/s"
            print(f"{name:20} {wall - bare[0]:6.1f} ms, of the processor {used - bare[1]:6.1f} ms beyond it {rate}")


def streamed(config, folder):
    """Events per second from the request to its answer, read but not parsed."""
    worker = Worker(config, folder, initialize=False)
    worker.ask("initialize", protocolVersion=1, dataDir=os.path.join(folder, "state"), config=config)
    ident = os.path.splitext(os.path.basename(config["file"]))[0]
    rates = []
    for _ in range(3):
        begin = time.perf_counter()
        worker.ask("generate", 60, model=ident, messages=[user(str(EVENTS))])
        rates.append(EVENTS / (time.perf_counter() - begin))
    worker.close()
    return statistics.median(rates)


if __name__ == "__main__":
    sys.exit(main())
