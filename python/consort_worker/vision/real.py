"""The real packages of Vision Agents, where they are installed: what the stand-ins do of themselves is done around them."""

import asyncio
import importlib
import sys
from importlib import machinery

from .. import standins


def is_installed():
    """Told without importing it, which takes seconds."""
    return machinery.PathFinder.find_spec("vision_agents") is not None


def mend():
    """Newer versions have dropped events that the guides print: these are added, and nothing that is there is changed."""
    from ..standins.vision_agents.core.llm import events as ours

    theirs = importlib.import_module("vision_agents.core.llm.events")
    for name, each in vars(ours).items():
        if isinstance(each, type) and name.endswith("Event") and not hasattr(theirs, name):
            setattr(theirs, name, each)


def is_real(llm):
    """Whether a model derives from the real package."""
    modules = (sys.modules.get(each.__module__) for each in type(llm).__mro__ if each.__name__ == "LLM")
    return not any(standins.is_standin(module) for module in modules)


class Lent:
    """A model that is one request's or session's alone for as long as this lasts: its instructions, conversation, tools
    and events are kept on the object itself there, so that others wait."""

    def __init__(self, owner, llm):
        self.owner = owner
        self.llm = llm
        self.added = []

    async def __aenter__(self):
        llm, owner = self.llm, self.owner
        self.lock = vars(llm).setdefault("_consort_lock", asyncio.Lock())
        await self.lock.acquire()
        llm.set_instructions(owner.given["_instructions"])
        llm.set_conversation(owner.given["_conversation"])
        registry = llm.function_registry
        for name, (function, said, schema) in owner.tools.items():
            self.added.append((name, registry.functions.get(name)))
            registry.register(name, said, schema)(function)
        self.send = llm.events.send
        llm.events.send = self._tapped
        return self

    def _tapped(self, *events):
        for event in events:
            self.owner.on_event(event)
        try:
            self.send(*events)
        except RuntimeError:  # of an event that this version does not know, or from a thread without a loop
            pass

    async def __aexit__(self, *why):
        registry = self.llm.function_registry
        for name, before in self.added:
            if before is None:
                registry.functions.pop(name, None)
            else:
                registry.functions[name] = before
        self.llm.events.send = self.send
        self.lock.release()

    async def drain(self):
        """What a live model of the newest form gives: items of a stream of its own."""
        output = getattr(self.llm, "output", None)
        if hasattr(output, "__aiter__"):
            async for item in output:
                self.owner.on_item(item)
