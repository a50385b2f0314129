"""Models of Vision Agents that read a blocking client in a thread: what it sends is the request's that started it."""

import unittest

from harness import user
from test_realtime import LiveCase, audio
from test_vision import VisionCase

HEAD = "import asyncio, threading, time, _thread\nfrom concurrent.futures import ThreadPoolExecutor\nPOOL = ThreadPoolExecutor(4)\n"
BODY = """
def work(self, text):
    for _ in range(3):
        time.sleep(0.05)
        self.events.send(LLMResponseChunkEvent(delta=text + self._instructions))

async def simple_response(self, text):
    {}
    self.events.send(LLMResponseCompletedEvent(text=(text + self._instructions) * 3))
"""
WAYS = (
    "await asyncio.to_thread(self.work, text)",
    "await asyncio.get_running_loop().run_in_executor(None, self.work, text)",
    "await asyncio.wrap_future(POOL.submit(self.work, text))",
    "await asyncio.to_thread(lambda: list(POOL.map(self.work, [text])))",
    "t = threading.Thread(target=self.work, args=(text,)); t.start()\n    while t.is_alive(): await asyncio.sleep(0.01)",
    "t = threading.Timer(0.01, self.work, (text,)); t.start()\n    while t.is_alive(): await asyncio.sleep(0.01)",
    "loop = asyncio.get_running_loop()\n    await asyncio.to_thread(lambda: [loop.call_soon_threadsafe(self.events.send, "
    "LLMResponseChunkEvent(delta=text + self._instructions)) for _ in range(3)])\n    await asyncio.sleep(0.05)",
)


class Threads(VisionCase):
    def answers(self, one, words, **params):
        idents = [one.start("generate", model="acme", messages=[user(word)], system=word, **params) for word in words]
        for ident in idents:
            one.answer(ident)
        return ["".join(each["text"] for each in one.events[ident] if each["type"] == "text") for ident in idents]

    def test_requests_at_one_time_do_not_meet_in_threads(self):
        for way in WAYS:
            with self.subTest(way):
                one = self.llm(BODY.format(way), HEAD)
                for _ in range(2):  # the second time the threads of a pool are there
                    self.assertEqual(self.answers(one, "abc"), ["aaaaaa", "bbbbbb", "cccccc"])

    def test_a_thread_of_which_nothing_is_known_speaks_for_nobody_where_it_could_be_several(self):
        way = ("done = []\n    _thread.start_new_thread(lambda: (self.work(text), done.append(1)), ())\n"
               "    while not done: await asyncio.sleep(0.01)")
        one = self.llm(BODY.replace("+ self._instructions", "").format(way), HEAD)
        self.assertEqual(self.answers(one, "a"), ["aaa"])
        self.assertEqual(self.answers(one, "bc"), ["bbb", "ccc"])  # from the completed events
        self.assertEqual(one.log().count("a thread that works for none of 2 requests"), 1, one.log())


    def test_a_task_that_would_end_the_program_ends_nothing_else(self):
        one = self.llm("""
async def end(self):
    raise SystemExit(3)

async def simple_response(self, text):
    if text == "end":
        self.task = asyncio.create_task(self.end())
        await asyncio.sleep(0.1)
    return text
""", HEAD)
        self.assertEqual([one.generate("acme", word)[0] for word in ("end", "next")], ["end", "next"])


class Live(LiveCase):
    def test_one_thread_for_all_sessions(self):
        one = self.live("""
async def connect(self):
    LINES.append(self)
    if len(LINES) == 1:
        threading.Thread(target=read, daemon=True).start()

async def simple_audio_response(self, pcm):
    GO.set()
""", """
import threading
LINES, GO = [], threading.Event()
def read():
    GO.wait()
    for number, line in enumerate(LINES):
        line._emit_agent_speech_transcription(str(number))
        line.output.send_nowait(RealtimeAgentTranscript(text="item " + str(number)))
""")
        sessions = [one.open_session("acme") for _ in range(2)]
        self.feed(one, sessions[1], audio())
        for number, session in enumerate(sessions):
            said = [one.heard(session, "transcript")[-1]["text"] for _ in range(2)]
            self.assertEqual(said, [str(number), f"item {number}"])


if __name__ == "__main__":
    unittest.main()
