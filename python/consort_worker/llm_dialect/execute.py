"""A model's own `execute`: called as llm calls it, and what is wrong with it said with its line."""

from .. import frames
from ..failures import Failure
from ..shape import Shape

_ITERATOR = "yield the answer's pieces as str"


def started(llm, model, prompt, arguments):
    """What `execute` gives for a prompt."""
    try:
        return model.execute(prompt, **arguments)
    except TypeError as error:
        if error.__traceback__.tb_next is not None:  # it was called, and failed inside
            raise
        words, help_ = _refusal(llm, model, arguments) or (f"execute cannot be called as llm calls it: {error}", None)
        raise Failure("plugin_bug", words, at=place(model.execute), help=help_) from None


def _refusal(llm, model, arguments):
    """Why a signature does not take what llm passes, and what to do, as `check` says it."""
    shape = Shape(model.execute)
    kind = _kind(llm, model)
    for name in arguments:
        if shape.takes(name):
            continue
        if name == "key":
            return f"execute of {article(kind)} takes no key", "add `key=None` to its parameters"
        return f"execute takes no {name}", "llm passes it by name"
    # The prompt alone comes by position.
    unpassed = [name for name in shape.required() if name not in arguments]
    unpassed = [name for name in unpassed if name not in shape.positional[:1]]
    if not shape.positional and not shape.has_varargs:
        return "execute takes no prompt", "llm passes it first"
    if unpassed == ["key"]:
        of = f"{type(model).__name__} is {article(kind)}"
        return f"execute wants a key, but {of}", f"derive from llm.{kind.replace('Model', 'KeyModel')}"
    if unpassed:
        return f"execute wants `{unpassed[0]}`, which nobody passes", "give it a default"
    return None


def article(kind):
    """One of llm's classes, with its article."""
    return f"an {kind}" if kind.startswith("Async") else f"a {kind}"


def _kind(llm, model):
    """The class of llm's that a model derives from."""
    names = ("AsyncKeyModel", "KeyModel", "AsyncModel", "Model")
    kinds = [(name, getattr(llm.models, name, None)) for name in names]
    return next((name for name, kind in kinds if kind is not None and isinstance(model, kind)), "Model")


def plain(llm, model, chunks):
    """What a synchronous `execute` gave, as something to go through; a wrong sort of it is a failure."""
    if not hasattr(chunks, "__iter__") and (hasattr(chunks, "__aiter__") or hasattr(chunks, "__await__")):
        if hasattr(chunks, "close"):  # a coroutine would complain that nobody awaited it
            chunks.close()
        raise Failure(
            "plugin_bug",
            f"execute of {_kind(llm, model)} must be a plain def",
            at=place(model.execute),
            help=f"nothing awaits it here: derive from llm.Async{_kind(llm, model)}, or write it without `async`",
        )
    return iterable(model, chunks)


def iterable(model, chunks):
    if isinstance(chunks, (bytes, bytearray)) or not hasattr(chunks, "__iter__"):
        raise Failure(
            "plugin_bug",
            f"execute returned {type(chunks).__name__}, expected an iterator of str",
            at=place(model.execute),
            help=_ITERATOR,
        )
    return chunks


def nothing(model):
    """The failure where it gave no answer at all."""
    return Failure(
        "plugin_bug", "execute returned None, expected an iterator of str", at=place(model.execute), help=_ITERATOR
    )


def wrong_piece(model, chunks, chunk):
    """The failure where it yielded something that is no text, with the line of the yield."""
    return Failure(
        "plugin_bug",
        f"execute yielded {type(chunk).__name__}, expected str",
        at=frames.yielding(chunks) or place(model.execute),
        help=_ITERATOR,
    )


def place(function):
    """`file:line` of a function, if it is the plugin's own."""
    import os

    function = getattr(function, "__func__", function)
    for _ in range(9):  # decorators, of which each may have wrapped another
        code = getattr(function, "__code__", None)
        if code is not None and frames.is_own(code.co_filename):
            return f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}"
        function = getattr(function, "__wrapped__", None)
    return None
