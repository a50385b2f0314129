"""What is wrong with a drop-in chat plugin."""

import ast
import threading

from . import finding
from .common import classes, gives_something, is_empty, lineage, method, positional


_NO_CLASS, _NO_METHOD = "no class derives from LLMClient", "has no generate_response"


def holds(told, dialect):
    """Whether an error of the text's stands where the file is loaded: a class may be made, and a method set, in any way."""
    if told["message"] == _NO_CLASS:
        return False
    return not any(told["message"] == f"{client.of_class.__name__} {_NO_METHOD}" for client in dialect.models.values())


def findings(tree):
    known = classes(tree)
    names = {"LLMClient", *_called(tree, "LLMClient")}
    clients = [node for node in known.values() if names & set(lineage(node, known)[1])]
    if not clients:
        yield finding("error", 1, _NO_CLASS, "`from llm_utils import LLMClient` and derive one")
    concrete = [node for node in clients if method(lineage(node, known)[0], "generate_response") is not None]
    told = set()
    for node in clients:
        inside, _ = lineage(node, known)
        is_helper = any(node in lineage(other, known)[0][1:] for other in concrete)
        generate, count = method(inside, "generate_response"), method(inside, "count_tokens")
        if generate is None and not is_helper:
            yield finding("error", node.lineno, f"{node.name} {_NO_METHOD}")
        if count is None and generate is not None and not is_helper:
            yield finding("warning", node.lineno, f"{node.name} has no count_tokens", "tokens are estimated without it")
        for function in (generate, count):
            if function is not None and function not in told:
                told.add(function)
                yield from _method(node, function)
    if len(concrete) > 1:
        first, *others = sorted(node.name for node in concrete)
        are = "are" if len(others) > 1 else "is"
        yield finding(
            "note", known[first].lineno,
            f"{first} is the file's model, {' and '.join(others)} {are} listed beside it",
            "the first by name counts; `class = \"…\"` in the llm-plugin block names another",
        )


def _called(tree, name):
    """What a name is called by `import … as`."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.asname for node in imports for alias in node.names if alias.name == name and alias.asname}


def _method(node, function):
    names, needed, is_open = positional(function)
    wanted = 4 if function.name == "generate_response" else 1
    if is_empty(function):
        yield finding(
            "error", function.lineno, f"{function.name} is empty: it returns None", "return the answer as a str"
        )
        return
    if not gives_something(function):
        yield finding("error", function.lineno, f"{function.name} never returns anything")
    first = function.args.posonlyargs + function.args.args
    if first and first[0].arg in ("system", "user_message", "text") and not function.decorator_list:
        yield finding(
            "error", function.lineno, f"the first parameter of {function.name} is `{first[0].arg}`, and gets the object",
            "`self` comes first",
        )
        return
    keywords = {each.arg for each in function.args.kwonlyargs}
    if needed > wanted:
        lacking = names[wanted:needed]
        yield finding(
            "error", function.lineno, f"{function.name} wants `{lacking[0]}`, which nobody passes", "give it a default"
        )
    elif len(names) < wanted and not is_open and function.args.kwarg is None:
        if function.name == "generate_response" and len(names) >= 2 and {"max_tokens", "temperature"} <= keywords:
            return
        level = "error" if not names or (wanted == 4 and len(names) < 2) else "warning"
        shown = "(system, user_message, max_tokens, temperature)" if wanted == 4 else "(text)"
        yield finding(
            level, function.lineno, f"{function.name} takes {len(names)} of {wanted} arguments",
            f"it is called with {shown}, by position",
        )


def live_findings(dialect):
    """Counts a short text, for as long as counting may take."""
    from ..loading import plugin
    from ..source import method_line

    found = []
    for client in dialect.models.values():
        if client.counter.count is None or (client.instance is None and client.model_id != plugin.name):
            continue
        outcome = []

        def probe(client=client, outcome=outcome):
            try:
                counted = client.get().count_tokens("Hello, world.")
                if hasattr(counted, "__await__"):
                    counted.close()
                    return
                client.counter._checked(counted)
                if isinstance(counted, float):
                    outcome.append(("note", f"count_tokens returned {counted!r}", "it is rounded up; return an int"))
            except BaseException as error:  # SystemExit and its like are findings, too
                said = str(error) or type(error).__name__
                outcome.append(("warning", f"count_tokens {said}", "tokens are estimated instead"))

        thread = threading.Thread(target=probe, daemon=True)
        thread.start()
        thread.join(2.0)
        if thread.is_alive():
            outcome.append(("warning", "count_tokens takes longer than 2 s", "tokens are estimated instead"))
        line = next(
            (line for each in client.of_class.__mro__ if (line := method_line(each.__name__, "count_tokens"))), 1
        )
        found += [finding(level, line, message, help_) for level, message, help_ in outcome]
    for note in dialect.notes:
        if "one instance" in note:
            found.append(finding("note", 1, note, "keep nothing on self that one conversation may not see of another"))
    return found
