"""The real packages of Vision Agents, where they are installed: what the stand-ins do of themselves is done around them."""

import asyncio
import importlib
import sys
from importlib import machinery

from .. import loop, standins


def is_installed():
    """Told without importing it, which takes seconds."""
    return machinery.PathFinder.find_spec("vision_agents") is not None


def mend():
    """Each version lacks events and items of the others: these are added, and nothing that is there is changed."""
    for module in ("events", "llm", "realtime"):
        ours = importlib.import_module(f"consort_worker.standins.vision_agents.core.llm.{module}")
        theirs = importlib.import_module(f"vision_agents.core.llm.{module}")
        for name, each in vars(ours).items():
            is_told = name.endswith("Event") or name.startswith(("LLMResponse", "Realtime"))
            if is_told and isinstance(each, type) and not hasattr(theirs, name):
                setattr(theirs, name, each)


def made(make):
    """What `make` gives, made on the loop: some versions want one to run."""

    async def run():
        return make()

    return asyncio.run_coroutine_threadsafe(run(), loop.get()).result()


def functions_of(registry):
    """The functions that are registered, by name, as each version keeps them."""
    kept = getattr(registry, "functions", None)
    return kept if kept is not None else getattr(registry, "_functions", {})


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
            self.added.append((name, functions_of(registry).get(name)))
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
        functions = functions_of(self.llm.function_registry)
        for name, before in self.added:
            if before is None:
                functions.pop(name, None)
            else:
                functions[name] = before
        self.llm.events.send = self.send
        self.lock.release()

    async def drain(self):
        """What a live model of the newest form gives: items of a stream of its own."""
        output = getattr(self.llm, "output", None)
        if hasattr(output, "__aiter__"):
            async for item in output:
                self.owner.on_item(item)
