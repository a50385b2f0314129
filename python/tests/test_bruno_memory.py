"""What a bruno plugin's assistants remember: kept by the host where it offers that, else in the worker's process."""

import json
import unittest

from harness import user
from test_bruno import ECHO, BrunoCase

TALK = ECHO + """
import json
from bruno_core.base import BaseAssistant
from bruno_core.interfaces import MemoryInterface

class Talk(LLMInterface):
    async def generate(self, messages, **kwargs):
        assistant = BaseAssistant(llm=EchoLLM(), memory=memory)
        await assistant.initialize()
        asked = Message(role="user", content=messages[-1].content, metadata={"mood": "good", "odd": {1: object}})
        return (await assistant.process_message(asked, conversation_id="c")).text

class Kept(LLMInterface):
    async def generate(self, messages, **kwargs):
        assert isinstance(memory, MemoryInterface)
        what = messages[-1].content
        if what == "clear":
            await memory.clear_history("c")
        if what == "search":
            found = await memory.search_messages("tea", "c")
        else:
            found = await memory.retrieve_messages("c", 2 if what == "last" else None)
        return json.dumps([[each.role.value, each.content, each.metadata.get("mood"), str(each.id)] for each in found])
"""


class Keeper:
    """A host that keeps conversations, for as many workers as ask it."""

    def __init__(self):
        self.kept = {}
        self.refuses = None

    def __call__(self, worker, asked):
        params = asked["params"]
        if self.refuses:
            error = {"code": -32020, "message": self.refuses, "data": {"kind": "quota"}}
            worker.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode() + b"\n")
            return
        messages = self.kept.setdefault(params["conversation"], [])
        if asked["method"] == "memory/history":
            worker.reply(asked, messages=messages[-params["limit"]:] if "limit" in params else messages)
        elif asked["method"] == "memory/append":
            messages.extend(params["messages"])
            worker.reply(asked)
        else:
            del self.kept[params["conversation"]]
            worker.reply(asked)


class Memory(BrunoCase):
    def kept(self, one, what="all"):
        return json.loads(one.generate("acme", what, stream=False)[0])

    def test_the_host_keeps_it_beyond_the_process(self):
        keeper = Keeper()
        first = self.worker(TALK, offers={"memory": True}, on_request=keeper)
        self.assertEqual(first.generate("Talk", "tea")[0].strip(), "[echo-1 none user []] tea")
        first.close()
        second = self.worker(TALK, offers={"memory": True}, on_request=keeper)
        self.assertEqual(second.generate("Talk", "more")[0].strip(), "[echo-1 none user,assistant,user []] more")
        found = self.kept(second)
        self.assertEqual([each[:3] for each in found], [
            ["user", "tea", "good"], ["assistant", "[echo-1 none user []] tea ", None],
            ["user", "more", "good"], ["assistant", "[echo-1 none user,assistant,user []] more ", None]])
        self.assertEqual(self.kept(second), found)  # with the ids that they had
        self.assertEqual(self.kept(second, "last"), found[-2:])
        self.assertEqual([each[1] for each in self.kept(second, "search")], [found[0][1], found[1][1]])
        self.assertEqual(self.kept(second, "clear"), [])
        self.assertNotIn("keeps no memory", second.log())

    def test_a_host_that_keeps_nothing(self):
        one = self.worker(TALK)
        one.generate("Talk", "tea")
        one.generate("Talk", "more")
        self.assertEqual([each[0] for each in self.kept(one)], ["user", "assistant"] * 2)
        self.assertEqual(one.log().count("keeps no memory for plugins"), 1)
        self.assertEqual(self.kept(self.worker(TALK)), [])

    def test_a_host_that_refuses(self):
        keeper = Keeper()
        one = self.worker(TALK, offers={"memory": True}, on_request=keeper)
        keeper.refuses = "it has kept too much"
        refused = self.refused(one.generate, "Talk", "tea")
        self.assertEqual(refused.kind, "quota", str(refused))
        self.assertIn("it has kept too much", str(refused))

    def test_a_cancelled_question_is_not_kept(self):
        keeper = Keeper()
        slow = TALK.replace("return (await assistant.process", "await asyncio.sleep(0)\n        return (await assistant.process")
        slow = slow.replace("for word in ", "await asyncio.sleep(30)\n        for word in ")
        one = self.worker("import asyncio\n" + slow, offers={"memory": True}, on_request=keeper)
        ident = one.start("generate", model="Talk", messages=[user("tea")])
        one.requests.get(timeout=5)  # memory/history
        one.send("cancel", request=ident)
        self.assertEqual(one.answer(ident, 3)["finishReason"], "cancelled")
        self.assertEqual(keeper.kept, {"c": []})

    def test_an_assistant_without_a_memory_gets_the_hosts(self):
        keeper = Keeper()
        one = self.worker(TALK.replace(", memory=memory)", ")"), offers={"memory": True}, on_request=keeper)
        one.generate("Talk", "tea")
        self.assertEqual(len(keeper.kept["c"]), 2)


if __name__ == "__main__":
    unittest.main()
