"""The bus of events, and what its events derive from."""

from .base import BaseEvent, PluginBaseEvent
from .manager import EventManager, ExceptionEvent

__all__ = ["BaseEvent", "EventManager", "ExceptionEvent", "PluginBaseEvent"]
