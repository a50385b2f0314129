"""Tells a plugin's author what is wrong, with lines: from the source, and from a look at the running plugin."""

import os


def run(dialect, plugin, live, failure):
    """The findings for a plugin. `live` is the loaded dialect, or None with the `failure` that kept it from loading."""
    findings = []
    tree = _tree(plugin)
    if tree is not None:
        from . import common

        findings += common.findings(tree)
        module = _module(dialect)
        findings += module.findings(tree)
        findings += common.of_two_dialects(tree, dialect)
        if live is not None:
            if hasattr(module, "holds"):  # what the text seems to say, and the loaded file does not
                findings = [each for each in findings if module.holds(each, live)]
            findings += module.live_findings(live)
    name = os.path.basename(plugin.file) if plugin.file else plugin.name
    for each in findings:
        if isinstance(each["at"], int):
            each["at"] = f"{name}:{each['at']}"
    if failure is not None:
        _add_failure(findings, failure, name)
    order = {"error": 0, "warning": 1, "note": 2}
    findings.sort(key=lambda each: order[each["level"]])
    return {"findings": findings}


def _module(dialect):
    if dialect == "drop_in":
        from . import dropin as module
    elif dialect == "bruno":
        from . import bruno as module
    elif dialect == "vision":
        from . import vision as module
    else:
        from . import llm as module
    return module


def _add_failure(findings, failure, name):
    """Why it did not load, unless the source has told the same of that line already."""
    level = "warning" if failure.kind == "setup" else "error"
    at = failure.data.get("at") or f"{name}:1"
    if level == "error" and any(each["at"] == at and each["level"] == "error" for each in findings):
        return
    findings.append(finding(level, at, failure.data.get("missing") or failure.message, failure.data.get("help")))


def _tree(plugin):
    """The syntax tree, or None where there is none: the failure to load says why."""
    import ast

    if not plugin.file or not plugin.file.endswith(".py"):
        return None
    try:
        with open(plugin.file, "rb") as opened:
            return ast.parse(opened.read(), plugin.file)
    except (OSError, SyntaxError, ValueError):
        return None


def finding(level, line, message, help_=None):
    found = {"level": level, "at": line, "message": message}
    if help_:
        found["help"] = help_
    return found
