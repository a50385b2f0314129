"""BaseAssistant: a provider, a memory and abilities as one thing that is talked to."""

import sys

from .models import AssistantResponse, Message, MessageRole
from .utils.exceptions import BrunoError


class BaseAssistant:
    """Without a memory of its own it gets one that the host keeps."""

    def __init__(self, llm, memory=None, config=None, abilities=None):
        self.llm = llm
        self.memory = _lasting() if memory is None else memory
        self.config = config or {}
        self.abilities = {_name(each): each for each in abilities or ()}
        self.initialized = False

    async def initialize(self):
        if self.initialized:
            return
        if not await _settled(self.llm.check_connection()):
            raise BrunoError("the provider cannot be reached")
        self.initialized = True

    async def process_message(self, message, context=None, user_id=None, conversation_id=None):
        """Answers a message (a Message or plain text). The question is kept only once it was answered."""
        if not self.initialized:
            raise BrunoError("call `await assistant.initialize()` first")
        if isinstance(message, str):
            message = Message(MessageRole.USER, message)
        if context is None:
            user = user_id or message.metadata.get("user_id", "default")
            context = await self.memory.get_context(user, conversation_id)
        before = list(context.messages)
        context.add_message(message)
        try:
            text = await _settled(self.llm.generate(context.messages))
        except Exception as error:
            context.messages = before
            raise BrunoError("the message could not be answered", cause=error) from error
        answer = Message(MessageRole.ASSISTANT, text, conversation_id=context.conversation_id)
        context.add_message(answer)
        for each in (message, answer):
            await self.memory.store_message(each, context.conversation_id)
        return AssistantResponse(text)

    async def register_ability(self, ability):
        await ability.initialize()
        self.abilities.setdefault(_name(ability), ability)

    async def unregister_ability(self, ability_name):
        if ability_name not in self.abilities:
            raise BrunoError(f"there is no ability `{ability_name}`")
        await self.abilities.pop(ability_name).shutdown()

    async def get_abilities(self):
        return list(self.abilities)

    async def health_check(self):
        try:
            reached = await _settled(self.llm.check_connection())
        except Exception:
            reached = False
        well = self.initialized and reached
        return {"status": "healthy" if well else "degraded", "llm": "connected" if reached else "disconnected",
                "abilities_count": len(self.abilities)}

    def get_metadata(self):
        return {"name": self.config.get("name", "Bruno"), "llm": self.llm.get_model_info(),
                "abilities": list(self.abilities), "initialized": self.initialized}

    async def shutdown(self):
        for ability in self.abilities.values():
            await ability.shutdown()
        self.abilities.clear()
        self.initialized = False


def _lasting():
    from consort_worker.bruno import memory

    return memory.make()


async def _settled(value):
    return await value if hasattr(value, "__await__") else value


def _name(ability):
    describe = getattr(ability, "get_metadata", None)
    return getattr(describe(), "name", None) if describe else type(ability).__name__


for _part in ("assistant",):  # the real package has a module for each
    sys.modules[f"{__name__}.{_part}"] = sys.modules[__name__]
