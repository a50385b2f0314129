"""bruno: the forms that its providers come in, how they are made, what is passed to them, and how they fail."""

import time
import unittest

from harness import Case, assistant, user

ECHO = """
import asyncio
from bruno_core.interfaces import LLMInterface
from bruno_core.models import Message, MessageRole

class EchoLLM(LLMInterface):
    \"\"\"Says it again.\"\"\"
    def __init__(self, api_key: str = "none", model: str = "echo-1"):
        self.api_key, self.model = api_key, model

    async def generate(self, messages: list[Message], **kwargs) -> str:
        return "".join([token async for token in self.stream(messages, **kwargs)])

    async def stream(self, messages: list[Message], **kwargs):
        roles = ",".join(each.role.value for each in messages)
        for word in f"[{self.model} {self.api_key} {roles} {sorted(kwargs.items())}] {messages[-1].content}".split(" "):
            await asyncio.sleep(0)
            yield word + " "

    def get_token_count(self, text: str) -> int:
        return len(text.split())

    def list_models(self) -> list[str]:
        return ["echo-1", "echo-2"]
"""
FULL = ECHO.replace("    def list_models", """
    async def check_connection(self): return True
    def get_model_info(self): return {"provider": "echo", "model": self.model}
    def set_system_prompt(self, prompt): self.prompt = prompt
    def get_system_prompt(self): return self.prompt
    async def list_models""")


class BrunoCase(Case):
    dialect = "bruno"

    def one_line(self, body, head=""):
        """A worker with one class whose `stream` has this body."""
        source = f"{head}\nfrom bruno_core.interfaces import LLMInterface\nclass One(LLMInterface):\n"
        return self.worker(source + f"    async def stream(self, messages, **kwargs):\n{_indented(body)}\n")


def _indented(body):
    return "\n".join("        " + line for line in body.strip("\n").split("\n"))


class Forms(BrunoCase):
    def test_four_methods_and_eight(self):
        for source in (ECHO, FULL):
            one = self.worker(source)
            cards = one.ask("models/list")["models"]
            self.assertEqual([(card["id"], card.get("aliases")) for card in cards],
                             [("echo-1", ["acme"]), ("echo-2", None)])
            self.assertEqual(cards[0]["description"], "Says it again.")
            self.assertEqual(cards[0]["optionsSchema"]["additionalProperties"], True)
            self.assertNotIn("needs", cards[0])
            messages = [user("Hi"), assistant("Hello!"), user("Bye")]
            said, result, events = one.generate("echo-1", messages=messages, system="Be brief.")
            self.assertEqual(said, "[echo-1 none system,user,assistant,user []] Bye ")
            self.assertEqual((result["finishReason"], len(events)), ("stop", 5))
            said, _, events = one.generate("echo-2", "x", stream=False)
            self.assertEqual((said, events), ("[echo-2 none user []] x ", []))
            self.assertEqual(self.counted(one, "acme"), {"tokens": 2, "exact": True})

    def counted(self, one, model):
        return one.ask("tokens/count", model=model, messages=[user("one two")])

    def test_only_what_the_user_set_is_passed_on(self):
        one = self.worker(ECHO)
        said = one.generate("acme", "x", options={"temperature": 0, "top": 1, "model": "m", "stop": None})[0]
        self.assertIn("[('temperature', 0), ('top', 1)]", said)
        narrow = self.worker(ECHO.replace("**kwargs", "temperature=None").replace("sorted(kwargs.items())", "temperature"))
        self.assertIn(" 0.5]", narrow.generate("acme", "x", options={"temperature": 0.5})[0])
        refused = self.refused(narrow.generate, "acme", options={"top": 1})
        self.assertEqual((refused.kind, str(refused)), ("invalid_request", "echo-1 has no option `top`"))

    def test_only_one_of_stream_and_generate(self):
        one = self.one_line("yield 'a'\nyield 'b'")
        self.assertEqual([one.generate("acme", stream=stream)[0] for stream in (True, False)], ["ab", "ab"])
        head = "from bruno_core.interfaces import LLMInterface\nclass One(LLMInterface):\n"
        one = self.worker(head + "    async def generate(self, messages, **kwargs): return 'whole'")
        self.assertEqual([one.generate("acme", stream=stream)[0] for stream in (True, False)], ["whole", "whole"])
        one = self.worker(head + "    def stream(self, messages, **kwargs):\n        yield 'plain'")
        self.assertEqual(one.generate("acme")[0], "plain")
        late = "    async def stream(self, messages, **kwargs):\n        async def all():\n            yield 'late'\n        return all()"
        self.assertEqual(self.worker(head + late).generate("acme")[0], "late")
        for body, said in (
            ("    def generate(self, messages, **kwargs): return 'plain'", "plain"),
            ("    def stream(self, messages, **kwargs):\n        yield 'pla'\n        yield 'in'", "plain"),
            (late, "late"),
        ):
            one = self.worker(head + body)
            self.assertEqual([one.generate("acme", stream=stream)[0] for stream in (True, False)], [said, said])
            around = f"""
class Around(LLMInterface):
    def __init__(self, base): self.base = base
    async def stream(self, messages, **kwargs):
        async for token in self.base.stream(messages, **kwargs):
            yield token
llm = Around(One())
"""
            if "generate" in body:  # whose stream is the small package's own
                self.assertEqual(self.worker(head + body + around).generate("acme")[0], said)

    def test_one_method_stands_for_the_other_and_says_where_it_is_wrong(self):
        head = "from bruno_core.interfaces import LLMInterface\nclass One(LLMInterface):\n"
        for body, said in (("    async def generate(self, messages, **kwargs): return 7", "returned int, expected str"),
                           ("    async def stream(self, messages, **kwargs):\n        yield 7", "yielded int, expected str"),
                           ("    async def generate(self): return 'x'", "it cannot be called as the contract has it")):
            one = self.worker(head + body)
            for stream in (True, False):
                refused = self.refused(one.generate, "acme", stream=stream)
                self.assertIn(said, str(refused))
                self.assertEqual(refused.data["at"], "acme.py:3")

    def test_a_count_that_nobody_wrote_is_an_estimate(self):
        head = "from bruno_core.interfaces import LLMInterface\nclass One(LLMInterface):\n    async def generate(self, messages, **kwargs): return 'x'\n"
        self.assertFalse(self.counted(self.worker(head), "acme")["exact"])
        one = self.worker(head + "    def get_token_count(self, text): raise ValueError('no')\n")
        self.assertFalse(self.counted(one, "acme")["exact"])
        self.assertIn("get_token_count of acme is not used, tokens are estimated: ValueError: no", one.log())

    def test_a_class_that_leaves_something_to_others_is_no_model(self):
        source = """
            from abc import abstractmethod
            from bruno_core.interfaces import LLMInterface
            class Form(LLMInterface):
                @abstractmethod
                def form(self): ...
                async def generate(self, messages, **kwargs): return self.form()
            class One(Form):
                def form(self): return "formed"
        """
        one = self.worker(source)
        self.assertEqual([each["id"] for each in one.ask("models/list")["models"]], ["acme"])
        self.assertEqual(one.generate("acme")[0], "formed")
        refused = self.refused(self.worker, source.partition("            class One")[0])
        self.assertEqual((refused.kind, str(refused), refused.data["at"]), ("plugin_bug", "Form has no form", "acme.py:3"))

    def test_messages_are_copied_as_the_real_ones(self):
        one = self.one_line("yield messages[0].model_copy(update={'content': 'new'}).content + messages[0].copy().content")
        self.assertEqual(one.generate("acme", "x")[0], "newx")

    def test_an_async_factory(self):
        refused = self.refused(self.worker, ECHO + "\nasync def create_llm(): return 1\n")
        self.assertEqual((refused.kind, "make it a plain `def`" in refused.data["help"]), ("plugin_bug", True))
        self.assertRegex(refused.data["at"], r"^acme\.py:[0-9]+$")

    def test_what_it_has_no_place_for(self):
        one = self.worker(ECHO)
        image = {"role": "user", "content": [{"type": "image", "mime": "image/png", "data": "MTIz"}]}
        for params in ({"messages": [image]}, {"tools": [{"name": "x"}]}, {"output": {}}):
            self.assertEqual(self.refused(one.generate, "acme", **params).kind, "unsupported")
        self.assertEqual(self.refused(one.generate, "other").kind, "model_not_found")

    def test_lists_that_are_none(self):
        for body, note in (
            ("return None", "list_models returned NoneType"),
            ("raise ConnectionError('no server')", "no server"),
            ("return ['a', 7, '', 'a']", None),
            ("return [{'id': 'a'}]", "list_models listed dict, expected str"),
        ):
            one = self.worker(ECHO.replace('return ["echo-1", "echo-2"]', body))
            listed = one.ask("models/list")
            wanted = ["echo-1", "a"] if note is None else ["echo-1"]
            self.assertEqual([card["id"] for card in listed["models"]], wanted)
            self.assertEqual(note is None, "notes" not in listed)
            if note:
                self.assertIn(note, listed["notes"][0])
            self.assertIn("[echo-1", one.generate("acme")[0])

    def test_a_list_that_comes_late_is_told(self):
        one = self.worker(ECHO.replace('return ["echo-1"', 'import time; time.sleep(4.5); return ["echo-9"'))
        listed = one.ask("models/list", 10)
        self.assertEqual([card["id"] for card in listed["models"]], ["echo-1"])
        self.assertIn("longer than 4 s", listed["notes"][0])
        self.assertEqual(one.notifications.get(timeout=5)["method"], "models/changed")


class Making(BrunoCase):
    def test_a_key_comes_with_the_request(self):
        one = self.worker(ECHO.replace('api_key: str = "none"', "api_key: str"))
        cards = one.ask("models/list")["models"]
        self.assertEqual([card["id"] for card in cards], ["echo-1", "echo-2"])
        self.assertEqual(cards[0]["needs"], {"secrets": ["acme"], "env": ["ACME_API_KEY"]})
        self.assertIn("[echo-1 sk-1 ", one.generate("acme", secrets={"acme": "sk-1"})[0])
        self.assertIn("[echo-2 sk-2 ", one.generate("echo-2", secrets={"acme": "sk-2"})[0])
        refused = self.refused(one.generate, "acme")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the key `acme`"))

    def test_the_manifest_names_the_key(self):
        source = ECHO.replace('api_key: str = "none"', "openai_api_key: str, api_key: str")
        one = self.worker(source, secrets=["house"])
        needs = one.ask("models/list")["models"][0]["needs"]
        self.assertEqual(needs["secrets"], ["openai", "house"])
        self.assertIn(" sk-h ", one.generate("acme", secrets={"openai": "sk-o", "house": "sk-h"})[0])

    def test_arguments_of_the_manifest(self):
        source = ECHO.replace('api_key: str = "none"', "region: str").replace("= api_key, model", "= region, model")
        refused = self.refused(self.worker, source)
        self.assertEqual(refused.data["missing"], "the argument `region` of EchoLLM")
        self.assertIn("create_llm()", refused.data["help"])
        self.assertEqual(refused.data["at"], "acme.py:7")
        one = self.worker(source, init={"region": "eu", "model": "fixed"})
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], ["acme"])
        self.assertIn("[fixed eu ", one.generate("acme")[0])
        refused = self.refused(self.worker, source, init={"region": "eu", "zone": 1})
        self.assertEqual(refused.data["missing"], "an `init` without `zone`, which EchoLLM() does not take")

    def test_a_model_that_nobody_names(self):
        refused = self.refused(self.worker, ECHO.replace('"none", model: str = "echo-1"', '"none", *, model: str'))
        self.assertEqual(refused.data["missing"], "the argument `model` of EchoLLM")

    def test_a_factory_a_finished_model_and_a_named_class(self):
        one = self.worker(ECHO + "\ndef create_llm(api_key, model='echo-2'):\n    return EchoLLM('made-' + api_key, model)\n")
        cards = one.ask("models/list")["models"]
        self.assertEqual(([card["id"] for card in cards], cards[0]["needs"]["secrets"]), (["echo-2"], ["acme"]))
        self.assertIn("[echo-2 made-k ", one.generate("acme", secrets={"acme": "k"})[0])
        one = self.worker(ECHO + "\nllm = EchoLLM('finished')\n")
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], ["acme"])
        self.assertIn("[echo-1 finished ", one.generate("acme")[0])
        two = ECHO + "\nclass Loud(EchoLLM):\n    def __init__(self, model='loud'): super().__init__('l', model)\n"
        one = self.worker(two)
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]],
                         ["loud", "echo-1", "echo-2", "EchoLLM:echo-1", "EchoLLM:echo-2"])
        self.assertIn("[echo-1 none ", one.generate("EchoLLM")[0])
        one = self.worker(two, **{"class": "EchoLLM"})
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], ["echo-1", "echo-2"])
        self.assertEqual(self.refused(self.worker, two, **{"class": "Nobody"}).kind, "setup")

    def test_what_a_factory_may_get_wrong(self):
        for body, said in (("return None", "gave NoneType"), ("return 'x'", "gave str")):
            refused = self.refused(self.worker, ECHO + f"\ndef create_llm():\n    {body}\n")
            self.assertIn(said, str(refused))
        refused = self.refused(self.worker, ECHO + "\nasync def create_llm():\n    return EchoLLM()\n")
        self.assertIn("is a coroutine", str(refused))

    def test_files_without_a_model(self):
        refused = self.refused(self.worker, "import bruno_core\n")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:1"))
        refused = self.refused(self.worker, "from bruno_core.interfaces import LLMInterface\n\nclass A(LLMInterface):\n    x = 1")
        self.assertEqual((str(refused), refused.data["at"]), ("class A has no generate and no stream", "acme.py:3"))


class Failing(BrunoCase):
    def test_what_was_said_before_a_failure_stays(self):
        one = self.one_line("yield 'one '\nyield 'two'\nraise RuntimeError('cut')")
        ident = one.start("generate", model="acme", messages=[user("x")])
        refused = self.refused(one.answer, ident)
        self.assertEqual([event["text"] for event in one.events[ident]], ["one ", "two"])
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:6"))
        self.assertIn("cut", str(refused))

    def test_exceptions_at_each_point(self):
        for at, source in (
            ("import", "import bruno_core\nraise ValueError('no')"),
            ("constructor", ECHO.replace("self.api_key, self.model = api_key, model", "raise ValueError('no')")),
            ("call", ECHO.replace('roles = ', "raise ValueError('no')\n        roles = ")),
            ("exit", ECHO.replace('roles = ', "raise SystemExit('no')\n        roles = ")),
        ):
            with self.subTest(at):
                if at in ("import", "constructor"):
                    self.assertIn("no", str(self.refused(self.worker, source)))
                    continue
                one = self.worker(source)
                for stream in (True, False):
                    self.assertIn("acme.py:1", self.refused(one.generate, "acme", stream=stream).data["at"])
                self.assertEqual(one.ask("ping"), {})
        one = self.worker(ECHO.replace("return len(text.split())", "raise ValueError('no')"))
        self.assertEqual(one.ask("tokens/count", model="acme", messages=[user("x")])["exact"], False)

    def test_wrong_types(self):
        for body, said in (("yield 7", "yielded int, expected str"), ("return None", "returned None, expected str")):
            self.assertEqual(str(self.refused(self.one_line(body).generate, "acme")), said)

    def test_a_stream_without_a_word_is_told(self):
        one = self.one_line("return\nyield")
        _, result, events = one.generate("acme")
        self.assertEqual((result["finishReason"], [event["type"] for event in events]), ("stop", ["warning"]))
        self.assertIn("all of its providers failed", events[0]["message"])

    def test_ping_and_cancel_under_a_loop_that_does_not_await(self):
        one = self.one_line("yield 'x'\nfor number in range(10**9):\n    time.sleep(0.001)", head="import time")
        ident = one.start("generate", model="acme", messages=[user("x")])
        time.sleep(0.3)
        started = time.monotonic()
        self.assertEqual(one.ask("ping"), {})
        self.assertLess(time.monotonic() - started, 0.3)
        one.send("cancel", request=ident)
        self.assertEqual(one.answer(ident, 3), {"finishReason": "cancelled"})
        ident = one.start("generate", model="acme", messages=[user("x")])
        time.sleep(0.3)
        self.assertTrue(one.events.get(ident), "the loop is free again")
        one.send("cancel", request=ident)
        one.answer(ident, 3)


class Assistants(BrunoCase):
    def test_a_stand_in_assistant(self):
        one = self.worker(ECHO + """
from bruno_core.base import BaseAssistant
from bruno_core.models import AssistantResponse
from bruno_core.utils.exceptions import BrunoError

class Angry(EchoLLM):
    async def generate(self, messages, **kwargs): raise ValueError("not now")

async def talk():
    assistant = BaseAssistant(llm=EchoLLM(), memory=memory)
    await assistant.initialize()
    for text in ("one", "two"):
        response = await assistant.process_message(Message(role="user", content=text), conversation_id="c")
    kept = await assistant.memory.retrieve_messages("c")
    angry = BaseAssistant(Angry(), memory)
    await angry.initialize()
    try:
        await angry.process_message("three", conversation_id="c")
    except BrunoError as error:
        return f"{response.text}| {len(kept)} | {error} | {len(await memory.retrieve_messages('c'))}"

class Talk(LLMInterface):
    async def generate(self, messages, **kwargs): return await talk()
""")
        self.assertEqual(one.generate("acme", stream=False)[0],
                         "[echo-1 none user,assistant,user []] two | 4 | the message could not be answered: not now | 4")


if __name__ == "__main__":
    unittest.main()
