"""What is said where a plugin of llm asks for a model that it does not bring: there are no others to be had here."""

import sys

from ..failures import Failure

_WORDS = "Unknown model: "


def wanted(error):
    """The model that was asked for in vain; None where it is another error."""
    of_llm = getattr(sys.modules.get("llm"), "UnknownModelError", None)
    if of_llm is None or not isinstance(error, of_llm) or not error.args or not isinstance(error.args[0], str):
        return None
    said = error.args[0]
    return said[len(_WORDS) :] if said.startswith(_WORDS) else None


def failure(error, **more):
    """The failure where it is asked, or None."""
    name = wanted(error)
    return name and Failure("unsupported", _said("it", name), **{"help": _instead(()), **more})


def command_says(llm, error):
    """What a command prints in the place of a traceback, or None."""
    name = wanted(error)
    if name is None:
        return None
    try:
        own = [model.model_id for model in [*llm.get_models(), *llm.get_async_models()]]
    except Exception:  # its list is beside the point
        own = []
    from ..loading import plugin

    return f"error: {_said(plugin.name, name)}\n  help: {_instead(list(dict.fromkeys(own)))}"


def _said(who, name):
    return (f"{who} asks llm for the model `{name}`, and here a plugin of llm finds the models alone that it brings itself: "
            "neither llm's built-in ones nor those of other plugins and providers")


def _instead(own):
    from ..loading import plugin, shell_word

    choice = f"name one of its own, if it lets you choose: {', '.join(own[:8])}{', …' if own[8:] else ''}; else " if own else ""
    if plugin.is_package:
        return f"{choice}use it with the `llm` program, which has those models: llm install {shell_word(plugin.name)}"
    return f"{choice}use it with the `llm` program, which has those models: make the file a package, and run `llm install .` in it"
