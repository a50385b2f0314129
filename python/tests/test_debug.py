"""`debug` at a terminal."""

import os
import pty
import subprocess
import unittest

from harness import PYTHON, WORKER, Case, client


class Debugging(Case):
    def debug(self, source, *arguments, typed=""):
        path = self.plugin(source)
        done = subprocess.run([PYTHON, "-I", WORKER, "debug", "--file", path, *arguments], input=typed, text=True,
                              capture_output=True, timeout=30)
        return done.returncode, done.stdout, done.stderr

    def test_an_answer(self):
        source = client("def generate_response(self, a, b, c, d):\n    yield 'streamed '\n    yield b")
        code, out, _ = self.debug(source, "--prompt", "Hi")
        self.assertEqual((code, out), (0, "streamed User: Hi\n"))

    def test_every_dialect(self):
        bruno = "from bruno_core.interfaces import LLMInterface\nclass A(LLMInterface):\n" \
            "    async def stream(self, messages, **kwargs): yield messages[-1].content"
        vision = "from vision_agents.core.llm.llm import LLM\nclass A(LLM):\n" \
            "    async def simple_response(self, text): return text"
        for source in (bruno, vision):
            self.assertEqual(self.debug(source, "--prompt", "Hi")[:2], (0, "Hi\n"))

    def test_the_debugger_opens_where_it_failed(self):
        source = client("def generate_response(self, a, b, c, d):\n    wrong = b * 2\n    return wrong + 1")
        code, out, err = self.debug(source, typed="p wrong\nq\n")
        self.assertEqual(code, 1)
        self.assertIn("'User: HelloUser: Hello'", out)
        self.assertIn("line 7, in generate_response", err)
        self.assertNotIn("consort_worker", err)
        self.assertIn("plugin_bug: TypeError", err)

    def test_breakpoint_and_input_reach_the_terminal(self):
        source = client("def generate_response(self, a, b, c, d):\n    return input('name? ') + str(os.environ['LLM_RAISE_ERRORS'])",
                        head="import os")
        path = self.plugin(source)
        parent, child = pty.openpty()
        command = [PYTHON, "-I", WORKER, "debug", "--file", path]
        process = subprocess.Popen(command, stdin=child, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(child)
        os.write(parent, b"Ada\n")
        out, _ = process.communicate(timeout=30)
        os.close(parent)
        self.assertIn(b"Ada1", out)

    def test_what_is_missing(self):
        source = client("def __init__(self, model): pass\ndef generate_response(self, a, b, c, d): return 'x'")
        code, _, err = self.debug(source)
        self.assertEqual((code, "the argument `model` of Client" in err), (1, True))
        self.assertEqual(self.debug(source, "--init", "model=x")[:2], (0, "x\n"))
        code, _, err = self.debug("import nothing_like_it\nfrom llm_utils import LLMClient")
        self.assertEqual((code, "the package `nothing_like_it`" in err), (1, True))

    def test_a_live_model_is_talked_to_elsewhere(self):
        file = self.plugin("from vision_agents.core.llm import realtime\nclass One(realtime.Realtime):\n    async def simple_audio_response(self, pcm): pass\n")
        ran = subprocess.run([PYTHON, "-I", WORKER, "debug", "--file", file, "--no-debugger"], capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stderr), (1, "unsupported: it has no chat model, only: acme; talk with it: consort talk acme\n"))


if __name__ == "__main__":
    unittest.main()
