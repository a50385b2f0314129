"""The real packages of Vision Agents, where they are installed: what the stand-ins do of themselves is done around them."""

import importlib
import sys
from importlib import machinery

from .. import loop, standins


def is_installed():
    """Told without importing it, which takes seconds; before the stand-ins are offered, which would be found too."""
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

    import asyncio

    return asyncio.run_coroutine_threadsafe(run(), loop.get()).result()


def functions_of(registry):
    """The functions that are registered, by name, as each version keeps them."""
    kept = getattr(registry, "functions", None)
    return kept if kept is not None else getattr(registry, "_functions", {})


def is_real(llm):
    """Whether a model derives from the real package."""
    modules = (sys.modules.get(each.__module__) for each in type(llm).__mro__ if each.__name__ == "LLM")
    return not any(standins.is_standin(module) for module in modules)
