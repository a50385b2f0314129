"""The memory that an assistant has here: kept in this process, for as long as it runs."""

from .interfaces import MemoryInterface
from .models import ConversationContext, MessageRole


class InProcessMemory(MemoryInterface):
    def __init__(self):
        self._messages = {}  # conversation -> its messages

    async def store_message(self, message, conversation_id):
        self._messages.setdefault(conversation_id, []).append(message)

    async def retrieve_messages(self, conversation_id, limit=None):
        found = self._messages.get(conversation_id, [])
        return found[-limit:] if limit else list(found)

    async def search_messages(self, query, conversation_id=None, limit=10):
        kept = self._messages
        lists = kept.values() if conversation_id is None else [kept.get(conversation_id, [])]
        found = [each for messages in lists for each in messages if query.lower() in each.content.lower()]
        return found[:limit]

    async def get_context(self, user_id, session_id=None):
        conversation = session_id or user_id
        return ConversationContext(conversation, messages=await self.retrieve_messages(conversation))

    async def clear_history(self, conversation_id, keep_system_messages=True):
        kept = self._messages.get(conversation_id, [])
        self._messages[conversation_id] = [
            each for each in kept if keep_system_messages and each.role is MessageRole.SYSTEM
        ]
