"""What is wrong with a model of Vision Agents."""

import ast
import re

from . import finding
from ..nearly import method_help, nearest
from .common import LOOPS, classes, is_empty, lineage, method, methods, own_nodes, positional

# What a live model is asked by where it has it, and what else it may have of the contract.
_ASKED = ("connect", "close", "_handle_events", "interrupt", "commit_audio")
_OTHERS = {"simple_response", "simple_audio_response", "process_audio", "start", "warmup", "watch_video_track", *_ASKED}
_TEXT, _LIVE = {"LLM", "AudioLLM", "VideoLLM", "OmniLLM"}, {"Realtime"}


def findings(tree):
    known = classes(tree)
    models = [node for node in known.values() if set(lineage(node, known)[1]) & (_TEXT | _LIVE)]
    if not models and not any(getattr(node, "name", None) == "create_llm" for node in tree.body):
        yield finding(
            "error", 1, "no class derives from LLM or Realtime",
            "`from vision_agents.core.llm.llm import LLM` and derive one",
        )
    subclassed = {base.name for node in models for base in lineage(node, known)[0][1:]}
    for node in models:
        inside, outside = lineage(node, known)
        if node.name not in subclassed:
            yield from _methods(node, inside, bool(set(outside) & _LIVE))
    yield from _calls(tree)


def _methods(node, inside, is_live):
    needed = "simple_audio_response" if is_live else "simple_response"
    others = ("connect", "simple_response", "close") if is_live else ()
    slips = dict(_slips(inside)) if is_live else {}
    for name, (function, help_) in slips.items():
        yield finding("warning", function.lineno, f"{node.name} has no {name}, and nobody calls {function.name}", help_)
    for name in (needed, *others):
        function = method(inside, name)
        if name in slips:
            continue
        # A live model that takes no text, say, is one all the same.
        level = "note" if name != needed else "warning" if is_live else "error"
        if function is None:
            # A name that is nearly right was meant to be it; the two are like each other, and each is right.
            others_of_it = set(methods(inside)) - {"simple_response", "simple_audio_response"}
            help_ = method_help(name, others_of_it) if name.startswith("simple_") else None
            yield finding("error" if help_ else level, node.lineno, f"{node.name} has no {name}", help_)
        elif name.startswith("simple_") and positional(function)[0] == [] and not positional(function)[2]:
            what = "text" if name == "simple_response" else "pcm"
            yield finding("error", function.lineno, f"{name} takes nothing of what it is called with", f"`{name}(self, {what}, …)`")
        elif is_empty(function) and name not in ("connect", "close"):
            yield finding(level, function.lineno, f"{name} is empty: nothing is answered")
        elif not isinstance(function, ast.AsyncFunctionDef):
            yield finding("warning", function.lineno, f"{name} is a plain def", "`async def` is what others call")
    handler = method(inside, "_handle_events") if is_live else None
    if handler is not None and not handler.args.args[1:] and not any(isinstance(each, LOOPS) for each in own_nodes(handler)):
        yield finding(
            "note", handler.lineno, "_handle_events has no loop: after its first pass nothing hears the service",
            "`async for` over what the connection gives, or `while True`: once it has waited and ends, the session does too",
        )
    init = method(inside, "__init__")
    if init is not None and "super" not in ast.dump(init):
        yield finding(
            "warning", init.lineno, f"{node.name}.__init__ does not call super().__init__()",
            "the real package has no `self.events` without it",
        )


def _slips(inside):
    """(the name that is asked, (the method that was meant as it, what to do)). One that the class itself uses is its own."""
    used = {each.attr for part in inside for each in ast.walk(part) if isinstance(each, ast.Attribute)}
    for name in _ASKED:
        if method(inside, name) is not None:
            continue
        own = {each for each in methods(inside) if each not in used | _OTHERS and not method(inside, each).decorator_list}
        near = nearest(name, [each for each in own if not _is_form(each, name)], 0.88)
        if near is not None:
            yield name, (method(inside, near), f"did you mean `{name}`?")


def _is_form(own, asked):
    """Whether a name says the same words in other forms, as `interrupted`, `reconnect` and `close_2` do: it is meant so."""
    form = r"(?:re|un|dis|pre|a)?{0}(?:s|d|r|{1}?(?:ed|er|or|ing|ion)|able)?"
    words = "_".join(form.format(word, word[-1]) for word in asked.strip("_").split("_"))
    return own.strip("_") != asked.strip("_") and re.fullmatch(rf"{words}(?:_?\d+)?", own.strip("_")) is not None


def _calls(tree):
    from ..page import unawaited

    for node, name in unawaited(tree):
        yield finding(
            "warning", node.lineno, f"`{name}(…)` is a coroutine that nobody awaits",
            "`await` it, or `return await` it; here it is awaited where it stands, elsewhere it never runs",
        )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if any(isinstance(each, ast.Constant) and each.value is Ellipsis for each in node.args):
                yield finding(
                    "warning", node.lineno, "`...` stands where the arguments belong",
                    "the model never hears the question: pass `text`, as your vendor's method wants it",
                )
            yield from _event(node)


def _event(node):
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    yield from _fields(node, name)
    if name != "LLMResponseChunkEvent":
        return
    if any(each.arg == "sequence_number" and isinstance(each.value, ast.Constant) for each in node.keywords):
        yield finding(
            "note", node.lineno, "every chunk has the same sequence_number",
            "Consort numbers the pieces itself; others may put them in order by this",
        )


def _fields(node, name):
    """Arguments of an event that no version of the contract has. Those that are nearly right fail when they are met."""
    from ..standins.vision_agents.core.llm import events

    kind = getattr(events, name, None)
    known = getattr(kind, "_defaults", None)
    for each in node.keywords if known else ():
        if each.arg is not None and each.arg not in known:
            near = nearest(each.arg, known, kind.NEARLY)
            level, help_ = ("error", f"did you mean `{near}`?") if near else ("warning", "the real package refuses it")
            line = getattr(each.value, "lineno", node.lineno)
            yield finding(level, line, f"{name} has no field `{each.arg}`: nobody sees what it holds", help_)


def live_findings(dialect):
    """What loading it has shown."""
    others = list(dialect.sources)[1:]
    if not others:
        return []
    own = next(iter(dialect.sources.values())).recipe.title.removesuffix("()")
    are = "are" if len(others) > 1 else "is"
    return [finding(
        "note", 1, f"{own} is the file's model, {' and '.join(others)} {are} listed beside it",
        "the first class counts; a function create_llm() or `class = \"…\"` decides otherwise",
    )]
