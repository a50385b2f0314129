"""Messages, contexts and responses as bruno's providers and assistants pass them around."""

import sys
import time
from enum import Enum
from types import SimpleNamespace


class MessageRole(str, Enum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    FUNCTION = "function"
    TOOL = "tool"


class MessageType(str, Enum):
    TEXT = "text"
    AUDIO = "audio"
    IMAGE = "image"
    FILE = "file"
    COMMAND = "command"
    ACTION = "action"


class _Identified:
    """Something with an id and a time, both made when somebody first asks for them."""

    def __getattr__(self, name):
        if name == "id":
            import uuid

            self.id = uuid.uuid4()
            return self.id
        if name == "timestamp":
            from datetime import datetime, timezone

            self.timestamp = datetime.fromtimestamp(self._made, timezone.utc).replace(tzinfo=None)
            return self.timestamp
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


class Message(_Identified):
    """One message. An empty one is allowed here: an answer may be nothing but a call of a tool."""

    def __init__(self, role, content, message_type=MessageType.TEXT, metadata=None, parent_id=None,
                 conversation_id=None, **more):
        self.role = MessageRole(role)
        if not isinstance(content, str):
            raise TypeError(f"the content of a Message must be a str, not {type(content).__name__}")
        self.content = content
        self.message_type = MessageType(message_type)
        self.metadata = {} if metadata is None else metadata
        self.parent_id = parent_id
        self.conversation_id = conversation_id
        self._made = time.time()
        self.__dict__.update(more)  # `id` and `timestamp`

    def to_llm_format(self):
        return {"role": self.role.value, "content": self.content}

    def add_metadata(self, key, value):
        self.metadata[key] = value

    def get_metadata(self, key, default=None):
        return self.metadata.get(key, default)

    def model_dump(self, **ignored):
        """What pydantic's method of this name gives of the real one."""
        names = ("id", "role", "content", "message_type", "timestamp", "metadata", "parent_id", "conversation_id")
        return {name: getattr(self, name) for name in names}

    dict = model_dump

    def model_copy(self, update=None, **ignored):
        return type(self)(**{**self.model_dump(), **(update or {})})

    copy = model_copy

    def __eq__(self, other):
        return isinstance(other, Message) and (self.role, self.content) == (other.role, other.content)

    __hash__ = None

    def __repr__(self):
        return f"Message(role={self.role.value!r}, content={self.content!r})"


class ConversationContext:
    """The last messages of one conversation."""

    def __init__(self, conversation_id="default", user=None, session=None, messages=None, max_messages=20,
                 metadata=None):
        self.conversation_id = conversation_id
        self.user = user or SimpleNamespace(user_id="default")
        self.session = session
        self.messages = list(messages or ())
        self.max_messages = max_messages
        self.metadata = {} if metadata is None else metadata

    def add_message(self, message):
        """Adds a message; of too many, the oldest that are no system messages go."""
        self.messages.append(message)
        for old in list(self.messages):
            if len(self.messages) <= self.max_messages:
                break
            if old.role is not MessageRole.SYSTEM:
                self.messages.remove(old)

    def to_llm_format(self):
        return [message.to_llm_format() for message in self.messages]

    get_messages_for_llm = to_llm_format

    def get_recent_messages(self, count=5):
        return self.messages[-count:] if count > 0 else []

    def clear_messages(self, keep_system=True):
        self.messages = [each for each in self.messages if keep_system and each.role is MessageRole.SYSTEM]


class ActionStatus(str, Enum):
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    PENDING = "pending"


class ActionResult:
    """What became of one action."""

    def __init__(self, action_type, status, message=None, data=None, error=None):
        self.action_type = action_type
        self.status = ActionStatus(status)
        self.message = message
        self.data = {} if data is None else data
        self.error = error


class AssistantResponse(_Identified):
    """What an assistant answers."""

    def __init__(self, text, actions=None, success=True, error=None, metadata=None):
        self.text = text
        self.actions = list(actions or ())
        self.success = success
        self.error = error
        self.metadata = {} if metadata is None else metadata
        self._made = time.time()

    def add_action(self, action):
        self.actions.append(action)

    def has_actions(self):
        return bool(self.actions)

    def mark_as_failed(self, error):
        self.success, self.error = False, error


class StreamResponse:
    """A piece of an answer."""

    def __init__(self, chunk, is_complete=False, metadata=None):
        self.chunk = chunk
        self.is_complete = is_complete
        self.metadata = {} if metadata is None else metadata

    def __str__(self):
        return self.chunk


for _part in ("message", "context", "response"):  # the real package has a module for each
    sys.modules[f"{__name__}.{_part}"] = sys.modules[__name__]
