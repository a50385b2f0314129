"""The memory of a plugin's assistants: conversations that the host keeps, or this process where it keeps none."""

from .. import logs

host = None  # set by the dialect, before the plugin's file runs
_here = {}  # conversation -> its messages, where the host keeps nothing


class HostMemory:
    """What `memory` is where a file does not define it. It counts as a MemoryInterface of whichever bruno there is."""

    async def store_message(self, message, conversation_id):
        await _append(_named(conversation_id), _said(message))

    async def retrieve_messages(self, conversation_id, limit=None):
        """The last so many, the oldest of them first."""
        return [_message(each) for each in await _history(_named(conversation_id), limit)]

    async def search_messages(self, query, conversation_id=None, limit=10):
        if conversation_id is None:
            raise NotImplementedError("messages are searched in one conversation: say which by conversation_id")
        found = await self.retrieve_messages(conversation_id)
        return [each for each in found if query.lower() in each.content.lower()][:limit]

    async def get_context(self, user_id, session_id=None):
        from bruno_core.models import ConversationContext

        conversation = session_id or user_id
        messages = await self.retrieve_messages(conversation)
        return _context(ConversationContext, conversation, user_id, messages)

    async def clear_history(self, conversation_id, keep_system_messages=True):
        name = _named(conversation_id)
        kept = [each for each in await _history(name, None) if keep_system_messages and each["role"] == "system"]
        await _clear(name)
        if kept:
            await _append(name, *kept)


def make():
    """A memory, as whichever bruno there is knows one."""
    from bruno_core.interfaces import MemoryInterface

    MemoryInterface.register(HostMemory)
    return HostMemory()


def _named(conversation):
    if not isinstance(conversation, str) or not conversation:
        raise TypeError(f"a conversation is named by a str, not by {conversation!r}")
    return conversation


def _context(kind, conversation, user_id, messages):
    """The real context wants its user and session as objects of its own; the stand-in makes do without."""
    from .. import standins
    import sys

    if standins.is_standin(sys.modules[kind.__module__]):
        return kind(conversation, messages=messages)
    from bruno_core.models import SessionContext, UserContext

    user, session = UserContext(user_id=user_id), SessionContext(user_id=user_id)
    return kind(conversation_id=conversation, user=user, session=session, messages=messages)


def _said(message):
    """A message of bruno as one of the protocol. What only bruno knows of it travels with it, unread."""
    role = message.role.value
    kept = {"role": role, "id": str(message.id), "timestamp": message.timestamp.isoformat()}
    if message.metadata:
        kept["metadata"] = message.metadata
    part = {"type": "text", "text": message.content, "opaque": _plain(kept)}
    return {"role": "tool" if role == "function" else role, "content": [part]}


def _plain(kept):
    """Metadata that JSON cannot say is kept as the text that it is printed as."""
    import json

    return json.loads(json.dumps(kept, default=str))


def _message(kept):
    from bruno_core.models import Message

    parts = kept.get("content") or ()
    text = "".join(part.get("text") or "" for part in parts if part.get("type") == "text")
    known = next((part["opaque"] for part in parts if isinstance(part.get("opaque"), dict)), {})
    more = {}
    if isinstance(known.get("metadata"), dict):
        more["metadata"] = known["metadata"]
    if known.get("id") and known.get("timestamp"):
        from datetime import datetime
        from uuid import UUID

        more.update(id=UUID(known["id"]), timestamp=datetime.fromisoformat(known["timestamp"]))
    return Message(role=known.get("role") or kept.get("role") or "user", content=text, **more)


def _lasts():
    """Whether the host keeps it. Where it does not, that is noted once."""
    if host is not None and host.offers.get("memory"):
        return True
    if not _here:
        logs.note("this host keeps no memory for plugins: what an assistant remembers ends with this process")
    return False


async def _history(name, limit):
    if not _lasts():
        found = _here.setdefault(name, [])
        return found[-limit:] if limit else list(found)
    params = {"conversation": name, **({"limit": limit} if limit else {})}
    return (await host.ask_async("memory/history", params)).get("messages") or []


async def _append(name, *messages):
    if not _lasts():
        _here.setdefault(name, []).extend(messages)
        return
    await host.ask_async("memory/append", {"conversation": name, "messages": list(messages)})


async def _clear(name):
    if not _lasts():
        _here.pop(name, None)
        return
    await host.ask_async("memory/clear", {"conversation": name})
