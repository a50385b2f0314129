"""A stand-in for bruno-core, brought by Consort: what a provider written from its guide needs, and no more."""

__version__ = "0.1.0"


def __getattr__(name):
    if name in ("BaseAssistant",):
        from .base import BaseAssistant

        return BaseAssistant
    if name in ("LLMInterface", "MemoryInterface", "AbilityInterface"):
        from . import interfaces

        return getattr(interfaces, name)
    if name in ("Message", "MessageRole", "MessageType"):
        from . import models

        return getattr(models, name)
    raise AttributeError(f"module 'bruno_core' has no attribute {name!r}")
