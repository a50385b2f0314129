"""What the tests of the llm dialect have in common. CONSORT_TEST_LLM_PYTHON names a Python that has the real `llm`."""

import subprocess
import textwrap
import unittest

from harness import LLM_PYTHON, Case


def _has(expression):
    if not LLM_PYTHON:
        return False
    return subprocess.run([LLM_PYTHON, "-I", "-c", f"import llm; {expression}"], capture_output=True).returncode == 0


NEW = _has("import llm.parts")
new_only = unittest.skipUnless(NEW, "this llm has no StreamEvent")


@unittest.skipUnless(LLM_PYTHON, "CONSORT_TEST_LLM_PYTHON is not set")
class LlmCase(Case):
    dialect = "llm"
    python = LLM_PYTHON

    def model(self, body, head="", base="llm.Model", **config):
        """A worker with one model `m` from the body of its class."""
        body = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        source = f"import llm\n{textwrap.dedent(head)}\n\nclass M({base}):\n    model_id = 'm'\n{body}\n\n"
        source += "@llm.hookimpl\ndef register_models(register):\n    register(M())\n"
        return self.worker(source, **config)


def fold(events):
    """An assistant message's parts, as the protocol says that events make them."""
    parts = []
    for event in events:
        kind = event["type"]
        if kind not in ("text", "reasoning"):
            continue
        if not parts or parts[-1]["type"] != kind or event.get("part") == "new":
            parts.append({"type": kind, "text": ""})
        parts[-1]["text"] += event["text"]
        for name in ("opaque", "redacted"):
            if name in event:
                parts[-1][name] = event[name]
    return parts
