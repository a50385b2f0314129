"""Conversations."""

from .conversation import Conversation, InMemoryConversation, Message

__all__ = ["Conversation", "InMemoryConversation", "Message"]
