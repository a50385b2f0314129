"""Claude, as a provider of bruno, with a limit on requests that holds also for requests at one time.

    consort plugins install-deps claude_llm
    consort keys set anthropic; consort plugins grant claude_llm anthropic
    consort -m claude_llm "Hello"
"""
# /// script
# dependencies = ["anthropic"]
# ///
# /// llm-plugin
# secrets = ["anthropic"]
# ///
import asyncio
import time

from anthropic import AsyncAnthropic
from bruno_core.interfaces import LLMInterface  # Consort brings it
from bruno_core.models import Message, MessageRole

MODELS = ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"]


class ClaudeLLM(LLMInterface):
    """Claude by Anthropic's own library."""

    def __init__(self, api_key: str, model: str = MODELS[1], client=None):
        # Consort retries what can be retried, and says so; a second layer below it would only wait longer.
        self.client = client or AsyncAnthropic(api_key=api_key, max_retries=0)
        self.model = model

    async def generate(self, messages: list[Message], **kwargs) -> str:
        return "".join([token async for token in self.stream(messages, **kwargs)])

    async def stream(self, messages: list[Message], **kwargs):
        system = "\n\n".join(each.content for each in messages if each.role is MessageRole.SYSTEM)
        if system:
            kwargs["system"] = system
        # Taken out of kwargs, so that it is not passed twice once a user sets it.
        most = kwargs.pop("max_tokens", 4096)
        said = [
            {"role": each.role.value, "content": each.content}
            for each in messages
            if each.role in (MessageRole.USER, MessageRole.ASSISTANT)
        ]
        async with self.client.messages.stream(model=self.model, messages=said, max_tokens=most, **kwargs) as stream:
            async for text in stream.text_stream:
                yield text

    def get_token_count(self, text: str) -> int:
        return -(-len(text) // 4)

    def list_models(self) -> list[str]:
        return MODELS


class RateLimitedLLM(LLMInterface):
    """At most so many requests in a minute. Each takes the next free moment before it sleeps."""

    def __init__(self, base_llm: LLMInterface, requests_per_minute: float):
        self.base_llm = base_llm
        self.interval = 60.0 / requests_per_minute
        self.next = 0.0
        self.lock = asyncio.Lock()

    async def _turn(self):
        async with self.lock:
            now = time.monotonic()
            mine = max(now, self.next)
            self.next = mine + self.interval
        await asyncio.sleep(mine - now)

    async def generate(self, messages, **kwargs):
        await self._turn()
        return await self.base_llm.generate(messages, **kwargs)

    async def stream(self, messages, **kwargs):
        await self._turn()
        async for token in self.base_llm.stream(messages, **kwargs):
            yield token

    def get_token_count(self, text):
        return self.base_llm.get_token_count(text)

    def list_models(self):
        return self.base_llm.list_models()


# The plugin's own model. `api_key` and `model` are filled by name; the rest may stand in the block as `init = { ... }`.
def create_llm(api_key: str, model: str = MODELS[1], requests_per_minute: float = 50):
    return RateLimitedLLM(ClaudeLLM(api_key, model), requests_per_minute)
