"""The bus of events, and what its events derive from."""

from .base import AudioFormat, BaseEvent, PluginBaseEvent
from .manager import EventManager, ExceptionEvent

__all__ = ["AudioFormat", "BaseEvent", "EventManager", "ExceptionEvent", "PluginBaseEvent"]
