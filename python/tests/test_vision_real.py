"""The real packages of Vision Agents, unmodified: CONSORT_TEST_VISION_PYTHON names a Python that has vision-agents and its
plugins for OpenAI and Gemini. It takes seconds to import them."""

import base64
import json
import os
import queue
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import test_realtime
from guide_case import FOLDER, block
from harness import assistant, user
from test_realtime import LiveCase, audio
from test_vision import CLIENT, VisionCase
from websocket_server import Gone, Server, certificate

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

    def test_an_interruption_drops_no_words(self):
        events = self.heard_of("""
async def connect(self): self.connected = True
async def close(self): pass
async def simple_response(self, text, participant=None): yield LLMResponseDelta(text)
async def simple_audio_response(self, pcm, participant):
    self._current_participant = participant
    self._emit_user_speech_transcription("I said this", mode="final")
    self._emit_agent_speech_transcription("and I that", mode="final")
    self._emit_audio_output_event(pcm)
    await self.interrupt()
    self._emit_audio_output_done_event(interrupted=True)
""", audio(), until="audio_done", head="from vision_agents.core.llm.llm import LLMResponseDelta\n")
        words = [event["text"] for event in events if event["type"] == "transcript"]
        self.assertEqual(words, ["I said this", "and I that"])


@needs_real
class LivePage(test_realtime.Guide):
    """The live page, too, which no release of the package runs by itself."""

    python = REAL


HEARD = bytes(range(96)) * 10  # 20 ms of 24 kHz
ANSWER = bytes(range(1, 97)) * 10
WEATHER = [{"name": "weather", "description": "d", "inputSchema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]


def content(**parts):
    return {"serverContent": parts}


def sound(data):
    inline = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(data).decode()}
    return content(modelTurn={"parts": [{"inlineData": inline}]})


@needs_real
class PublishedLive(LiveCase):
    """The published live plugin for Gemini, with Google's own library below it, against a scene that we play."""

    python = REAL

    def session(self, scene, **params):
        pair, authority = certificate(self.folder)
        server = Server(self, scene, pair)
        self.addCleanup(lambda: self.assertEqual(server.failed, []))
        env = {"GOOGLE_GEMINI_BASE_URL": f"https://localhost:{server.port}", "SSL_CERT_FILE": authority, "NO_PROXY": "localhost"}
        one = self.worker("""
            from vision_agents.plugins import gemini

            def create_llm(api_key, model="gemini-live-x"):
                return gemini.Realtime(model, api_key=api_key)
        """, env=env)
        (card,) = one.ask("models/list")["models"]
        self.assertEqual(card["kind"], "realtime")
        answer = one.ask("realtime/open", 60, model="acme", secrets={"acme": "k-1"}, **params)
        return one, answer["session"]

    def test_a_conversation(self):
        seen = queue.Queue()

        def scene(line):
            seen.put((line.path, line.headers["x-goog-api-key"], line.receive()["setup"]))
            line.send({"setupComplete": {}})
            seen.put(self.until(line, "realtime_input", "audio"))
            line.send(content(inputTranscription={"text": "The weather?"}))
            line.send({"toolCall": {"functionCalls": [{"id": "c1", "name": "weather", "args": {"city": "Oslo"}}]}})
            seen.put(self.until(line, "tool_response"))
            line.send(content(outputTranscription={"text": "It is cold."}))
            line.send(sound(ANSWER))
            line.send(content(turnComplete=True))
            seen.put(self.until(line, "realtime_input", "text"))
            line.send(sound(HEARD))
            seen.put("half")
            line.receive()  # more sound: the user speaks into the answer
            line.send(content(interrupted=True))
            try:
                while True:
                    line.receive()
            except Gone as gone:
                seen.put(gone.args[0])

        one, session = self.session(scene, system="Be brief.", tools=WEATHER)
        path, key, setup = seen.get(timeout=10)
        self.assertEqual((path.rpartition(".")[2], key, setup["model"]), ("BidiGenerateContent", "k-1", "models/gemini-live-x"))
        self.assertIn("Be brief.", json.dumps(setup))
        self.assertIn('"weather"', json.dumps(setup))
        one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
        self.feed(one, session, audio(HEARD))
        heard = seen.get(timeout=10)
        self.assertEqual(heard["mimeType"] if "mimeType" in heard else heard["mime_type"], "audio/pcm;rate=16000")
        self.assertEqual(len(base64.urlsafe_b64decode(heard["data"])), len(HEARD) * 2 // 3)
        answered = seen.get(timeout=10)
        self.assertIn("4 °C", json.dumps(answered, ensure_ascii=False))
        self.assertEqual(one.requests.get(timeout=5)["params"]["arguments"], {"city": "Oslo"})
        events = one.heard(session, "audio_done")
        words = [(each["role"], each["text"]) for each in events if each["type"] == "transcript"]
        self.assertEqual(words, [("user", "The weather?"), ("assistant", "It is cold.")])
        played = b"".join(base64.b64decode(each["data"]) for each in events if each["type"] == "audio")
        self.assertEqual((played, events[-1]["interrupted"]), (ANSWER, False))
        self.feed(one, session, {"type": "text", "text": "more"})
        self.assertEqual(seen.get(timeout=10), "more")
        self.assertEqual(seen.get(timeout=10), "half")
        events = one.heard(session, "audio")
        self.feed(one, session, audio(HEARD))
        self.assertTrue(one.heard(session, "audio_done")[-1]["interrupted"])
        one.ask("realtime/close", session=session)
        self.assertEqual(one.heard(session, "closed")[-1]["reason"], "asked for")
        self.assertIn(seen.get(timeout=10), (1000, 1001, 1005))

    def test_a_service_that_hangs_up(self):
        def scene(line):
            line.receive()
            line.send({"setupComplete": {}})
            self.until(line, "realtime_input", "audio")
            line.close(1008, "no more")

        one, session = self.session(scene)
        self.feed(one, session, audio(HEARD))
        events = one.heard(session, "closed", 30)
        self.assertNotEqual(events[-1]["reason"], "asked for")
        self.assertEqual(one.ask("ping"), {})

    def test_a_service_that_refuses(self):
        def scene(line):
            line.receive()
            line.close(1007, "API key not valid")

        refused = self.refused(self.session, scene)
        self.assertIn("API key not valid", str(refused))

    def until(self, line, name, part=None):
        """The first message of a kind, or its part; others are left aside."""
        while True:
            message = line.receive()
            camel = name.split("_")[0] + "".join(word.title() for word in name.split("_")[1:])
            found = message.get(name, message.get(camel))
            if found is not None and (part is None or part in found):
                return found if part is None else found[part]


if __name__ == "__main__":
    unittest.main()
