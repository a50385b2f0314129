"""Every Python block of our own guides for bruno and Vision Agents, and the example that needs no vendor, as they stand."""

import base64
import os
import unittest

from harness import EXAMPLES, Case
from test_guides import blocks

WEATHER = [{"name": "weather", "description": "d", "inputSchema": {"type": "object"}}]


class Guides(Case):
    def sound(self, one, session, data=bytes(960), rate=24000):
        inputs = [{"type": "audio", "data": base64.b64encode(data).decode(), "rate": rate, "channels": 1}]
        one.send("realtime/input", session=session, inputs=inputs)

    def run_blocks(self, guide, dialect):
        for source in blocks(guide):
            one = self.worker(source, dialect=dialect)
            self.assertEqual([each for each in one.ask("plugin/check")["findings"] if each["level"] != "note"], [])
            yield one

    def test_bruno(self):
        said = []
        for one in self.run_blocks("bruno-providers.md", "bruno"):
            one.ask("models/list")
            said += [one.generate("acme", "a b", stream=stream)[0] for stream in (True, False)]
        self.assertEqual(said, ["a b ", "a b ", "second says: a b", "second says: a b", "message 1", "message 3"])

    def test_text(self):
        said = []
        for one in self.run_blocks("vision-agents-models.md", "vision"):
            one.on_request = lambda asked: one.reply(asked, content=[{"type": "text", "text": "4 °C"}])
            said.append(one.generate("acme", "a b", tools=WEATHER)[0])
        self.assertEqual(said, ["a b ", "one two three", "add_one: 2; weather: 4 °C"])

    def test_live(self):
        echo, slow = self.run_blocks("vision-agents-realtime.md", "vision")
        session = echo.open_session("acme")
        self.sound(echo, session, bytes(range(64)), 24000)
        words, sound = echo.heard(session, "audio")
        self.assertEqual((words["text"], base64.b64decode(sound["data"])), ("(sound)", bytes(range(64))))
        echo.send("realtime/input", session=session, inputs=[{"type": "text", "text": "hi"}])
        self.assertEqual(echo.heard(session, "turn_done")[0]["text"], "you wrote: hi")
        self.assertTrue(echo.sessions[session].empty())  # the track's twin was not played
        session = slow.open_session("acme")
        for _ in range(4):
            self.sound(slow, session, bytes(960), 24000)
        slow.send("realtime/input", session=session, inputs=[{"type": "commit"}])
        pieces = [each for each in slow.heard(session, "audio_done") if each["type"] == "audio"]
        self.assertEqual({each["rate"] for each in pieces}, {16000})
        samples = sum(len(base64.b64decode(each["data"])) // 2 for each in pieces)
        self.assertTrue(4 * 320 - 64 <= samples <= 4 * 320, samples)  # what is missing is still on its way


class Examples(Case):
    def test_repeat_live(self):
        one = self.worker(file=os.path.join(EXAMPLES, "vision_agents", "repeat_live.py"), dialect="vision")
        self.assertEqual([each for each in one.ask("plugin/check")["findings"] if each["level"] != "note"], [])
        session = one.open_session("repeat_live")
        data = bytes(range(64)) * 30
        Guides.sound(self, one, session, data, 16000)
        one.send("realtime/input", session=session, inputs=[{"type": "commit"}])
        words, *pieces, done = one.heard(session, "audio_done")
        self.assertEqual(words["text"], "(0.1 seconds of sound)")
        self.assertEqual(b"".join(base64.b64decode(each["data"]) for each in pieces), data)
        Guides.sound(self, one, session, data, 16000)  # without saying so: after the pause
        self.assertEqual(one.heard(session, "audio_done")[0]["type"], "transcript")
        one.send("realtime/input", session=session, inputs=[{"type": "text", "text": "t"}])
        self.assertEqual(one.heard(session, "turn_done")[0]["text"], "t")


if __name__ == "__main__":
    unittest.main()
