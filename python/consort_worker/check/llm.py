"""What is wrong with a plugin of llm."""

import ast

from . import finding
from ..llm_dialect.execute import article
from .common import classes, constant, gives_something, is_empty, lineage, method, positional

_MODELS = {"Model", "KeyModel", "AsyncModel", "AsyncKeyModel"}


def findings(tree):
    hooks = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and _is_hook(node)]
    if not hooks:
        yield finding(
            "error", 1, "no function is marked @llm.hookimpl", "llm calls `register_models(register)` with that mark"
        )
    known = classes(tree)
    subclassed = {base.name for node in known.values() for base in lineage(node, known)[0][1:]}
    told = set()
    for node in known.values():
        inside, outside = lineage(node, known)
        kind = next((name for name in outside if name in _MODELS), None)
        if kind is None or node.name in subclassed:  # a base is looked at through the classes that derive from it
            continue
        yield from _attributes(node, inside, kind, told)
        execute = method(inside, "execute")
        if execute is None:
            if all(name in _MODELS for name in outside):  # else a base elsewhere may have it
                yield finding("error", node.lineno, f"{node.name} has no execute")
        elif (execute, kind) not in told:
            told.add((execute, kind))
            yield from _execute(node, execute, kind)


def _is_hook(node):
    return any("hookimpl" in ast.dump(decorator) for decorator in node.decorator_list)


def _attributes(node, inside, kind, told):
    misspelt = constant(inside, "support_schema")
    if misspelt is not None and misspelt[0] not in told and constant(inside, "supports_schema") is None:
        told.add(misspelt[0])
        yield finding(
            "warning", misspelt[0], "support_schema is not what llm reads", "say supports_schema; here both work"
        )
    types = constant(inside, "attachment_types")
    if types is not None and types[0] not in told:
        told.add(types[0])
        if types[1] is not None and "audio/mp3" in types[1] and "audio/mpeg" not in types[1]:
            yield finding("warning", types[0], "llm never says audio/mp3", "an MP3 file is audio/mpeg; here both work")
    if constant(inside, "model_id") is None and not _sets_self(inside, "model_id") and node.bases:
        yield finding("error", node.lineno, f"{node.name} has no model_id")
    if "Key" in kind and constant(inside, "needs_key") is None and not _sets_self(inside, "needs_key"):
        yield finding(
            "warning", node.lineno, f"{node.name} takes a key but has no needs_key", "its key will always be None"
        )


def _sets_self(inside, name):
    """Whether a method sets it on self, a property gives it, or a base that is not in this file might."""
    for each in inside:
        for part in ast.walk(each):
            if isinstance(part, ast.Attribute) and part.attr == name and isinstance(part.ctx, ast.Store):
                return True
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)) and part.name == name:
                return True
    names = [getattr(base, "attr", getattr(base, "id", "")) for each in inside for base in each.bases]
    return any(base not in _MODELS and base not in [each.name for each in inside] for base in names)


def _execute(node, execute, kind):
    names, needed, is_open = positional(execute)
    keywords = [each.arg for each in execute.args.kwonlyargs]
    takes_key = "key" in names + keywords or execute.args.kwarg is not None
    if "Key" in kind and not takes_key:
        yield finding("error", execute.lineno, f"execute of {article(kind)} takes no key", "add `key=None` to its parameters")
    if "Key" not in kind and "key" in names[:needed]:
        yield finding(
            "error",
            execute.lineno,
            f"execute wants a key, but {node.name} is {article(kind)}",
            f"derive from llm.{_keyed(kind)}",
        )
    for wanted in ("prompt", "stream", "response", "conversation"):
        if wanted not in names + keywords and execute.args.kwarg is None and not is_open:
            yield finding("error", execute.lineno, f"execute takes no {wanted}", "llm passes it by name")
    if kind.startswith("Async") != isinstance(execute, ast.AsyncFunctionDef):
        word = "async def" if kind.startswith("Async") else "a plain def"
        yield finding("error", execute.lineno, f"execute of {kind} must be {word}")
    if is_empty(execute) or not gives_something(execute):
        yield finding(
            "error", execute.lineno, "execute neither yields nor returns anything", "yield the answer's pieces as str"
        )


def _keyed(kind):
    return kind.replace("Model", "KeyModel")


def live_findings(dialect):
    """Registers the models, and says what stands in the way."""
    from ..failures import failure_of

    (models, embedders), error = dialect.registry.listed(fresh=True)
    if error is not None:
        failure = failure_of(error)
        found = finding("error", failure.data.get("at") or 1, failure.message, failure.data.get("help"))
        return [found]
    has_hook = dialect.registry.has_models() or dialect.registry.has_embedding()
    if has_hook and not models and not embedders:
        return [
            finding("warning", 1, "registers no models", "some plugins list none without a key or a running server")
        ]
    return []
