"""What providers, memories and abilities of bruno derive from.

The guide shows four methods of LLMInterface and the package asks for eight, so here only an answer is asked for, and
whatever else a class leaves out has a default.
"""

import sys
from abc import ABC


class LLMInterface(ABC):
    async def generate(self, messages, temperature=None, max_tokens=None, **kwargs):
        """The whole answer. A class that has only `stream` gets it from there."""
        if type(self).stream is LLMInterface.stream:
            raise NotImplementedError(f"{type(self).__name__} has neither generate nor stream")
        options = {"temperature": temperature, "max_tokens": max_tokens}
        kwargs.update({name: value for name, value in options.items() if value is not None})
        return "".join([token async for token in _pieces(self.stream(messages, **kwargs))])

    async def stream(self, messages, temperature=None, max_tokens=None, **kwargs):
        """The answer in pieces. A class that has only `generate` gives it in one."""
        if type(self).generate is LLMInterface.generate:
            raise NotImplementedError(f"{type(self).__name__} has neither generate nor stream")
        options = {"temperature": temperature, "max_tokens": max_tokens}
        kwargs.update({name: value for name, value in options.items() if value is not None})
        text = self.generate(messages, **kwargs)
        yield await text if hasattr(text, "__await__") else text

    def get_token_count(self, text):
        return -(-len(text) // 4)

    def list_models(self):
        return []

    async def check_connection(self):
        return True

    def get_model_info(self):
        return {"provider": type(self).__name__, "model": getattr(self, "model", None)}

    def set_system_prompt(self, prompt):
        self._system_prompt = prompt

    def get_system_prompt(self):
        return getattr(self, "_system_prompt", None)


async def _pieces(returned):
    """Those of a generator of either kind, or of a coroutine that gives one."""
    if hasattr(returned, "__await__"):
        returned = await returned
    if not hasattr(returned, "__aiter__"):
        for piece in returned:
            yield piece
        return
    async for piece in returned:
        yield piece


class MemoryInterface(ABC):
    """What an assistant remembers with. A memory says what it can; the rest it does not have."""

    async def store_message(self, message, conversation_id):
        raise NotImplementedError("store_message")

    async def retrieve_messages(self, conversation_id, limit=None):
        raise NotImplementedError("retrieve_messages")

    async def get_context(self, user_id, session_id=None):
        raise NotImplementedError("get_context")

    async def clear_history(self, conversation_id, keep_system_messages=True):
        raise NotImplementedError("clear_history")


class AbilityInterface(ABC):
    """Something that an assistant can do."""

    async def initialize(self):
        pass

    async def shutdown(self):
        pass

    async def health_check(self):
        return {"status": "healthy"}


for _part in ("llm", "memory", "ability"):  # the real package has a module for each
    sys.modules[f"{__name__}.{_part}"] = sys.modules[__name__]
