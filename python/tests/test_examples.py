"""The examples that ask a vendor, through the vendor's own library where it is installed, against answers that were recorded
(CONSORT_RECORDINGS) or written in their shape. CONSORT_TEST_CLIENTS_PYTHON names a Python that has those libraries."""

import glob
import json
import os
import shutil
import subprocess
import unittest

from harness import EXAMPLES, PYTHON, Case, assistant, user
from recorded import Player, event_stream, exchanges, sse

CLIENTS = os.environ.get("CONSORT_TEST_CLIENTS_PYTHON")
PLAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plain_clients")
WEATHER = [{"name": "weather", "description": "d", "inputSchema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]


def written(expect, response):
    return {"id": "ours", "expect": {"tool_calls": [], **expect}, "response": response}


def gemini(*parts, **more):
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0}], "modelVersion": "gemini-x", **more}


GEMINI = [
    written({"text": "Grüße 🎉, Ada."}, sse(
        gemini({"text": "thinking", "thought": True}), gemini({"text": "Grüße 🎉"}),
        gemini({"text": ", Ada.", "thoughtSignature": "c2ln"}, usageMetadata={
            "promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}))),
    written({"text": "One moment. ", "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}, sse(
        gemini({"text": "One moment. "}),
        gemini({"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "c2ln"}))),
]
AWS = [
    written({"text": "Grüße 🎉, Ada."}, event_stream(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Grüße 🎉"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": ", Ada."}}),
        ("contentBlockStop", {"contentBlockIndex": 0}), ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}, "metrics": {"latencyMs": 1}}))),
    written({"text": "", "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}, event_stream(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '{"city": '}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '"Oslo"}'}}}),
        ("contentBlockStop", {"contentBlockIndex": 0}), ("messageStop", {"stopReason": "tool_use"}))),
]
_MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1}}


def claude(*texts, end=True):
    events = [{"type": "message_start", "message": _MESSAGE},
              {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}, {"type": "ping"}]
    events += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": each}} for each in texts]
    if end:
        events += [{"type": "content_block_stop", "index": 0},
                   {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                    "usage": {"output_tokens": 3}}, {"type": "message_stop"}]
    return events


CLAUDE = [
    written({"text": "Grüße 🎉, Ada."}, sse(*claude("Grüße 🎉", ", Ada."), named=True)),
    written({"text": "Half", "error": {}}, sse(
        *claude("Half", end=False), {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        named=True)),
    written({"error": {"status": 429}}, {
        "status": 429, "headers": {"content-type": "application/json"}, "body": json.dumps(
            {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}})}),
]


class ExampleCase(Case):
    """An example, unchanged, whose vendor is at home."""

    python = CLIENTS or PYTHON

    def example(self, name, dialect, module, variable, url=None, env=None, **config):
        self.player = Player(self)
        (path,) = glob.glob(os.path.join(EXAMPLES, "*", f"{name}.py"))
        shutil.copy(path, self.folder)
        asked = subprocess.run([self.python, "-c", f"import {module}"], capture_output=True, check=False)
        if asked.returncode:
            found = os.path.join(PLAIN, *module.split(".")[:1])
            if os.path.isdir(found):
                shutil.copytree(found, os.path.join(self.folder, os.path.basename(found)), dirs_exist_ok=True)
            else:
                shutil.copy(found + ".py", self.folder)
        env = {**(env or {}), variable: url or self.player.url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-north-1",
               "AWS_DEFAULT_REGION": "eu-north-1", "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "127.0.0.1,localhost"}
        one = self.worker(file=os.path.join(self.folder, f"{name}.py"), dialect=dialect, env=env, **config)
        self.assertEqual([each for each in one.ask("plugin/check")["findings"] if each["level"] != "note"], [])
        return one

    def replay(self, one, exchange, then, **params):
        """(what was said, the error) of one exchange. What is asked after its tools ran is answered by `then`."""
        expect = exchange["expect"]
        wanted = expect.get("tool_calls") or []
        names = dict.fromkeys(each["name"] for each in wanted if each["name"])
        tools = [{"name": name, "description": name, "inputSchema": {"type": "object"}} for name in names]
        one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
        while not one.requests.empty():
            one.requests.get()
        self.player.asked.clear()
        self.player.answers[:] = [exchange["response"], then]
        model = os.path.splitext(os.path.basename(one.config["file"]))[0]
        ident = one.start("generate", model=model, messages=[user("hi")], tools=tools, **params)
        failed = None
        try:
            one.answer(ident, 60)
        except Exception as error:
            failed = error
        said = "".join(event["text"] for event in one.events.get(ident, []) if event["type"] == "text")
        calls = []
        while not one.requests.empty():
            asked = one.requests.get()["params"]
            calls.append({"name": asked["name"], "arguments": asked["arguments"]})
        return said, calls, failed

    def agree(self, one, exchange, then, then_says, tools=True, **params):
        expect = exchange["expect"]
        said, calls, failed = self.replay(one, exchange, then, **params)
        with self.subTest(exchange["id"]):
            if expect.get("error") is not None:
                self.assertIsNotNone(failed)
                self.assertEqual(said, expect.get("text") or "")
                return
            self.assertIsNone(failed, failed and getattr(failed, "data", None))
            wanted = [each for each in expect.get("tool_calls") or () if tools]
            self.assertEqual(said, (expect.get("text") or "") + (then_says if wanted else ""))
            distinct = []
            for each in wanted:
                call = {"name": each["name"], "arguments": each["arguments"] or {}}
                if call not in distinct:
                    distinct.append(call)
            self.assertCountEqual(calls, distinct)


class Gemini(ExampleCase):
    def test_each_answer(self):
        one = self.example("gemini_llm", "vision", "google.genai", "GOOGLE_GEMINI_BASE_URL", secrets=["gemini"])
        self.assertEqual(one.ask("models/list")["models"][0]["needs"]["secrets"], ["gemini"])
        secrets = {"gemini": "k"}
        for exchange in exchanges("gemini", GEMINI):
            # Google's library always asks for events, and sends no call back whose arguments came in pieces.
            if "json-array-stream" in exchange.get("oddities", ()) or "willContinue" in exchange["response"]["body"]:
                continue
            self.agree(one, exchange, GEMINI[0]["response"], GEMINI[0]["expect"]["text"], secrets=secrets)
        # What it asks: the instructions, the conversation, the tools, and their results beside the parts that asked.
        self.player.asked.clear()
        self.player.answers[:] = [GEMINI[1]["response"], GEMINI[0]["response"]]
        messages = [user("before"), assistant("yes"), user("hi")]
        said, result, _ = one.generate("gemini_llm", messages=messages, tools=WEATHER, system="s", secrets=secrets)
        self.assertEqual(said, "One moment. Grüße 🎉, Ada.")
        self.assertEqual((result["usage"]["totalTokens"], result["model"]), (8, "gemini-x"))
        (path, headers, first), (_, _, second) = self.player.asked
        self.assertTrue(path.endswith("/models/gemini-2.5-flash:streamGenerateContent?alt=sse"), path)
        self.assertEqual({name.lower(): value for name, value in headers.items()}["x-goog-api-key"], "k")
        self.assertEqual(first["systemInstruction"]["parts"], [{"text": "s"}])
        texts = [part["text"] for each in first["contents"] for part in each["parts"]]
        self.assertEqual(texts, ["before", "yes", "hi"])
        called, answered = second["contents"][-2:]
        self.assertEqual(called["parts"][-1]["thoughtSignature"], "c2ln")
        self.assertIn("4 °C", json.dumps(answered, ensure_ascii=False))


class Aws(ExampleCase):
    def test_each_answer(self):
        one = self.example("aws_llm", "vision", "boto3", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
        for exchange in exchanges("bedrock-converse", AWS):
            self.agree(one, exchange, AWS[0]["response"], AWS[0]["expect"]["text"])
        self.player.asked.clear()
        self.player.answers[:] = [AWS[1]["response"], AWS[0]["response"]]
        messages = [user("before"), assistant("yes"), user("hi")]
        said, result, _ = one.generate("aws_llm", messages=messages, tools=WEATHER, system="s")
        self.assertEqual((said, result["usage"]["totalTokens"]), ("Grüße 🎉, Ada.", 8))
        (_, _, first), (_, _, second) = self.player.asked
        self.assertEqual(first["system"], [{"text": "s"}])
        self.assertEqual([each["role"] for each in first["messages"]], ["user", "assistant", "user"])
        called, answered = second["messages"][-2:]
        self.assertEqual(called["content"], [{"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}])
        self.assertEqual(answered["content"][0]["toolResult"]["content"], [{"text": "4 °C"}])


class Claude(ExampleCase):
    def test_each_answer(self):
        one = self.example("claude_llm", "bruno", "anthropic", "ANTHROPIC_BASE_URL", secrets=["anthropic"],
                           init={"requests_per_minute": 600_000})
        self.assertEqual(one.ask("models/list")["models"][0]["needs"]["secrets"], ["anthropic"])
        secrets = {"anthropic": "sk-1"}
        for exchange in exchanges("anthropic-messages", CLAUDE):
            # A provider of bruno knows no tools: what a call of one says in words is the answer.
            exchange["expect"]["tool_calls"] = []
            self.agree(one, exchange, CLAUDE[0]["response"], "", secrets=secrets)
        self.player.asked.clear()
        self.player.answers[:] = [CLAUDE[0]["response"]]
        messages = [user("before"), assistant("yes"), user("hi")]
        said = one.generate("claude_llm", messages=messages, system="s", secrets=secrets, options={"max_tokens": 9})[0]
        self.assertEqual(said, "Grüße 🎉, Ada.")
        ((_, headers, asked),) = self.player.asked
        self.assertIn("sk-1", " ".join(headers.values()))  # under a name that depends on the library's version
        self.assertEqual((asked["system"], asked["max_tokens"], asked["model"]), ("s", 9, "claude-sonnet-4-5"))
        self.assertEqual([each["role"] for each in asked["messages"]], ["user", "assistant", "user"])


if __name__ == "__main__":
    unittest.main()
