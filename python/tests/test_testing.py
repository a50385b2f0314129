"""`test`: the contract that a plugin is held to, and files of tests, as its author sees them."""

import subprocess
import unittest

from harness import PYTHON, WORKER, Case

LIVE = """
from vision_agents.core.llm import realtime
class Live(realtime.Realtime):
    async def simple_response(self, text, processors=None, participant=None): pass
    async def simple_audio_response(self, pcm): pass
"""
BRUNO = """
from bruno_core.interfaces import LLMInterface
class One(LLMInterface):
    async def stream(self, messages, **kwargs):
        yield self.word()
    def word(self): return "one"
"""


class Testing(Case):
    def run_it(self, source, tests=None):
        """(the code, what was printed)"""
        file = self.plugin(source)
        command = [PYTHON, "-I", WORKER, "test", "--file", file, *([self.plugin(tests, "checks")] if tests else [])]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        noted = [line for line in ran.stderr.splitlines() if "was given up while it opened" not in line]
        self.assertEqual(noted, [])
        return ran.returncode, ran.stdout

    def test_a_live_model(self):
        self.assertEqual(self.run_it(LIVE), (
            0, "passed: has_a_model\npassed: a_session_opens_hears_and_closes\n2 passed, 0 failed\n"))
        code, said = self.run_it(LIVE.replace("pcm): pass", "pcm): raise ValueError('deaf')"))
        self.assertEqual(code, 1)
        self.assertIn("ValueError: deaf at acme.py:", said)
        code, said = self.run_it(LIVE + "    async def connect(self): raise ConnectionError('no line')\n")
        self.assertIn("ConnectionError: no line", said)

    def test_what_fails_is_shown_from_the_authors_lines_on(self):
        code, said = self.run_it(BRUNO.replace('return "one"', "return self.other"))
        self.assertEqual(code, 1)
        self.assertIn("AttributeError: 'One' object has no attribute 'other'", said)
        self.assertNotIn("consort_worker", said)
        code, said = self.run_it(BRUNO, "def test_it():\n    assert One().word() == 'two'\n")
        self.assertEqual(code, 1)
        self.assertIn("assert One().word() == 'two'", said)
        self.assertNotIn("consort_worker", said)
        code, said = self.run_it(BRUNO.replace("yield self.word()", "yield 7"))
        self.assertIn("failed: streams\nyielded int, expected str\n", said)

    def test_what_never_ends_is_ended_and_says_where(self):
        head = "import asyncio, sys, time\nsys.modules['consort_worker.testing']._WAITS = 0.4\n"
        live = "from vision_agents.core.llm import realtime\nclass One(realtime.Realtime):\n    async def connect(self):\n        {}\n"
        for source, line in (
            (head + live.format("await asyncio.sleep(60)"), 6),
            (head + live.format("time.sleep(60)"), 6),
            (head + BRUNO.lstrip().replace('yield self.word()', 'await asyncio.sleep(60); yield "x"'), None),
        ):
            code, said = self.run_it(source)
            self.assertEqual(code, 1, said)
            self.assertIn(f"nothing came within 0.4 s; it was at acme.py:{line or ''}", said)


if __name__ == "__main__":
    unittest.main()
