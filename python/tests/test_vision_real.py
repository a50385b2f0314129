"""The real packages of Vision Agents, unmodified: CONSORT_TEST_VISION_PYTHON names a Python that has vision-agents and its
plugin for OpenAI. It takes seconds to import them."""

import json
import os
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from guide_case import FOLDER, block
from harness import assistant, user
from test_realtime import LiveCase, audio
from test_vision import CLIENT, VisionCase

REAL = os.environ.get("CONSORT_TEST_VISION_PYTHON")
needs_real = unittest.skipUnless(REAL, "CONSORT_TEST_VISION_PYTHON is not set")


class Service(BaseHTTPRequestHandler):
    """Streams chat completions: a tool call first where there are tools, then what it was asked."""

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        last = asked["messages"][-1]
        if asked.get("tools") and last["role"] != "tool":
            call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
            deltas, end = [{"role": "assistant", "tool_calls": [call]}], "tool_calls"
        else:
            roles = ",".join(each["role"] for each in asked["messages"])
            deltas, end = [{"content": f"{roles}: "}, {"content": str(last["content"])}], "stop"
        chunks = [{"delta": delta, "index": 0, "finish_reason": None} for delta in deltas]
        chunks.append({"delta": {}, "index": 0, "finish_reason": end})
        body = "".join(
            "data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m-1",
                                   "choices": [choice]}) + "\n\n" for choice in chunks) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(body.encode())


@needs_real
class Text(VisionCase):
    python = REAL

    def test_a_published_plugin(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        one = self.worker(f"""
            from vision_agents.plugins import openai

            def create_llm(api_key, model="m-1"):
                return openai.ChatCompletionsLLM(model, api_key, "http://127.0.0.1:{server.server_port}/v1")
        """)
        params = {"secrets": {"acme": "k"}, "timeout": 40}
        messages = [user("Hi"), assistant("Hello!"), user("Bye")]
        said, result, _ = one.generate("acme", messages=messages, system="s", **params)
        self.assertTrue(said.endswith("user,assistant,user: Bye"), said)
        one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
        tools = [{"name": "weather", "description": "d", "inputSchema": {"type": "object", "properties": {}}}]
        said, _, _ = one.generate("acme", "x", tools=tools, **params)
        self.assertTrue(said.endswith("tool: 4 °C"), said)
        said, _, _ = one.generate("acme", "x", **params)
        self.assertTrue(said.endswith("user: x"), said)  # the tool is gone with its request

    @unittest.skipUnless(FOLDER, "CONSORT_GUIDES is not set")
    def test_the_page_on_the_real_package(self):
        one = self.worker(block("000", "class MyLLM") + CLIENT)
        said, _, events = one.generate("acme", "hi", system="Be brief.", meta={"raw": True}, timeout=40)
        self.assertEqual(said, "[{'text': 'Be brief.'}] ['MyLLM', 'ellipsis']")
        self.assertEqual(self.raw(events)[-1]["event"], "LLMResponseCompletedEvent")

    def test_requests_take_turns(self):
        one = self.llm("""
async def simple_response(self, text, participant=None):
    before = self._instructions
    await asyncio.sleep(0.1)
    yield LLMResponseDelta(delta=f"{before} {self._instructions} {text}")
""", head="import asyncio\n")
        idents = [one.start("generate", model="acme", system=f"s{n}", messages=[user(f"t{n}")]) for n in range(3)]
        for n, ident in enumerate(idents):
            one.answer(ident, 40)
            self.assertEqual("".join(event["text"] for event in one.events[ident]), f"s{n} s{n} t{n}")


@needs_real
class Live(LiveCase):
    python = REAL

    def test_a_session(self):
        events = self.heard_of("""
async def connect(self): self.connected = True
async def close(self): pass
async def simple_response(self, text, participant=None): yield LLMResponseDelta(text)
async def simple_audio_response(self, pcm, participant):
    self._emit_agent_speech_transcription(pcm.__class__.__module__, mode="final")
    self._emit_audio_output_event(pcm)
    self._emit_audio_output_done_event()
""", audio(), until="audio_done", head="from vision_agents.core.llm.llm import LLMResponseDelta\n")
        self.assertEqual(self.kinds(events), ["transcript", "audio", "audio_done", "closed"])
        self.assertEqual(events[0]["text"], "getstream.video.rtc.track_util")


if __name__ == "__main__":
    unittest.main()
