"""Packages from PyPI as they are, where CONSORT_TEST_LLM_PYTHON has them, against a small server in this file."""

import json
import subprocess
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import LLM_PYTHON, user
from llm_case import LlmCase, fold


def installed(package):
    code = f"import importlib.metadata as m; m.distribution({package!r})"
    return bool(LLM_PYTHON) and subprocess.run([LLM_PYTHON, "-I", "-c", code], capture_output=True).returncode == 0


def needs(package):
    return unittest.skipUnless(installed(package), f"{package} is not installed")


class Fake(BaseHTTPRequestHandler):
    """Speaks as much of Ollama's and Anthropic's languages as a test needs."""

    protocol_version = "HTTP/1.1"
    seen = []

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._json({"models": [{
            "name": "tiny:latest", "model": "tiny:latest", "digest": "d1", "size": 1,
            "modified_at": "2026-01-01T00:00:00Z", "details": {},
        }]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        type(self).seen.append((self.path, body, dict(self.headers)))
        if self.path == "/api/show":
            self._json({"capabilities": ["completion", "tools", "vision"], "model_info": {}, "details": {}})
        elif self.path == "/api/chat":
            self._lines([{"model": "tiny", "message": {"role": "assistant", "content": "Hello"}, "done": True}]
                        if body.get("stream") is False else [
                {"model": "tiny", "message": {"role": "assistant", "content": "Hel"}, "done": False},
                {"model": "tiny", "message": {"role": "assistant", "content": "lo"}, "done": False},
                {"model": "tiny", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop",
                 "prompt_eval_count": 5, "eval_count": 2},
            ])
        elif self.path.startswith("/v1/messages"):
            self._anthropic(body)
        else:
            self.send_error(404)

    def _anthropic(self, body):
        if body.get("metadata", {}).get("user_id") == "limited":
            data = json.dumps({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}).encode()
            self.send_response(429)
            self.send_header("retry-after", "7")
            self.send_header("request-id", "req_1")
            self.send_header("x-should-retry", "false")
            self._body("application/json", data)
            return
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-2026", "content": [],
                   "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
        events = [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "SIGNED"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Let me look."}},
            {"type": "content_block_stop", "index": 1},
            {"type": "content_block_start", "index": 2,
             "content_block": {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}},
            {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"city":'}},
            {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '"Oslo"}'}},
            {"type": "content_block_stop", "index": 2},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None},
             "usage": {"output_tokens": 20}},
            {"type": "message_stop"},
        ]
        data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()
        self.send_response(200)
        self._body("text/event-stream", data)

    def _json(self, value):
        self.send_response(200)
        self._body("application/json", json.dumps(value).encode())

    def _lines(self, values):
        self.send_response(200)
        self._body("application/x-ndjson", b"".join(json.dumps(value).encode() + b"\n" for value in values))

    def _body(self, kind, data):
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Packages(LlmCase):
    def setUp(self):
        super().setUp()
        Fake.seen = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @needs("llm-echo")
    def test_echo(self):
        one = self.worker(package="llm-echo")
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], ["echo", "echo-needs-key"])
        messages = [user("first"), {"role": "assistant", "content": [{"type": "text", "text": "1"}]}, user("second")]
        said, result, _ = one.generate("echo", messages=messages, system="S")
        seen = json.loads(said)
        self.assertEqual((seen["prompt"], seen["system"], seen["previous"]), ("second", "S", [{"prompt": "first"}]))
        self.assertIn("inputTokens", result["usage"])
        said, _, _ = one.generate("echo-needs-key", secrets={"echo-needs-key": "sk-echo"})
        self.assertEqual(json.loads(said)["key"], "sk-echo")
        asked = json.dumps({"tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}], "prompt": "p"})
        _, result, events = one.generate("echo", asked, tools=[{"name": "weather", "inputSchema": {"type": "object"}}])
        (called,) = [event for event in events if event["type"] == "tool_call"]
        self.assertEqual((result["finishReason"], called["name"], called["arguments"]),
                         ("tool_calls", "weather", {"city": "Oslo"}))
        self.assertTrue(called["id"])

    @needs("llm-echo")
    def test_echo_thinks(self):
        one = self.worker(package="llm-echo")
        (card, _) = one.ask("models/list")["models"]
        if "thinking" not in card["optionsSchema"]["properties"]:
            self.skipTest("an llm-echo that cannot think")
        _, _, events = one.generate("echo", options={"thinking": True})
        kinds = [event["type"] for event in events if event["text"]]  # the last holds what is kept of the turn alone
        self.assertEqual(kinds, ["reasoning", "reasoning", "text"])

    @needs("llm-markov")
    def test_markov(self):
        one = self.worker(package="llm-markov")
        said, _, events = one.generate("markov", "the cat sat on the mat", options={"length": 20, "delay": 0})
        self.assertEqual((len([event for event in events if event["text"]]), len(said.split())), (20, 20))
        refused = self.refused(one.generate, "markov", options={"length": 1})
        self.assertEqual((refused.kind, str(refused)), ("invalid_request", "option `length`: length must be >= 2"))

    @needs("llm-ollama")
    def test_ollama(self):
        one = self.worker(package="llm-ollama", env={"OLLAMA_HOST": self.url})
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], ["ollama/tiny:latest"])
        for stream in (True, False):
            said, result, _ = one.generate("ollama/tiny:latest", system="S", stream=stream)
            self.assertEqual(said, "Hello")
            if stream:
                self.assertEqual((result["usage"]["inputTokens"], result["usage"]["outputTokens"]), (5, 2))
        path, body, _ = next(each for each in Fake.seen if each[0] == "/api/chat")
        self.assertEqual([message["role"] for message in body["messages"]], ["system", "user"])
        self.assertTrue(one.about["capabilities"]["tools"])

    @needs("llm-ollama")
    def test_ollama_without_a_server(self):
        one = self.worker(package="llm-ollama", env={"OLLAMA_HOST": "http://127.0.0.1:9"})
        self.assertEqual(one.ask("models/list")["models"], [])

    @needs("llm-anthropic")
    def test_anthropic(self):
        one = self.worker(package="llm-anthropic", env={"ANTHROPIC_BASE_URL": self.url})
        cards = one.ask("models/list", 60)["models"]
        self.assertGreater(len(cards), 3)
        model = next(card["id"] for card in cards if "sonnet" in card["id"])
        tools = [{"name": "weather", "description": "…", "inputSchema": {"type": "object", "properties": {}}}]
        secrets = {"anthropic": "sk-ant-test"}
        said, result, events = one.generate(model, "Weather?", 60, system="S", tools=tools, secrets=secrets)
        self.assertEqual(
            (said.strip(), result["finishReason"], result["vendorReason"]), ("Let me look.", "tool_calls", "tool_use")
        )
        deltas = [event for event in events if event["type"] == "tool_call_delta"]
        self.assertEqual((deltas[0]["id"], deltas[0]["name"]), ("toolu_1", "weather"))
        self.assertEqual("".join(event.get("arguments", "") for event in deltas), '{"city":"Oslo"}')
        self.assertFalse([event for event in events if event["type"] == "tool_call"])
        call = {"type": "tool_call", "id": "toolu_1", "name": "weather", "arguments": {"city": "Oslo"}}
        messages = [
            user("Weather?"),
            {"role": "assistant", "content": [*fold(events), call]},
            {"role": "tool", "content": [{"type": "tool_result", "id": "toolu_1", "name": "weather", "text": "4 °C"}]},
        ]
        one.generate(model, messages=messages, tools=tools, secrets=secrets)
        sent = Fake.seen[-1]
        headers = {name.lower(): value for name, value in sent[2].items()}
        self.assertEqual(headers["x-api-key"], "sk-ant-test")
        kinds = [[part["type"] for part in message["content"]] for message in sent[1]["messages"]]
        self.assertEqual(kinds[1:], [["thinking", "text", "tool_use"], ["tool_result"]])
        self.assertEqual(sent[1]["messages"][1]["content"][0]["signature"], "SIGNED")

    @needs("llm-anthropic")
    def test_anthropic_errors(self):
        one = self.worker(package="llm-anthropic", env={"ANTHROPIC_BASE_URL": self.url})
        model = next(card["id"] for card in one.ask("models/list", 60)["models"] if "sonnet" in card["id"])
        refused = self.refused(one.generate, model, timeout=60)
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the key `anthropic`"))
        refused = self.refused(
            one.generate, model, timeout=60, secrets={"anthropic": "sk-ant-test"}, options={"user_id": "limited"}
        )
        self.assertEqual(
            (refused.kind, refused.data["status"], refused.data["retryAfterMs"]), ("rate_limit", 429, 7000)
        )
        self.assertEqual(refused.data["requestId"], "req_1")
        self.assertNotIn("sk-ant-test", json.dumps(refused.error))

    @needs("llm-gemini")
    def test_gemini_lists(self):
        one = self.worker(package="llm-gemini")
        cards = one.ask("models/list", 60)["models"]
        self.assertEqual({card["kind"] for card in cards}, {"chat", "embedding"})
        chat = next(card for card in cards if card["kind"] == "chat")
        self.assertEqual(chat["needs"]["secrets"], ["gemini"])
        self.assertEqual(self.refused(one.generate, chat["id"], timeout=60).kind, "setup")
        self.assertNotIn("$ref", json.dumps(cards))

    @needs("llm-mistral")
    def test_mistral_lists(self):
        one = self.worker(package="llm-mistral")
        asked = []

        def refuse(request):
            asked.append(request["params"])
            error = {"code": -32010, "message": "not granted", "data": {"kind": "setup"}}
            one.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode() + b"\n")

        one.on_request = refuse
        cards = one.ask("models/list", 60)["models"]
        self.assertTrue(cards)
        self.assertEqual(asked[:1], [{"name": "mistral", "env": "LLM_MISTRAL_KEY"}])
        refused = self.refused(one.generate, cards[0]["id"], timeout=60)
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the key `mistral`"))


if __name__ == "__main__":
    unittest.main()
