"""Text models of Vision Agents: the three forms of the contract, what they are given, and what they get wrong."""

import time
import unittest

from guide_case import block, needs_guides
from harness import Case, assistant, user

HEAD = """
from typing import Optional
from vision_agents.core.llm.llm import LLM, LLMResponseEvent, LLMResponseDelta, LLMResponseFinal
from vision_agents.core.llm.events import LLMResponseChunkEvent, LLMResponseCompletedEvent
"""
CLIENT = '''

class Chunk:
    def __init__(self, text): self.text = text

class FakeClient:
    async def mynativemethod(self, *args, **kwargs):
        words = [str(kwargs.get("system")), " ", str([type(each).__name__ for each in args])]
        return (Chunk(word) for word in words)

def create_llm(model):
    return MyLLM(model, FakeClient())
'''


class VisionCase(Case):
    dialect = "vision"

    def llm(self, body, head="", **config):
        lines = "\n".join("    " + line for line in body.strip("\n").split("\n"))
        return self.worker(f"{HEAD.lstrip()}{head}\nclass One(LLM):\n{lines}\n", **config)

    def raw(self, events):
        return [event["value"] for event in events if event["type"] == "raw"]


@needs_guides
class Guide(VisionCase):
    def test_the_page_as_it_stands(self):
        one = self.worker(block("000", "class MyLLM") + CLIENT)
        (card,) = one.ask("models/list")["models"]
        self.assertEqual((card["id"], card["kind"]), ("acme", "chat"))
        said, result, events = one.generate("acme", "hi", system="Be brief.", meta={"raw": True, "participant": "ada"})
        self.assertEqual(said, "[{'text': 'Be brief.'}] ['MyLLM', 'ellipsis']")
        self.assertEqual(result["finishReason"], "stop")
        warnings = [event["message"] for event in events if event["type"] == "warning"]
        self.assertEqual(len(warnings), 1)
        self.assertIn("`mynativemethod(…)` is a coroutine that nobody awaits", warnings[0])
        chunk, *_, done = self.raw(events)
        self.assertEqual(chunk, {
            "event": "LLMResponseChunkEvent", "type": "plugin.llm_response_chunk",
            "fields": {"plugin_name": "gemini", "content_index": 0, "item_id": "", "output_index": 0,
                       "sequence_number": 0, "delta": "[{'text': 'Be brief.'}]"},
        })
        self.assertEqual(done["fields"], {"plugin_name": "gemini", "original": {"omitted": "generator"}, "text": said})
        _, _, events = one.generate("acme", "again")
        self.assertEqual([event["type"] for event in events], ["text"] * 3)  # said once
        said = one.generate("acme", "x", stream=False)[0]
        self.assertEqual(said, "None ['MyLLM', 'ellipsis']")

    def test_check_says_what_the_page_gets_wrong(self):
        one = self.worker(block("000", "class MyLLM") + CLIENT)
        found = one.ask("plugin/check")["findings"]
        source = block("000", "class MyLLM")
        line = source[: source.rindex("self.mynativemethod(...)")].count("\n") + 1
        told = [each["message"] for each in found if (each["level"], each["at"]) == ("warning", f"acme.py:{line}")]
        self.assertEqual(told, ["`mynativemethod(…)` is a coroutine that nobody awaits",
                                "`...` stands where the arguments belong"])

    def test_a_client_that_nobody_gave(self):
        one = self.worker(block("000", "class MyLLM"))
        refused = self.refused(one.generate, "acme")
        self.assertEqual(refused.kind, "plugin_bug")
        self.assertIn("'NoneType' object has no attribute 'mynativemethod'", str(refused))
        self.assertIn("`client` of MyLLM is None, as its annotation allows, since nobody gave one", refused.data["help"])
        self.assertIn("create_llm()", refused.data["help"])


class Eras(VisionCase):
    def test_an_attribute_error_of_its_own_words(self):
        for body, is_advised in (("raise AttributeError('no such voice')", False), ("self.client.voice", True)):
            one = self.llm(f"""
def __init__(self, client: Optional[object]):
    super().__init__()
    self.client = client
async def simple_response(self, text, participant=None):
    {body}
""")
            refused = self.refused(one.generate, "acme")
            self.assertIn("voice", str(refused))
            self.assertEqual("create_llm()" in (refused.data.get("help") or ""), is_advised)

    def test_events_deltas_and_values(self):
        for name, body, text, usage in (
            ("events", """
async def simple_response(self, text, processors=None, participant=None):
    for word in ("one ", "two"):
        self.events.send(LLMResponseChunkEvent(delta=word, sequence_number=0))
    self.events.send(LLMResponseCompletedEvent(text="one two", input_tokens=3, output_tokens=2, model="m-1"))
""", ["one ", "two"], {"inputTokens": 3, "outputTokens": 2}),
            ("completed alone", """
async def simple_response(self, text, participant=None):
    self.events.send(LLMResponseCompletedEvent(original={"a": 1}, text="whole"))
""", ["whole"], None),
            ("completed, and returned without its text", """
async def simple_response(self, text):
    self.events.send(LLMResponseCompletedEvent(text="whole"))
    return LLMResponseEvent(None, None)
""", ["whole"], None),
            ("returned alone", """
async def simple_response(self, text):
    return LLMResponseEvent(None, "returned")
""", ["returned"], None),
            ("events and the same returned", """
async def simple_response(self, text):
    self.events.send(LLMResponseChunkEvent(delta="once"))
    self.events.send(LLMResponseCompletedEvent(text="once"))
    return LLMResponseEvent(None, "once")
""", ["once"], None),
            ("deltas", """
async def simple_response(self, text, participant=None):
    yield LLMResponseDelta(delta="one ")
    yield LLMResponseDelta(delta="two")
    yield LLMResponseFinal(text="one two", total_tokens=9, model="m-1")
""", ["one ", "two"], {"totalTokens": 9}),
            ("final alone", "async def simple_response(self, text):\n    yield LLMResponseFinal(text='all')", ["all"], None),
            ("both ways at once", """
async def simple_response(self, text):
    self.events.send(LLMResponseChunkEvent(delta="once"))
    yield LLMResponseDelta(delta="once")
    self.events.send(LLMResponseCompletedEvent(text="once"))
    yield LLMResponseFinal(text="once")
""", ["once"], None),
            ("a completed text that goes on", """
async def simple_response(self, text):
    self.events.send(LLMResponseChunkEvent(delta="begun"))
    self.events.send(LLMResponseCompletedEvent(text="begun and done"))
""", ["begun", " and done"], None),
            ("an iterator that is awaited", """
async def simple_response(self, text):
    async def items():
        yield LLMResponseDelta("late")
    return items()
""", ["late"], None),
            ("a plain string", "async def simple_response(self, text):\n    return text.upper()", ["HELLO"], None),
        ):
            with self.subTest(name):
                one = self.llm(body)
                said, result, events = one.generate("acme")
                self.assertEqual([event["text"] for event in events], text)
                self.assertEqual((result["finishReason"], result.get("usage")), ("stop", usage))
                whole, result, events = one.generate("acme", stream=False)
                self.assertEqual((whole, events), ("".join(text), []))

    def test_what_it_is_given(self):
        one = self.llm("""
async def simple_response(self, text, processors=None, participant=None):
    history = [(each.role, each.content, each.original["content"]) for each in self._conversation.messages]
    return repr((text, processors, participant, self._instructions, self._build_enhanced_instructions(), history))
""", head="from vision_agents.core.processors import Processor\nprocessors = [7]\n")
        messages = [user("Hi"), assistant("Hello!"), user("Bye")]
        said = one.generate("acme", messages=messages, system="Be brief.", meta={"participant": "ada"})[0]
        self.assertEqual(said, "('Bye', [7], Participant(user_id='ada', id='ada'), 'Be brief.', 'Be brief.', "
                               "[('user', 'Hi', 'Hi'), ('assistant', 'Hello!', 'Hello!')])")
        self.assertIn("('x', [7], None, '', None, [])", one.generate("acme", "x")[0])

    def test_requests_at_one_time_do_not_meet(self):
        one = self.llm("""
async def simple_response(self, text):
    before = self._instructions
    await asyncio.sleep(0.2)
    self.events.send(LLMResponseChunkEvent(delta=f"{before} {self._instructions} {text}"))
""", head="import asyncio\n")
        idents = [one.start("generate", model="acme", system=f"s{n}", messages=[user(f"t{n}")]) for n in range(5)]
        started = time.monotonic()
        for ident in idents:
            one.answer(ident)
        self.assertLess(time.monotonic() - started, 0.8)
        said = ["".join(event["text"] for event in one.events[ident]) for ident in idents]
        self.assertEqual(said, [f"s{n} s{n} t{n}" for n in range(5)])

    def test_normalised_messages(self):
        for body, kept in (
            ("return [Message(content=my_input, original={'parts': my_input})]", "{'parts': 'Hi'}"),
            ("pass", "{'role': 'user', 'content': 'Hi'}"),
        ):
            one = self.llm(f"""
@staticmethod
def _normalize_message(my_input) -> List["Message"]:
    {body}

async def simple_response(self, text):
    return repr(self._conversation.messages[0].original)
""")
            self.assertEqual(one.generate("acme", messages=[user("Hi"), user("x")])[0], kept)

    def test_forgotten_names_and_annotations(self):
        one = self.llm("""
def __init__(self, model: str, client: Optional[ClientType], other: "Nobody | None", *more: NobodyEither):
    pass  # without super().__init__()

async def simple_response(self, text: Nowhere, processors: List[Processor] = None, participant: Participant = None) -> Any:
    self.events.send(LLMErrorEvent(error=None) if False else LLMRequestStartedEvent(model="m"))
    return str([Participant(None, "a", "b"), List, asyncio])
""", head="import asyncio\n")
        self.assertIn("Participant(user_id='a', id='b')", one.generate("acme")[0])

    def test_coroutines_that_nobody_awaits(self):
        one = self.llm("""
async def native(self, *args, **kwargs):
    self.events.send(LLMResponseChunkEvent(delta="heard"))

async def items(self):
    yield 1

async def simple_response(self, text):
    self.native(text)
    self.items()
    self.plain()

def plain(self):
    Other().native()

async def other(self):
    self.elsewhere()
""", head="class Other:\n    async def elsewhere(self): pass\n    def native(self): pass\n")
        said, _, events = one.generate("acme")
        self.assertEqual((said, len(events)), ("heard", 2))
        self.assertEqual(len(one.about["notes"]), 1)
        self.assertIn("line 16", one.about["notes"][0])
        self.assertNotIn("never awaited", one.log())

    def test_subscribers_and_events_of_ones_own(self):
        one = self.llm("""
def __init__(self):
    super().__init__()
    self.seen = []
    @self.events.subscribe
    async def handler(event: LLMResponseChunkEvent | Odd):
        self.seen.append((type(event).__name__, event.session_id))
    self.events.register(Odd)

async def simple_response(self, text):
    self.events.send(Odd(plugin_name="p", extra=object()), LLMResponseChunkEvent(delta="x"), {"type": "plain"}, "junk", 7)
    await self.events.wait()
    return repr(self.seen)
""", head="""
from dataclasses import dataclass, field
from vision_agents.core.events import PluginBaseEvent

@dataclass
class Odd(PluginBaseEvent):
    type: str = field(default="plugin.odd", init=False)
    extra: object = None
""")
        said, _, events = one.generate("acme", meta={"raw": True})
        self.assertEqual(said, "x")
        odd, _, plain, junk, _ = self.raw(events)
        self.assertEqual((odd["event"], odd["type"], odd["fields"]["extra"]), ("Odd", "plugin.odd", {"omitted": "object"}))
        self.assertEqual((plain["type"], junk["event"]), ("plain", "str"))


class Tools(VisionCase):
    BODY = """
async def simple_response(self, text):
    names = [each["name"] for each in self.get_available_functions()]
    calls = [{"id": "c1", "name": "weather", "arguments_json": {"city": "Oslo"}},
             {"id": "c1", "name": "weather", "arguments_json": {"city": "Oslo"}},
             {"id": "c2", "name": "nobody"}]
    results, _ = await self._dedup_and_execute(calls)
    return repr((names, [(result, error is None) for _, result, error in results]))
"""

    def test_the_hosts_tools(self):
        one = self.llm(self.BODY)
        one.on_request = lambda asked: one.reply(
            asked, content=[{"type": "text", "text": f"4 °C in {asked['params']['arguments']['city']}"}], isError=False)
        tools = [{"name": "weather", "description": "d", "inputSchema": {"type": "object"}}]
        ident = one.start("generate", model="acme", messages=[user("x")], tools=tools)
        one.answer(ident)
        said = "".join(event["text"] for event in one.events[ident])
        self.assertEqual(eval(said)[0], ["weather"])
        self.assertEqual(eval(said)[1], [("4 °C in Oslo", True),
                                         ({"error": "\"Function 'nobody' is not registered\""}, False)])
        asked = one.requests.get_nowait()
        self.assertEqual((asked["method"], asked["params"]["request"], asked["params"]["name"]),
                         ("tools/run", ident, "weather"))

    def test_functions_of_its_own(self):
        one = self.llm("""
def __init__(self):
    super().__init__()
    @self.register_function(description="Adds.")
    async def add(a: int, b: Optional[List[int]] = None, kind: Literal["x"] = "x") -> int:
        return a + 1

async def simple_response(self, text):
    return f"{self.get_available_functions()} {await self.call_function('add', {'a': 4})}"
""")
        schema = {"type": "object", "required": ["a"], "properties": {
            "a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "integer"}}, "kind": {"type": "string"}}}
        (tool,) = one.ask("tools/list")["tools"]
        self.assertEqual(tool, {"name": "add", "description": "Adds.", "inputSchema": schema})
        self.assertEqual(one.ask("tools/call", name="add", arguments={"a": 1})["content"][0]["text"], "2")
        failed = one.ask("tools/call", name="add", arguments={})
        self.assertTrue(failed["isError"])
        self.assertTrue(failed["content"][0]["text"].startswith("TypeError: "), failed)
        said = one.generate("acme")[0]
        self.assertTrue(said.endswith(" 5") and "'name': 'add'" in said, said)


class Making(VisionCase):
    ANSWER = "\nasync def simple_response(self, text):\n    return repr((getattr(self, 'model', None), getattr(self, 'key', None)))"

    def test_models_and_keys(self):
        one = self.llm("def __init__(self, api_key, model='m-1'):\n    self.key, self.model = api_key, model" + self.ANSWER)
        (card,) = one.ask("models/list")["models"]
        self.assertEqual(card["needs"]["secrets"], ["acme"])
        self.assertEqual(one.generate("acme", secrets={"acme": "k1"})[0], "('m-1', 'k1')")
        self.assertEqual(one.generate("acme", secrets={"acme": "k2"})[0], "('m-1', 'k2')")
        self.assertEqual(self.refused(one.generate, "acme").kind, "setup")
        one = self.llm("def __init__(self, model):\n    self.model = model" + self.ANSWER, init={"model": "m-9"})
        self.assertEqual(one.generate("acme")[0], "('m-9', None)")

    def test_an_argument_that_nobody_gives(self):
        refused = self.refused(self.llm, "def __init__(self, model, client):\n    pass" + self.ANSWER)
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the argument `client` of One"))
        one = self.llm("def __init__(self, model, client):\n    self.model = client" + self.ANSWER +
                       "\n\n@classmethod\ndef other(cls): pass\n", init={"client": "c"})
        self.assertEqual(one.generate("acme")[0], "('c', None)")

    def test_several_classes_and_none(self):
        one = self.llm(self.ANSWER, head="class Zwei(LLM):\n    async def simple_response(self, text): return 'two'\n")
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], ["acme", "One"])
        self.assertEqual([one.generate(model)[0] for model in ("acme", "One")], ["two", "('', None)"])
        refused = self.refused(self.worker, "import vision_agents\n")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:1"))

    def test_two_dialects_at_once(self):
        """The file's first dialect by the host's rule runs; a class that is of both is a model of either."""
        source = HEAD + """
from bruno_core.interfaces import LLMInterface
class Both(LLMInterface, LLM):
    def __init__(self): LLM.__init__(self)
    async def generate(self, messages, **kwargs): return "bruno " + messages[-1].content
    async def simple_response(self, text): return "vision " + text
"""
        self.assertEqual(self.worker(source, dialect="vision").generate("acme", "x")[0], "vision x")
        one = self.worker(source, dialect="bruno")
        self.assertEqual(one.generate("acme", "x")[0], "bruno x")
        (found,) = [each for each in one.ask("plugin/check")["findings"] if "dialect" in each["message"]]
        line = source.lstrip().partition("class Both")[0].count("\n") + 1
        self.assertEqual((found["level"], found["at"], found["message"]), (
            "warning", f"acme.py:{line}", "Both is of the dialect `vision`, and the file runs as `bruno`"))


class Failing(VisionCase):
    def test_exceptions_at_each_point(self):
        for at, body in (
            ("call", "async def simple_response(self, text):\n    raise ValueError('no')"),
            ("iteration", "async def simple_response(self, text):\n    yield LLMResponseDelta('so ')\n    raise ValueError('no')"),
            ("after events", "async def simple_response(self, text):\n    self.events.send(LLMResponseChunkEvent(delta='so '))\n    raise ValueError('no')"),
            ("returned", "async def simple_response(self, text):\n    return LLMResponseEvent(None, '', ValueError('no'))"),
            ("event", "async def simple_response(self, text):\n    self.events.send(LLMErrorEvent(error=ValueError('no')))"),
            ("normalising", "@staticmethod\ndef _normalize_message(x): raise ValueError('no')\nasync def simple_response(self, text): pass"),
        ):
            with self.subTest(at):
                one = self.llm(body)
                ident = one.start("generate", model="acme", messages=[user("a"), user("b")])
                refused = self.refused(one.answer, ident)
                self.assertIn("no", str(refused))
                texts = [event["text"] for event in one.events.get(ident, []) if event["type"] == "text"]
                self.assertEqual(texts, ["so "] if at in ("iteration", "after events") else [])
                self.assertEqual(one.ask("ping"), {})

    def test_wrong_types(self):
        for body, said in (
            ("    return 7", "simple_response returned int, expected LLMResponseEvent"),
            ("    yield 7", "simple_response yielded int, expected LLMResponseDelta"),
            ("    return LLMResponseEvent('swapped', None)", "the text of the LLMResponseEvent is NoneType, expected str"),
            ("    pass", "simple_response returned nothing, and no event with text was sent"),
            ("    self.events.send(LLMResponseChunkEvent(delta=7))", "a chunk's delta is int, expected str"),
        ):
            refused = self.refused(self.llm("async def simple_response(self, text):\n" + body).generate, "acme")
            self.assertEqual((refused.kind, str(refused)), ("plugin_bug", said))
            self.assertRegex(refused.data["at"], r"^acme\.py:[0-9]+$")
        line = "self.events.send(LLMResponseChunkEvent(delta=7))"
        one = self.llm("async def simple_response(self, text):\n    x = 1\n    " + line)
        with open(one.config["file"], encoding="utf-8") as opened:
            at = opened.read().partition(line)[0].count("\n") + 1
        self.assertEqual(self.refused(one.generate, "acme").data["at"], f"acme.py:{at}")

    def test_what_cannot_be_called_or_made_says_where(self):
        refused = self.refused(self.llm("async def simple_response(self): return 'x'").generate, "acme")
        self.assertIn("it cannot be called as the contract has it", str(refused))
        self.assertRegex(refused.data["at"], r"^acme\.py:[0-9]+$")
        # A TypeError of its own is told as its own.
        refused = self.refused(self.llm("def simple_response(self, text): return len(7)").generate, "acme")
        self.assertIn("TypeError: object of type 'int' has no len()", str(refused))

    def test_an_async_factory(self):
        refused = self.refused(self.worker, f"{HEAD}\nclass One(LLM): pass\nasync def create_llm(): return One()\n")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:6"))
        self.assertIn("make it a plain `def`", refused.data["help"])

    def test_what_the_small_package_lacks(self):
        refused = self.refused(self.worker, "from vision_agents.core import Agent\n")
        self.assertIn("Consort's own small `vision_agents` has no such name", refused.data["help"])
        self.assertIn("install-deps acme vision-agents", refused.data["help"])
        refused = self.refused(self.worker, "import vision_agents.plugins.deepgram\nfrom vision_agents.plugins import open_ai, xai\n")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the package `vision-agents-plugins-deepgram` and "
                         "the package `vision-agents-plugins-open-ai` and the package `vision-agents-plugins-xai`"))
        self.assertIn("install-deps acme vision-agents-plugins-deepgram vision-agents-plugins-open-ai", refused.data["help"])

    def test_counts_that_cannot_be_any(self):
        one = self.llm("""
async def simple_response(self, text):
    self.events.send(LLMResponseCompletedEvent(text="a", input_tokens=-1, output_tokens=True, total_tokens=int(text)))
""")
        for total, usage in (("8", {"totalTokens": 8}), ("1" + "0" * 30, None)):
            said, result, _ = one.generate("acme", total)
            self.assertEqual((said, result.get("usage")), ("a", usage))

    def test_what_is_no_event_is_noted_once(self):
        one = self.llm("""
async def simple_response(self, text):
    for _ in range(3):
        self.events.send("junk", Odd(), None)
    return LLMResponseEvent(None, "well")
""", head="class Odd: pass\n")
        self.assertEqual(one.generate("acme")[0], "well")
        for name in ("str", "Odd", "NoneType"):
            self.assertEqual(one.log().count(f"consort: {name} is no event that anybody here knows at acme.py:"), 1, one.log())

    def test_an_error_beside_an_answer_is_told(self):
        one = self.llm("async def simple_response(self, text):\n    self.events.send(LLMErrorEvent(error=ValueError('a tool failed')))\n    return 'still'")
        said, _, events = one.generate("acme", secrets={"k": "tool"})
        self.assertEqual(said, "still")
        self.assertEqual(events[-1]["message"], "the plugin reported an error: a ••• failed")

    def test_an_error_in_words_alone(self):
        one = self.llm("async def simple_response(self, text):\n    self.events.send(LLMErrorEvent(error_message='no more'))")
        self.assertEqual(str(self.refused(one.generate, "acme")), "no more")

    def test_an_error_that_cuts_an_answer_is_no_end_of_it(self):
        for end in ("pass", "self.events.send(LLMResponseCompletedEvent(text=''))", "yield LLMResponseFinal(text='')"):
            first = "yield LLMResponseDelta('so ')" if "yield" in end else "self.events.send(LLMResponseChunkEvent(delta='so '))"
            one = self.llm(f"async def simple_response(self, text):\n    {first}\n"
                           f"    self.on_llm_error(error=ConnectionError('cut'))\n    {end}")
            ident = one.start("generate", model="acme", messages=[user("x")])
            refused = self.refused(one.answer, ident)
            self.assertEqual((refused.kind, str(refused)), ("network", "cut"))
            self.assertEqual([event["text"] for event in one.events[ident]], ["so "])
        one = self.llm("""
async def simple_response(self, text):
    self.events.send(LLMResponseChunkEvent(delta="a"))
    self.on_llm_error(error=ValueError("a tool failed"))
    self.events.send(LLMResponseChunkEvent(delta="b"))
""")
        said, _, events = one.generate("acme")
        self.assertEqual((said, events[-1]["type"]), ("ab", "warning"))

    def test_events_after_the_answer(self):
        one = self.llm("""
async def late(self):
    await asyncio.sleep(0.1)
    self.events.send(LLMResponseChunkEvent(delta="late"))

async def simple_response(self, text):
    self.task = asyncio.create_task(self.late())
    return "done"
""", head="import asyncio\n")
        ident = one.start("generate", model="acme", messages=[user("x")])
        one.answer(ident)
        time.sleep(0.3)
        self.assertEqual(len(one.events[ident]), 1)
        self.assertRegex(one.log(), r"came after the answer was done at acme\.py:[0-9]+")

    def test_a_slow_client_in_an_async_method(self):
        one = self.llm("""
async def simple_response(self, text):
    for number in range(1000):
        self.events.send(LLMResponseChunkEvent(delta="x"))
        time.sleep(0.2)
""", head="import time\n")
        ident = one.start("generate", model="acme", messages=[user("x")])
        time.sleep(0.5)
        started = time.monotonic()
        self.assertEqual(one.ask("ping"), {})
        self.assertLess(time.monotonic() - started, 0.15)
        one.send("cancel", request=ident)
        self.assertEqual(one.answer(ident, 3), {"finishReason": "cancelled"})

    def test_what_it_has_no_place_for(self):
        one = self.llm("async def simple_response(self, text): return 'x'")
        image = {"role": "user", "content": [{"type": "image", "mime": "image/png", "data": "MTIz"}]}
        for params in ({"messages": [image]}, {"output": {}}):
            self.assertEqual(self.refused(one.generate, "acme", **params).kind, "unsupported")
        self.assertEqual(self.refused(one.generate, "acme", options={"x": 1}).kind, "invalid_request")
        self.assertEqual(self.refused(one.generate, "other").kind, "model_not_found")


if __name__ == "__main__":
    unittest.main()
