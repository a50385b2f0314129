"""The real packages of Vision Agents, where they are installed: what the stand-ins do of themselves is done around them."""

import importlib
import sys
from importlib import machinery

from .. import loop, standins


def is_installed():
    """Told without importing it, which takes seconds; before the stand-ins are offered, which would be found too."""
    return machinery.PathFinder.find_spec("vision_agents") is not None


# What a model of one version reads from itself, and others do not have.
_OWN = {"LLM": ("_build_enhanced_instructions", "_set_instructions"), "Realtime": ("output_track",)}
_TRACK = "consort_worker.standins.getstream.video.rtc.audio_track"  # the real one would play to a call


def mend():
    """Each version lacks events, items, fields and methods of the others: these are added, and nothing that is there is
    changed."""
    live = importlib.import_module("consort_worker.standins.vision_agents.core.llm.realtime")
    vars(live.Realtime)["output_track"].make = importlib.import_module(_TRACK).AudioStreamTrack
    for module in ("events", "llm", "realtime"):
        ours = importlib.import_module(f"consort_worker.standins.vision_agents.core.llm.{module}")
        theirs = importlib.import_module(f"vision_agents.core.llm.{module}")
        for name, each in vars(ours).items():
            if not isinstance(each, type):
                continue
            for own in _OWN.get(name, ()):
                if not hasattr(getattr(theirs, name), own):
                    setattr(getattr(theirs, name), own, vars(each)[own])
            if not name.endswith("Event") and not name.startswith(("LLMResponse", "Realtime")):
                continue
            if not hasattr(theirs, name):
                setattr(theirs, name, each)
            elif hasattr(each, "_defaults") and each.__module__ == ours.__name__:
                _add_fields(getattr(theirs, name), each._defaults)


def _add_fields(event, defaults):
    """Lets an event be made with the fields that it has in other versions."""
    more = {name: value for name, value in defaults.items() if not hasattr(event, name)}
    known = getattr(event, "__dataclass_fields__", {})
    more = {name: value for name, value in more.items() if name not in known}
    if not more:
        return
    init = event.__init__

    def with_more(self, *arguments, **named):
        given = {name: named.pop(name) for name in more if name in named}
        init(self, *arguments, **named)
        self.__dict__.update(given)

    event.__init__ = with_more
    for name, value in more.items():
        setattr(event, name, value)


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
