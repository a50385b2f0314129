"""The conversation before a question, as a model of Vision Agents reads it from itself."""

from ..transcript import text_of


def conversation_of(llm, params):
    """The messages before the last, each in the form that the plugin itself gives its vendor's messages."""
    from vision_agents.core.agents.conversation import InMemoryConversation

    messages = []
    for message in (params.get("messages") or ())[:-1]:
        text = text_of(message)
        if text:
            messages.extend(messages_of(llm, params, message.get("role") or "user", text))
    return InMemoryConversation(params.get("system") or "", messages)


def messages_of(llm, params, role, text):
    """A text as one message, or as those that the plugin itself makes of what a user says."""
    from vision_agents.core.agents.conversation import Message

    user = (params.get("meta") or {}).get("participant") if role == "user" else "agent"
    found = _normalised(llm, getattr(type(llm), "_normalize_message", None), text) if role == "user" else None
    return found or [Message(text, {"role": role, "content": text}, None, role, user)]


def _normalised(llm, normalise, text):
    """What the plugin makes of a text; None where it makes nothing of it, as a page that only says `pass`."""
    if normalise is None:
        return None
    returned = llm._normalize_message(text)
    if not isinstance(returned, (list, tuple)):
        return None
    return [each for each in returned if hasattr(each, "content")]


def participant_of(params, somebody=None):
    """Who speaks; `somebody` where that is not known."""
    who = (params.get("meta") or {}).get("participant")
    if not isinstance(who, str) or not who:
        who = somebody
    if who is None:
        return None
    from vision_agents.core.edge.types import Participant

    return Participant(original=None, user_id=who, id=who)
