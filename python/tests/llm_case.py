"""What the tests of the llm dialect have in common. CONSORT_TEST_LLM_PYTHON names a Python that has the real `llm`."""

import json
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
    """An assistant message's parts, as the host makes them of events: what several of a part came with stands in one text."""
    parts, calls = [], {}
    for event in events:
        kind = event["type"]
        if kind in ("text", "reasoning"):
            redacted = bool(event.get("redacted"))
            last = parts[-1] if parts and parts[-1] not in calls.values() else {}
            if (last.get("type"), bool(last.get("redacted"))) != (kind, redacted) or event.get("part") == "new":
                parts.append({"type": kind, "text": "", **({"redacted": True} if redacted else {})})
            part = parts[-1]
            part["text"] += event["text"]
        elif kind == "tool_call_delta":
            if event["index"] not in calls:
                calls[event["index"]] = {"type": "tool_call", "id": event["id"], "name": event["name"], "arguments": ""}
                parts.append(calls[event["index"]])
            part = calls[event["index"]]
            part["arguments"] += event.get("arguments", "")
        elif kind == "tool_call":
            part = {name: event[name] for name in ("type", "id", "name", "arguments")}
            parts.append(part)
            calls[len(parts), "whole"] = part
        else:
            continue
        if "opaque" in event:
            part["opaque"] = part.get("opaque", "") + json.dumps(event["opaque"])
    for part in parts:
        if "opaque" in part:
            part["opaque"] = _given_back(part["opaque"])
        if isinstance(part.get("arguments"), str):
            part["arguments"] = json.loads(part["arguments"] or "{}")
    return parts


def _given_back(opaque):
    try:
        return json.loads(opaque)
    except ValueError:
        return opaque
