"""@NAME@: say here what this provider is; the first line is its description."""
import asyncio

from bruno_core.interfaces import LLMInterface  # Consort brings it; there is nothing to install
from bruno_core.models import Message


class @CLASS@LLM(LLMInterface):
    """Say here what this model is."""

    def __init__(self, model: str = "@NAME@-1"):
        # An argument `api_key: str` is filled with the key `@NAME@`, once you granted it:
        #   consort keys set @NAME@; consort plugins grant @NAME@ @NAME@
        self.model = model

    async def generate(self, messages: list[Message], **kwargs) -> str:
        return "".join([token async for token in self.stream(messages, **kwargs)])

    async def stream(self, messages: list[Message], **kwargs):
        # `kwargs` are the options that the user set, and nothing else.
        for word in ["heard:", *messages[-1].content.split()]:
            await asyncio.sleep(0)
            yield word + " "

    def get_token_count(self, text: str) -> int:
        return len(text.split())

    def list_models(self) -> list[str]:
        return ["@NAME@-1"]
