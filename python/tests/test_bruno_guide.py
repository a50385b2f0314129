"""The page of bruno's providers, block by block as it stands: only the clients of the vendors are made up here."""

import os
import subprocess
import unittest

from guide_case import block, blocks, needs_guides
from harness import PYTHON, WORKER, user
from test_bruno import BrunoCase
from test_bruno_memory import Keeper

PAGE = "004"
CLIENTS = '''
import sys, json
from types import ModuleType, SimpleNamespace as O

LOG = []

class Broken(Exception):
    pass

async def pieces(words, fail_after):
    for at, word in enumerate(words):
        if at == fail_after:
            raise Broken("connection reset")
        yield word
    if len(words) == fail_after:
        raise Broken("connection reset")

def words_of(model, messages, rest):
    LOG.append((model, rest))
    return [f"{model}:", *messages[-1]["content"].split()]

class AsyncOpenAI:
    fail_after = 99
    def __init__(self, api_key):
        self.api_key = api_key
        self.chat = O(completions=O(create=self.create))
    async def create(self, model, messages, stream=False, **rest):
        words = words_of(model, messages, rest)
        if not stream:
            return O(choices=[O(message=O(content=" ".join(words)))])
        async def chunks():
            async for word in pieces(words, self.fail_after):
                yield O(choices=[O(delta=O(content=word + " "))])
                yield O(choices=[O(delta=O(content=None))])
        return chunks()

class AsyncAnthropic:
    def __init__(self, api_key):
        self.messages = self
    async def create(self, model, messages, system, max_tokens, **rest):
        words = words_of(model, messages, {**rest, "system": system, "max_tokens": max_tokens})
        return O(content=[O(text=" ".join(words))])
    def stream(self, model, messages, system, max_tokens, **rest):
        words = words_of(model, messages, {**rest, "system": system, "max_tokens": max_tokens})
        class Stream:
            text_stream = pieces([word + " " for word in words], 99)
            async def __aenter__(self): return self
            async def __aexit__(self, *why): pass
        return Stream()

class ClientSession:
    async def __aenter__(self): return self
    async def __aexit__(self, *why): pass
    def post(self, url, json):
        words = words_of(json["model"], json["messages"], {"url": url, "stream": json["stream"]})
        class Response:
            content = pieces([globals()["json"].dumps({"message": {"content": word + " "}}).encode() for word in words], 99)
            async def __aenter__(self): return self
            async def __aexit__(self, *why): pass
            async def json(self): return {"message": {"content": " ".join(words)}}
        return Response()

def provide(name, **names):
    module = sys.modules[name] = ModuleType(name)
    vars(module).update(names)

provide("openai", AsyncOpenAI=AsyncOpenAI)
provide("anthropic", AsyncAnthropic=AsyncAnthropic)
provide("aiohttp", ClientSession=ClientSession)
provide("requests", get=lambda url: O(json=lambda: {"models": [{"name": "llama2"}, {"name": "mistral"}]}))
provide("tiktoken", encoding_for_model=lambda model: O(encode=lambda text: text.split()))
'''


@needs_guides
class Guide(BrunoCase):
    def page(self, *marks, before=CLIENTS, after=""):
        return before + "\n".join(block(PAGE, mark) for mark in marks) + after

    def test_every_block_is_run_by_some_test(self):
        run = ["class CustomLLM", "class SimpleLLM", "class OpenAILLM", "class ClaudeLLM", "class OllamaLLM",
               "class RateLimitedLLM", "class RetryLLM", "class FallbackLLM", "await assistant.initialize()",
               "llm = RateLimitedLLM(", "llm = FallbackLLM(", "@pytest.mark.asyncio"]
        self.assertEqual(len(blocks(PAGE)), len(run))
        for mark in run:
            block(PAGE, mark)

    def test_the_contract_says_that_it_is_not_implemented(self):
        one = self.worker(self.page("class CustomLLM", before=""))
        for stream in (True, False):
            self.assertIn("NotImplementedError", str(self.refused(one.generate, "acme", stream=stream)))
        levels = [(each["level"], each["message"]) for each in one.ask("plugin/check")["findings"]]
        self.assertIn(("error", "generate only raises NotImplementedError"), levels)

    def test_the_simple_provider(self):
        one = self.worker(self.page("class SimpleLLM", before=""))
        self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], ["gpt-4", "gpt-3.5-turbo"])
        secrets = {"acme": "k"}
        self.assertEqual(one.generate("gpt-4", secrets=secrets)[0], "token")
        refused = self.refused(one.generate, "gpt-4", stream=False, secrets=secrets)
        self.assertEqual(str(refused), "returned None, expected str")  # its _call_api is `pass`
        one = self.worker(self.page("class SimpleLLM", before="", after='''
async def _call_api(self, messages, **kwargs):
    return f"{messages} {kwargs}"
SimpleLLM._call_api = _call_api
'''))
        said = one.generate("gpt-4", "hi", stream=False, secrets=secrets, system="s", options={"top_p": 1})[0]
        self.assertEqual(said, "[{'role': 'system', 'content': 's'}, {'role': 'user', 'content': 'hi'}] {'top_p': 1}")

    def test_the_vendors(self):
        for mark, first, needs, counted in (
            ("class OpenAILLM", "gpt-4", ["acme"], 2),
            ("class ClaudeLLM", "claude-3-opus-20240229", ["acme"], 1),
            ("class OllamaLLM", "llama2", None, 2),
        ):
            one = self.worker(self.page(mark))
            cards = one.ask("models/list")["models"]
            self.assertEqual((cards[0]["id"], cards[0].get("needs", {}).get("secrets")), (first, needs))
            secrets = {"acme": "sk-test"}
            for stream in (True, False):
                said, _, events = one.generate(first, "good morning", stream=stream, secrets=secrets)
                self.assertEqual((said.strip(), len(events) > 2), (f"{first}: good morning", stream))
            self.assertEqual(one.generate(cards[1]["id"], "x", secrets=secrets)[0].strip(), cards[1]["id"] + ": x")
            count = one.ask("tokens/count", model=first, messages=[user("one two")])
            self.assertEqual(count, {"tokens": counted, "exact": True})

    def test_what_reaches_the_vendor(self):
        one = self.worker(self.page("class ClaudeLLM", after='''
class Told(ClaudeLLM):
    async def stream(self, messages, **kwargs):
        async for text in super().stream(messages, **kwargs):
            pass
        yield repr(LOG)
'''))
        said = one.generate("acme", system="Be brief.", secrets={"acme": "k"}, options={"temperature": 1})[0]
        self.assertEqual(said, "[('claude-3-opus-20240229', {'temperature': 1, 'system': 'Be brief.', 'max_tokens': 1024})]")
        refused = self.refused(one.generate, "acme", secrets={"acme": "k"}, options={"max_tokens": 5})
        self.assertIn("multiple values for keyword argument 'max_tokens'", str(refused))
        found = [(each["at"], each["message"]) for each in one.ask("plugin/check")["findings"]]
        self.assertEqual(len([each for each in found if "passes max_tokens twice" in each[1]]), 2)

    def test_rate_limit(self):
        made = "\ndef create_llm():\n    return RateLimitedLLM(OpenAILLM('k'), 600)\n"
        one = self.worker(self.page("class OpenAILLM", "class RateLimitedLLM", after=made))
        import time
        started = time.monotonic()
        for _ in range(4):
            self.assertEqual(one.generate("acme", "x")[0].strip(), "gpt-4: x")
        self.assertGreater(time.monotonic() - started, 0.29)
        self.check(one, "sets self.last_request after it slept", "self.last_request = time.time()")

    def test_retry(self):
        made = '''
def create_llm():
    class Unsteady(OpenAILLM):
        left = 2
        async def generate(self, messages, **kwargs):
            if self.left:
                self.left -= 1
                raise Broken("503")
            return await super().generate(messages, **kwargs)
    AsyncOpenAI.fail_after = 2
    return RetryLLM(Unsteady("k"), max_retries=3)
async def no_wait(seconds): LOG.append(seconds)
asyncio.sleep = no_wait
'''
        one = self.worker(self.page("class OpenAILLM", "class RetryLLM", after=made))
        self.assertEqual(one.generate("acme", "a b", stream=False)[0], "gpt-4: a b")
        ident = one.start("generate", model="acme", messages=[user("a b")])
        self.assertIn("connection reset", str(self.refused(one.answer, ident)))
        self.assertEqual([event["text"] for event in one.events[ident]], ["gpt-4: ", "a "])
        self.check(one, "retries generate only", "async def stream(self, messages, **kwargs):", last=True)
        self.check(one, "tries again after every error", "except Exception as e:", last=True)

    def test_fallback(self):
        made = '''
class Broke(OpenAILLM):
    async def stream(self, messages, **kwargs):
        raise Broken("no")
        yield
    generate = stream
'''
        page = ("class OpenAILLM", "class ClaudeLLM", "class OllamaLLM", "class FallbackLLM")
        one = self.worker(self.page(*page, after=made + "def create_llm(): return FallbackLLM([Broke('k'), ClaudeLLM('k')])"))
        self.assertEqual(one.generate("acme", "x")[0].strip(), "claude-3-opus-20240229: x")
        one = self.worker(self.page(*page, after=made + "def create_llm(): return FallbackLLM([Broke('k')])"))
        _, _, events = one.generate("acme", "x")
        self.assertIn("all of its providers failed", events[-1]["message"])
        self.assertIn("All providers failed", str(self.refused(one.generate, "acme", stream=False)))
        self.check(one, "followed by the next one's whole answer", "except Exception:", last=True)
        self.check(one, "ends as if it were done", "for provider in self.providers:\n            try:\n                async for")

    def test_usage(self):
        memory = block(PAGE, "await assistant.initialize()")
        page = self.page("class OpenAILLM", after="\n" + memory + '''
print(assistant.initialized, (await assistant.process_message(Message(role="user", content="hi"))).text)
''')
        keeper = Keeper()
        one = self.worker(page, offers={"memory": True}, on_request=keeper)
        self.assertEqual(one.generate("acme", "x")[0].strip(), "gpt-4: x")
        self.assertIn("True gpt-4: hi", one.log())
        self.assertEqual([each["content"][0]["text"] for each in keeper.kept["default"]], ["hi", "gpt-4: hi"])
        limited = self.page("class OpenAILLM", "class RateLimitedLLM", "await assistant.initialize()", "llm = RateLimitedLLM(")
        self.assertEqual(self.worker(limited).generate("acme", "x")[0].strip(), "gpt-4: x")
        whole = self.page("class OpenAILLM", "class ClaudeLLM", "class OllamaLLM", "class FallbackLLM",
                          "await assistant.initialize()", "llm = FallbackLLM(")
        self.assertEqual(self.worker(whole).generate("acme", "x")[0].strip(), "gpt-4: x")

    def test_stacked(self):
        made = "\nllm = RateLimitedLLM(RetryLLM(FallbackLLM([OpenAILLM('a'), OllamaLLM()])), 6000)\n"
        one = self.worker(self.page("class OpenAILLM", "class OllamaLLM", "class RateLimitedLLM", "class RetryLLM",
                                    "class FallbackLLM", after=made))
        for stream in (True, False):
            self.assertEqual(one.generate("acme", "x", stream=stream, options={"seed": 1})[0].strip(), "gpt-4: x")

    def test_the_pages_own_tests(self):
        tests = self.plugin(block(PAGE, "@pytest.mark.asyncio"), "checks")
        good = self.plugin(self.page("class OpenAILLM"), "good")
        bad = self.plugin(self.page("class SimpleLLM", before=""), "bad")
        for file, code, said in ((good, 0, "1 passed, 0 failed"), (bad, 1, "assert isinstance(response, str)")):
            ran = subprocess.run([PYTHON, "-I", WORKER, "test", "--file", file, tests], capture_output=True, text=True)
            self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
            self.assertIn(said, ran.stdout)

    def test_the_contract_without_a_file_of_tests(self):
        good = self.plugin(self.page("class OpenAILLM", after="\ndef test_mine(): assert LOG"), "good")
        bad = self.plugin(self.page("class SimpleLLM", before=""), "bad")
        key = ["--key", "good=k", "--key", "bad=k"]
        for file, code, said in ((good, 0, "passed: test_mine\n4 passed, 0 failed"), (bad, 1, "2 passed, 1 failed")):
            command = [PYTHON, "-I", WORKER, "test", "--file", file, *key]
            ran = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
            self.assertIn(said, ran.stdout)

    def check(self, one, message, line, last=False):
        """`plugin/check` says it, at the line that is meant."""
        (found,) = [each for each in one.ask("plugin/check")["findings"] if message in each["message"]]
        with open(one.config["file"], encoding="utf-8") as opened:
            source = opened.read()
        at = source.rindex(line) if last else source.index(line)
        self.assertEqual(found["at"], f"acme.py:{source.count(chr(10), 0, at) + 1}", found)


if __name__ == "__main__":
    unittest.main()
