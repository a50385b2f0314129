"""The example of a live model that asks a vendor, against sessions that were recorded (CONSORT_RECORDINGS) or written in
their shape, which a server of our own plays. Through Google's own library where CONSORT_TEST_CLIENTS_PYTHON has it."""

import base64
import glob
import json
import os
import unittest

from recorded import FOLDER
from test_examples import WEATHER, ExampleCase
from websocket_server import Gone, Server, certificate

SOUND = base64.b64encode(bytes(range(96)) * 10).decode()


def server(**message):
    return {"dir": "server", "json": message}


def speaks(*pieces):
    parts = [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": piece}} for piece in pieces]
    return server(serverContent={"modelTurn": {"parts": parts}})


OURS = [{"id": "ours", "frames": [
    {"dir": "client", "json": {"setup": {}}}, server(setupComplete={}),
    {"dir": "client", "json": {"client_content": {}}},
    server(serverContent={"inputTranscription": {"text": "The weather?"}}),
    server(toolCall={"functionCalls": [{"id": "c1", "name": "weather", "args": {"city": "Oslo"}}]}),
    {"dir": "client", "json": {"tool_response": {}}},
    server(serverContent={"outputTranscription": {"text": "It is "}}), speaks(SOUND, SOUND),
    server(serverContent={"outputTranscription": {"text": "cold."}}), speaks(SOUND),
    server(serverContent={"generationComplete": True}),
    server(serverContent={"turnComplete": True}, usageMetadata={"totalTokenCount": 9}),
]}]


def sessions():
    if not FOLDER:
        return OURS
    found = []
    for path in sorted(glob.glob(os.path.join(FOLDER, "google-live", "*.json"))):
        with open(path, encoding="utf-8") as opened:
            found.append(json.load(opened))
    return found


def part(message, *names):
    """The field of a message under its name in either spelling."""
    for name in names:
        words = name.split("_")
        for spelt in (name, words[0] + "".join(word.title() for word in words[1:])):
            if spelt in message:
                return message[spelt]
    return None


class Told:
    """What the frames of a session say, told from them alone."""

    def __init__(self, frames):
        self.heard, self.said, self.sound, self.calls, self.turns = "", "", b"", [], 0
        for frame in frames:
            if frame["dir"] != "server":
                continue
            content = part(frame["json"], "server_content") or {}
            self.heard += (part(content, "input_transcription") or {}).get("text") or ""
            self.said += (part(content, "output_transcription") or {}).get("text") or ""
            for each in (part(content, "model_turn") or {}).get("parts") or ():
                data = (part(each, "inline_data") or {}).get("data")
                self.sound += _whole(base64.b64decode(data)) if data else b""
            self.turns += bool(part(content, "turn_complete")) + bool(part(content, "interrupted"))
            self.calls += (part(part(frame["json"], "tool_call") or {}, "function_calls") or [])


def _whole(data):
    return data[: len(data) // 2 * 2]


class Live(ExampleCase):
    def played(self, frames, told):
        """A scene: what the service said, each answer to a call of a tool in its place."""

        def scene(line):
            line.receive()
            line.send({"setupComplete": {}})
            line.receive()  # the user's first word
            for frame in frames:
                if frame["dir"] != "server" or "setupComplete" in frame["json"]:
                    continue
                line.send(frame["json"])
                if part(frame["json"], "tool_call"):
                    answered = line.receive()
                    told.append(part(part(answered, "tool_response"), "function_responses"))
            try:
                line.receive()
            except Gone as gone:
                told.append(gone.args[0])

        return scene

    def test_each_session(self):
        for session in sessions():
            with self.subTest(session["id"]):
                self.plays(session)

    def plays(self, session):
        frames, answers = session["frames"], []
        pair, authority = certificate(self.folder)
        server = Server(self, self.played(frames, answers), pair)
        env = {"SSL_CERT_FILE": authority, "NO_PROXY": "localhost"}
        one = self.example("gemini_live", "vision", "google.genai", "GOOGLE_GEMINI_BASE_URL", secrets=["gemini"],
                           url=f"https://localhost:{server.port}", env=env)
        one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
        told = Told(frames)
        names = dict.fromkeys(call["name"] for call in told.calls)
        tools = [{**WEATHER[0], "name": name} for name in names]
        session = one.ask("realtime/open", 60, model="gemini_live", secrets={"gemini": "k"}, system="s", tools=tools)["session"]
        one.send("realtime/input", session=session, inputs=[{"type": "text", "text": "hello"}])
        events = []
        for _ in range(told.turns):
            events += one.heard(session, "audio_done", 20)
        one.ask("realtime/close", session=session)
        events += one.heard(session, "closed")
        self.assertEqual(server.failed, [])
        self.assertEqual([each for each in events if each["type"] in ("warning", "error")], [])
        words = {role: "".join(each["text"] for each in events if each["type"] == "transcript" and each["role"] == role)
                 for role in ("user", "assistant")}
        self.assertEqual(words, {"user": told.heard, "assistant": told.said})
        self.assertEqual(b"".join(base64.b64decode(each["data"]) for each in events if each["type"] == "audio"), told.sound)
        asked = []
        while not one.requests.empty():
            asked.append(one.requests.get()["params"])
        self.assertEqual([(each["name"], each["arguments"]) for each in asked],
                         [(call["name"], call.get("args") or {}) for call in told.calls])
        if told.calls:
            self.assertIn("4 °C", json.dumps(answers[0], ensure_ascii=False))
        one.close()


if __name__ == "__main__":
    unittest.main()
