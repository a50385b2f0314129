"""The dialects by their names, and which one a file speaks as far as its text tells."""

from .failures import Failure

NAMES = ("drop_in", "llm", "bruno", "vision")


def named(name):
    """The class that runs a dialect; only its modules are loaded."""
    if name == "drop_in":
        from .dropin.dialect import DropIn as Dialect
    elif name == "llm":
        from .llm_dialect.dialect import Llm as Dialect
    elif name == "bruno":
        from .bruno.dialect import Bruno as Dialect
    elif name == "vision":
        from .vision.dialect import Vision as Dialect
    else:
        raise Failure("unsupported", f"this worker does not speak the dialect {name!r}")
    return Dialect


def of_package(name):
    """What an installed package registers; one that is not there is for the dialect of most packages to complain of."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        groups = {entry.group for entry in distribution(name).entry_points}
    except PackageNotFoundError:
        return "llm"
    return "bruno" if "bruno.llm_providers" in groups and "llm" not in groups else "llm"


def of_file(path):
    """For a terminal, where no host has looked at the file."""
    with open(path, encoding="utf-8", errors="replace") as opened:
        source = opened.read()
    for name, word in (("drop_in", "LLMClient"), ("bruno", "bruno_core"), ("vision", "vision_agents")):
        if word in source:
            return name
    return "llm"
