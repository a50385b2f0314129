"""`start`, which hosts of the newest form call once for each model, before anything else."""

import asyncio
import re
from contextvars import copy_context

from ..frames import is_own
from ..shape import Shape
from .current import current


async def started(llm):
    """Returns once the model is started; whoever comes meanwhile waits for the same."""
    begun = vars(llm).get("_consort_start")
    if begun is None:
        start = getattr(llm, "start", None)
        path = getattr(getattr(start, "__code__", None), "co_filename", "")
        # In the older forms a method of this name is the plugin's own, to call itself.
        if not is_own(path) or Shape(start).required() or _is_called_in(path):
            return
        context = copy_context()
        context.run(current.set, None)  # it is no request's
        begun = llm._consort_start = context.run(asyncio.ensure_future, _run(start))
    try:
        await asyncio.shield(begun)
    except BaseException:
        if begun.done():  # it failed: the next tries again
            vars(llm).pop("_consort_start", None)
        raise


async def _run(start):
    returned = start()
    if hasattr(returned, "__await__"):
        await returned


def _is_called_in(path):
    with open(path, encoding="utf-8", errors="replace") as opened:
        return re.search(r"\bself\.start\(", opened.read()) is not None
