"""What is wrong with a bruno provider, and the faults that its guide's own wrappers are known for."""

import ast

from . import finding
from ..nearly import method_help
from .common import LOOPS, called, classes, is_empty, lineage, method, methods, own_nodes


def findings(tree):
    known = classes(tree)
    providers = [node for node in known.values() if "LLMInterface" in lineage(node, known)[1]]
    if not providers and not _makes_llm(tree):
        yield finding(
            "error", 1, "no class derives from LLMInterface",
            "`from bruno_core.interfaces import LLMInterface` and derive one",
        )
    subclassed = {base.name for node in providers for base in lineage(node, known)[0][1:]}
    told = set()
    for node in providers:
        inside, _ = lineage(node, known)
        if node.name not in subclassed:
            yield from _methods(node, inside)
        for found in _faults(node, inside):
            place = (found["at"], found["message"])
            if place not in told:
                told.add(place)
                yield found


def _makes_llm(tree):
    return any(getattr(node, "name", None) == "create_llm" for node in tree.body)


def _methods(node, inside):
    generate, stream = method(inside, "generate"), method(inside, "stream")
    if generate is None and stream is None:
        names = methods(inside)
        help_ = method_help("generate", names) or method_help("stream", names)
        yield finding("error", node.lineno, f"{node.name} has no generate and no stream", help_)
    elif stream is None:
        yield finding("note", node.lineno, f"{node.name} has no stream", "its answers come in one piece")
    for function in (generate, stream):
        if function is None:
            continue
        if is_empty(function):
            yield finding("error", function.lineno, f"{function.name} is empty: it returns None")
        elif _only_refuses(function):
            yield finding("error", function.lineno, f"{function.name} only raises NotImplementedError")
        elif not function.args.kwarg:
            yield finding(
                "note", function.lineno, f"{function.name} takes no **kwargs",
                "the options that a user sets come by name; those that it does not name are refused",
            )


def _only_refuses(function):
    body = [each for each in function.body if not isinstance(each, ast.Expr)]
    return len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.dump(body[0])


def _faults(node, inside):
    generate, stream = method(inside, "generate"), method(inside, "stream")
    for function in (generate, stream):
        if function is not None:
            yield from _given_twice(function)
    if stream is not None:
        yield from _splice(stream)
    if generate is not None and _retries(generate) is not None and stream is not None and not _has(stream, ast.Try):
        yield finding(
            "warning", stream.lineno, f"{node.name} retries generate only: a stream is not tried again",
            "nearly every answer is a stream; retry until the first token came, never after it",
        )
    if generate is not None and (line := _retries(generate)) is not None:
        yield finding(
            "warning", line, f"{node.name} tries again after every error, a wrong key as well",
            "raise at once what another attempt cannot mend; Consort itself retries what can be mended",
        )
    for part in inside[0].body:
        if isinstance(part, ast.AsyncFunctionDef):
            yield from _unlocked(part)


def _splice(stream):
    """An `except` around `async for … yield` inside a loop, which goes on to the next provider."""
    for loop in own_nodes(stream):
        if not isinstance(loop, LOOPS):
            continue
        for attempt in own_nodes(loop):
            if not isinstance(attempt, ast.Try) or not _yields_in(attempt.body):
                continue
            for handler in attempt.handlers:
                if not _leaves(handler):
                    yield finding(
                        "warning", handler.lineno,
                        "a provider that fails after its first token is followed by the next one's whole answer",
                        "remember whether anything was yielded, and `raise` if so: two answers in one help nobody",
                    )
                    if not _raises_after(stream, loop):
                        yield finding(
                            "warning", loop.lineno, "where all providers fail, the stream ends as if it were done",
                            "keep the last error and `raise` it behind the loop",
                        )


def _unlocked(function):
    """A wait that reads a time from self, sleeps, and sets it: all who come meanwhile read the same."""
    nodes = list(own_nodes(function))
    sleeps = [node for node in nodes if isinstance(node, ast.Call) and called(node).endswith("sleep")]
    if not sleeps or any(isinstance(node, ast.AsyncWith) for node in nodes):
        return
    read, written = set(), {}
    for node in nodes:
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "self":
            if isinstance(node.ctx, ast.Store):
                written.setdefault(node.attr, node.lineno)
            else:
                read.add(node.attr)
    for name in sorted(read & set(written)):
        yield finding(
            "warning", written[name],
            f"{function.name} sets self.{name} after it slept: requests at one time do not wait",
            "hold an asyncio.Lock from the reading to the setting (`async with self.lock`)",
        )


def _given_twice(function):
    """`f(max_tokens=kwargs.get("max_tokens", 1), **kwargs)`."""
    own = function.args.kwarg.arg if function.args.kwarg else None
    for node in own_nodes(function):
        if not isinstance(node, ast.Call):
            continue
        if not any(each.arg is None and getattr(each.value, "id", None) == own for each in node.keywords):
            continue
        for each in node.keywords:
            value = each.value
            if isinstance(value, ast.Call) and called(value) == f"{own}.get" and value.args:
                if each.arg is not None and getattr(value.args[0], "value", None) == each.arg:
                    yield finding(
                        "warning", value.lineno, f"passes {each.arg} twice as soon as a user sets it (TypeError)",
                        f"{own}.pop({each.arg!r}, …), so that **{own} does not hold it any more",
                    )


def _retries(function):
    """The line of an `except Exception` in a loop that waits and goes on."""
    for loop in own_nodes(function):
        if isinstance(loop, LOOPS):
            nodes = list(own_nodes(loop))
            waits = any(isinstance(node, ast.Call) and called(node).endswith("sleep") for node in nodes)
            for node in nodes:
                if waits and isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _leaves(node):
                    return node.lineno
    return None


def _catches_all(handler):
    return handler.type is None or getattr(handler.type, "id", None) in ("Exception", "BaseException")


def _leaves(handler):
    return any(isinstance(node, (ast.Raise, ast.Return, ast.Break)) for node in own_nodes(handler))


def _yields_in(statements):
    return any(
        isinstance(node, (ast.Yield, ast.YieldFrom)) for each in statements for node in ast.walk(each)
    )


def _raises_after(function, loop):
    after = [each for each in function.body if each.lineno > (loop.end_lineno or loop.lineno)]
    return any(isinstance(node, ast.Raise) for each in [*after, *loop.orelse] for node in ast.walk(each))


def _has(function, kind):
    return any(isinstance(node, kind) for node in own_nodes(function))


def live_findings(dialect):
    """The models of the plugin, and what stands in the way of listing them."""
    found = [finding("warning", 1, note, None) for note in dialect.models_list(None).get("notes") or ()]
    others = [source.name for source in dialect.sources[1:]]
    if others:
        own = dialect.sources[0].recipe.title.removesuffix("()")
        are = "are" if len(others) > 1 else "is"
        found.append(finding(
            "note", 1, f"{own} is the file's model, {' and '.join(others)} {are} listed beside it",
            "the last class that can be made counts; a function create_llm() or `class = \"…\"` decides otherwise",
        ))
    return found
