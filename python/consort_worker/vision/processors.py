"""What the processors of a plugin's file know, as a part of a model's instructions."""

from .. import logs
from . import data
from .current import current


def enhanced(llm):
    """The instructions of a request or session, behind them a paragraph for each processor that has a state, and in a
    live session what was said."""
    request = current.get()
    of_file = request.given.get("processors") if request is not None else None
    history = getattr(request, "history", None)  # of a live session
    parts = [llm._instructions or "", *(_known(each) for each in of_file or ()), history() if history else None]
    return "\n\n".join(filter(None, parts)) or None


def _known(processor):
    state = getattr(processor, "state", None)
    if not callable(state):
        return None
    name = type(processor).__name__
    try:
        known = state()
    except Exception as error:  # what it knows is lost, and no answer with it
        logs.note(f"{name}.state failed: {type(error).__name__}: {error}")
        return None
    if hasattr(known, "__await__"):
        known.close()
        logs.note(f"{name}.state is a coroutine; it adds nothing to the instructions, which are made at once: make it a plain `def`")
        return None
    if known is None or known == "":
        return None
    import json

    return f"{name}: {known if isinstance(known, str) else json.dumps(data.plain(known), ensure_ascii=False)}"
