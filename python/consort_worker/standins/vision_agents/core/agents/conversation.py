"""A conversation as a model sees it: the messages before the one that it answers."""


class Message:
    """`original` is the message as the vendor's library wants it."""

    def __init__(self, content="", original=None, timestamp=None, role=None, user_id=None, id=None):
        self.content = content
        self.original = original
        self.timestamp = timestamp
        self.role = role
        self.user_id = user_id
        self.id = id

    def __repr__(self):
        return f"Message(role={self.role!r}, content={self.content!r})"


class Conversation:
    def __init__(self, instructions="", messages=()):
        self.instructions = instructions
        self.messages = list(messages)

    def add_message(self, message, completed=True):
        self.messages.append(message)

    async def send_message(self, role, user_id, content, message_id=None, original=None):
        return await self.upsert_message(role, user_id, content, message_id, original=original)

    async def upsert_message(self, role, user_id, content="", message_id=None, content_index=None, completed=True,
                             replace=False, original=None):
        """Adds a message, or more text to the one of that id."""
        found = next((each for each in self.messages if message_id and each.id == message_id), None)
        if found is None:
            found = Message(content, original or {"role": role, "content": content}, None, role, user_id, message_id)
            self.messages.append(found)
        else:
            found.content = content if replace else found.content + content
        return found


class InMemoryConversation(Conversation):
    pass
