"""Which classes of a file are models of Vision Agents, and how one is made."""

import os

from ..failures import Failure
from ..loading import plugin
from ..making import Recipe

FACTORY = "create_llm"


class Source:
    """A class or factory of the plugin. Text models share one instance; a live session has its own."""

    def __init__(self, ident, name, made, is_realtime):
        self.ident = ident
        self.name = name
        self.is_realtime = is_realtime
        self.recipe = made if isinstance(made, Recipe) else None
        self.instances = {} if self.recipe else {None: made}

    def get(self, secrets=None, fresh=False):
        if self.recipe is None:
            return self.instances[None]
        given = self.recipe.arguments(None if self.recipe.default_model is not None else self.ident, secrets)
        key = tuple(str(given.get(name)) for name in self.recipe.keys)
        made = None if fresh else self.instances.get(key)
        if made is None:
            made = self.recipe.make(**given)
            if hasattr(made, "__await__"):
                raise self.recipe.is_coroutine(made)
            if not callable(getattr(made, "simple_response", None)):
                raise Failure(
                    "plugin_bug", f"{self.recipe.title} gave {type(made).__name__}, which has no simple_response"
                )
            if not fresh:
                self.instances[key] = made
        return made

    def card(self):
        audio = ["audio/*"] if self.is_realtime else []
        card = {
            "id": self.ident,
            "name": self.name,
            "kind": "realtime" if self.is_realtime else "chat",
            "capabilities": {"stream": True, "tools": True, "reasoning": False, "structuredOutput": "none",
                             "input": ["text", *audio], "output": ["text", *audio]},
            "optionsSchema": {"type": "object", "properties": {}, "additionalProperties": False},
        }
        made = self.recipe.make if self.recipe else type(self.instances[None])
        words = made.__doc__.strip().partition("\n\n")[0].split() if isinstance(made.__doc__, str) else ()
        if words:
            card["description"] = " ".join(words)
        needs = self.recipe.needs() if self.recipe else None
        if needs:
            card["needs"] = needs
        return card


def choose(module, config):
    """The sources of a file, its own model first: a factory or a finished model, else its classes in their order."""
    import sys

    from vision_agents.core.llm import LLM

    # A file that has not loaded it has no class of it, and loading it takes time.
    live = getattr(sys.modules.get("vision_agents.core.llm.realtime"), "Realtime", ())
    wanted, init = config.get("class"), config.get("init")
    names = config.get("secrets") or ()
    key = names[0] if len(names) == 1 else None

    def source(made, ident, is_realtime):
        title = ident if ident == plugin.name else f"{plugin.name}:{ident}"
        return Source(ident, title, made, is_realtime)

    own = _own(module, LLM)
    for each in own:
        _complete(each)
    if wanted:
        named = getattr(module, wanted, None)
        if not isinstance(named, type):
            missing = f"the class `{wanted}` in {_file()}"
            raise Failure("setup", f"{_file()} has no class `{wanted}`", missing=missing)
        _complete(named)
        return [source(Recipe(named, f"{wanted}()", init, key), plugin.name, _is_realtime(named, live))]
    made = vars(module).get(FACTORY)
    if callable(made):
        used = _used(made, module, LLM) or own[-1:]
        is_realtime = bool(used) and _is_realtime(used[-1], live)
        return [source(Recipe(made, f"{FACTORY}()", init, key), plugin.name, is_realtime)]
    made = vars(module).get("llm")
    if isinstance(made, LLM):
        return [source(made, plugin.name, isinstance(made, live))]
    found, refused = [], []
    for each in own:
        if each.__name__.startswith("_") or any(each in other.__mro__[1:] for other in own):
            continue
        try:
            recipe = Recipe(each, f"{each.__name__}()", {} if found else init, key)
        except Failure as failure:
            refused.append(failure)
            continue
        found.append(source(recipe, each.__name__ if found else plugin.name, _is_realtime(each, live)))
    if found:
        return found
    if refused:
        raise refused[0]
    raise Failure(
        "plugin_bug",
        "defines no class that derives from LLM or Realtime",
        at=f"{_file()}:1",
        help="`from vision_agents.core.llm.llm import LLM`, and derive a class with simple_response from it",
    )


def _own(module, base):
    found = []
    for each in vars(module).values():
        if isinstance(each, type) and each.__module__ == module.__name__ and each not in found:
            if issubclass(each, base):
                found.append(each)
    return found


def _used(factory, module, base):
    """The models that a factory names, of the file or of a package: which of them it makes is not known without a key."""
    names = getattr(getattr(factory, "__code__", None), "co_names", ())
    found = [vars(module)[name] for name in names if name in vars(module)]
    packages = [each for each in found if isinstance(each, type(module))]
    found += [getattr(each, name) for each in packages for name in names if name in vars(each)]
    return [each for each in found if isinstance(each, type) and issubclass(each, base)]


def _is_realtime(each, realtime):
    return issubclass(each, realtime)


def _complete(each):
    """Methods that a later version of the contract asks for do nothing in a class that was written before it."""
    lacks = set(getattr(each, "__abstractmethods__", ()))
    for name in lacks:
        setattr(each, name, _stub(name))
    if lacks:
        each.__abstractmethods__ = frozenset()


def _stub(name):
    async def stub(self, *arguments, **named):
        if name in ("simple_response", "simple_audio_response"):
            from ..nearly import Lacks

            raise Lacks(type(self), name)

    stub.__name__ = name
    return stub


def _file():
    return os.path.basename(plugin.file)
