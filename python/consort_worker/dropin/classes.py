"""Which classes of a file are its models: its own and concrete ones, the first by name under the file's name."""

from ..failures import Failure
from ..loading import plugin

# A plugin without it works, only without counting.
_OPTIONAL = {"count_tokens"}


def choose(module, base, wanted=None):
    """[(model id, class)], the file's own model first."""
    own = _own(module, base)
    if wanted:
        named = getattr(module, wanted, None)
        if not isinstance(named, type):
            raise Failure("setup", f"{_file()} has no class `{wanted}`", missing=f"the class `{wanted}` in {_file()}")
        if not callable(getattr(named, "generate_response", None)):
            raise Failure("plugin_bug", f"the class `{wanted}` has no generate_response", at=_line(named))
        own = [named] + [other for other in own if other is not named]
        concrete = [named] + [other for other in own[1:] if not _is_abstract(other, base)]
    else:
        concrete = [each for each in own if not _is_abstract(each, base)]
    if not own:
        raise Failure(
            "plugin_bug",
            "defines no class that derives from LLMClient",
            at=f"{_file()}:1",
            help="`from llm_utils import LLMClient`, and derive a class with generate_response from it",
        )
    if not concrete:
        lacking = sorted(_lacks(own[0]) - _OPTIONAL) or ["generate_response"]
        text = f"class {own[0].__name__} has no {' and no '.join(lacking)}"
        raise Failure("plugin_bug", text, at=_line(own[0]), help=_near(own[0], lacking[0]))
    for each in concrete:
        if "count_tokens" in _lacks(each):
            each.__abstractmethods__ = frozenset()  # or Python would refuse to make one
    return [(plugin.name if at == 0 else each.__name__, each) for at, each in enumerate(concrete)]


def _near(each, wanted):
    """What to do where a method is missing: one may be there under a name that is nearly right."""
    from ..nearly import method_help

    return method_help(wanted, vars(each), 0.6)


def _own(module, base):
    """Classes that the file itself defines, by name as `dir()` sorts them."""
    found = []
    for name in sorted(vars(module)):
        each = vars(module)[name]
        if not isinstance(each, type) or each.__module__ != module.__name__ or each in found:
            continue
        if issubclass(each, base) or any(parent.__name__ == "LLMClient" for parent in each.__mro__[1:]):
            found.append(each)
    return found


def _lacks(each):
    return set(getattr(each, "__abstractmethods__", ()))


def _is_abstract(each, base):
    generate = getattr(each, "generate_response", None)
    inherited = getattr(base, "generate_response", None)
    return generate is None or generate is inherited or bool(_lacks(each) - _OPTIONAL)


def has_count(each, base):
    count = getattr(each, "count_tokens", None)
    return callable(count) and count is not getattr(base, "count_tokens", None)


def construct(each, arguments):
    """An instance, or what its constructor lacks."""
    init = each.__init__
    if init is not object.__init__ and hasattr(init, "__code__"):
        from ..shape import Shape

        shape = Shape(init)
        names = shape.positional[1:]  # without self
        lacking = [n for n in names + shape.keyword_only if n not in shape.defaults and n not in arguments]
        at = f"{_file()}:{shape.line}"
        if lacking:
            raise Failure(
                "setup",
                f"{each.__name__}() wants the argument `{lacking[0]}`",
                missing=f"the argument `{lacking[0]}` of {each.__name__}",
                at=at,
                help=f'say it in the llm-plugin block: init = {{ {lacking[0]} = "…" }}',
            )
        unknown = [n for n in arguments if n not in names + shape.keyword_only and not shape.has_keywords]
        if unknown:
            raise Failure(
                "setup",
                f"{each.__name__}() takes no argument `{unknown[0]}`",
                missing=f"an `init` without `{unknown[0]}`, which {each.__name__} does not take",
                at=at,
            )
    return each(**arguments)


def _file():
    import os

    return os.path.basename(plugin.file)


def _line(each):
    """`file:line` of a class: where its first method is, less the lines above it, is not known without the source."""
    from ..source import class_line

    return f"{_file()}:{class_line(each.__name__) or 1}"
