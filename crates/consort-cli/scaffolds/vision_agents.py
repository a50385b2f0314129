"""@NAME@: say here what this model is; the first line is its description."""
import asyncio

from vision_agents.core.llm.events import LLMResponseChunkEvent, LLMResponseCompletedEvent
from vision_agents.core.llm.llm import LLM, LLMResponseEvent  # Consort brings it; there is nothing to install


class @CLASS@LLM(LLM):
    """Say here what this model is."""

    def __init__(self, model: str = "@NAME@-1", client=None):
        super().__init__()
        self.model = model
        self.client = client or EchoClient()

    # The vendor's own call, under the vendor's own name, with whatever arguments it takes.
    async def create_message(self, *args, **kwargs):
        if self._instructions:
            kwargs["system"] = self._instructions
        total = ""
        async for piece in self.client.create_message(*args, **kwargs):
            self.events.send(LLMResponseChunkEvent(plugin_name="@NAME@", delta=piece))
            total += piece
        self.events.send(LLMResponseCompletedEvent(plugin_name="@NAME@", original=None, text=total))
        return LLMResponseEvent(None, total)

    async def simple_response(self, text, processors=None, participant=None):
        before = [message.original for message in self._conversation.messages] if self._conversation else []
        return await self.create_message(messages=[*before, {"role": "user", "content": text}])


class EchoClient:
    """Stands where your vendor's client belongs."""

    async def create_message(self, messages, system=None):
        for word in ["heard:", *messages[-1]["content"].split()]:
            await asyncio.sleep(0)
            yield word + " "
