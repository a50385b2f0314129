"""What a bruno file offers: its factory or finished model, else its classes that can be made."""

import os

from ..failures import Failure
from ..loading import plugin
from ..making import Recipe

# The published interface asks for these, the guide does not show them.
_BEYOND_THE_GUIDE = ("check_connection", "get_model_info", "set_system_prompt", "get_system_prompt")
FACTORY = "create_llm"


def choose(module, base, config):
    """[(name or None for the file's own, recipe or instance)], the file's own first; and notes."""
    wanted, init = config.get("class"), config.get("init")
    own = [each for each in _own(module, base) if not _is_abstract(each, base)]
    for each in own:
        complete(each, base)
    if wanted:
        named = getattr(module, wanted, None)
        if not isinstance(named, type):
            raise Failure("setup", f"{_file()} has no class `{wanted}`", missing=f"the class `{wanted}` in {_file()}")
        complete(named, base)
        return [(None, _recipe(named, init, config))], []
    made = vars(module).get(FACTORY)
    if callable(made):
        return [(None, Recipe(made, f"{FACTORY}()", init, _key(config)))], []
    made = vars(module).get("llm")
    if made is not None and callable(getattr(made, "generate", None)) and not isinstance(made, type):
        return [(None, made)], []
    return _of_classes(own, base, config, module)


def _of_classes(own, base, config, module):
    """The last class that can be made is the file's own: what it is made of stands above it."""
    offered, refused = [], []
    for each in reversed(own):
        if each.__name__.startswith("_"):
            continue
        lacks = sorted(getattr(each, "__abstractmethods__", ()))
        if lacks:  # which is for a class below it to write, if there is one
            refused.append(Failure("plugin_bug", f"{each.__name__} has no {lacks[0]}", at=_line(each)))
            continue
        try:
            # The arguments of the manifest are meant for the file's own model.
            recipe = _recipe(each, {} if offered else config.get("init"), config)
        except Failure as failure:
            refused.append(failure)
            continue
        offered.append((None if not offered else each.__name__, recipe))
    if offered:
        return offered, []
    if refused:
        raise refused[0]
    found = _own(module, base)
    if found:
        from ..nearly import method_help

        names = vars(found[-1])
        help_ = method_help("generate", names) or method_help("stream", names)
        text = f"class {found[-1].__name__} has no generate and no stream"
        raise Failure("plugin_bug", text, at=_line(found[-1]), help=help_)
    raise Failure(
        "plugin_bug",
        "defines no class that derives from LLMInterface",
        at=f"{_file()}:1",
        help="`from bruno_core.interfaces import LLMInterface`, and derive a class with generate and stream from it",
    )


def _recipe(each, init, config):
    return Recipe(each, f"{each.__name__}()", init, _key(config))


def _key(config):
    """The one key that the manifest names, if it names one."""
    names = config.get("secrets") or ()
    return names[0] if len(names) == 1 else None


def _own(module, base):
    """Classes that the file itself defines, in its order."""
    found = []
    for each in vars(module).values():
        if isinstance(each, type) and each.__module__ == module.__name__ and each not in found:
            if issubclass(each, base) or any(parent.__name__ == "LLMInterface" for parent in each.__mro__[1:]):
                found.append(each)
    return found


def complete(each, base):
    """Lets a class be made that has what the guide asks for, whatever its base says is missing."""
    lacks = set(getattr(each, "__abstractmethods__", ()))
    for name in lacks & {*_BEYOND_THE_GUIDE, "get_token_count", "list_models", "stream", "generate"}:
        setattr(each, name, getattr(_defaults(), name))
    each.__abstractmethods__ = frozenset(lacks - {*_BEYOND_THE_GUIDE, "get_token_count", "list_models", "stream",
                                                  "generate"})


def _defaults():
    from ..standins.bruno_core.interfaces import LLMInterface

    return LLMInterface


def _is_abstract(each, base):
    """Whether it can answer neither way."""
    return all(
        getattr(each, name, None) in (None, getattr(base, name, None))
        or name in getattr(each, "__abstractmethods__", ())
        for name in ("generate", "stream")
    )


def from_package(name, config):
    """The providers that an installed package registers as `bruno.llm_providers`."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        registered = distribution(name).entry_points.select(group="bruno.llm_providers")
    except PackageNotFoundError:
        raise Failure("setup", f"the package `{name}` is not installed", missing=f"the package `{name}`") from None
    offered, notes = [], []
    for entry in registered:
        try:
            each = entry.load()
            complete(each, type(None))
            offered.append((entry.name, Recipe(each, f"{each.__name__}()", config.get("init"), entry.name)))
        except Exception as error:  # one that cannot be loaded is no reason to lose the others
            said = error.message if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
            notes.append(f"{entry.name} of {name} cannot be used: {said}")
    if not offered:
        why = "; ".join(notes) or f"{name} registers no `bruno.llm_providers`"
        raise Failure("plugin_bug", why)
    return offered, notes


def _file():
    return os.path.basename(plugin.file)


def _line(each):
    from ..source import class_line

    return f"{_file()}:{class_line(each.__name__) or 1}"
