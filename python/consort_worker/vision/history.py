"""The conversation before a question, as a model of Vision Agents reads it from itself."""

from ..transcript import text_of


def conversation_of(llm, params):
    """The messages before the last, each in the form that the plugin itself gives its vendor's messages."""
    from vision_agents.core.agents.conversation import InMemoryConversation, Message

    messages, normalise = [], getattr(type(llm), "_normalize_message", None)
    for message in (params.get("messages") or ())[:-1]:
        role, text = message.get("role") or "user", text_of(message)
        if not text:
            continue
        user = (params.get("meta") or {}).get("participant") if role == "user" else "agent"
        found = _normalised(llm, normalise, text) if role == "user" else None
        made = [Message(text, {"role": role, "content": text}, None, role, user)]
        messages.extend(found or made)
    return InMemoryConversation(params.get("system") or "", messages)


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
