"""Brings the real `llm` up with one plugin alone: neither its built-in models nor other installed plugins."""

import os
import sys

from ..failures import Failure
from ..loading import open_file, plugin, run_source


def start(user_path):
    """Imports `llm` so that it keeps its files in the plugin's own folder and loads no plugin by itself."""
    os.makedirs(user_path, exist_ok=True)
    os.environ["LLM_USER_PATH"] = user_path
    import llm
    import llm.plugins

    llm.plugins.DEFAULT_PLUGINS = ()
    llm.plugins.LLM_LOAD_PLUGINS = ""  # not by the environment: children of the plugin may want theirs
    if not hasattr(llm.plugins, "load_plugins") or not hasattr(llm, "AsyncModel"):
        version = _version("llm")
        raise Failure(
            "setup",
            f"llm {version} is too old",
            missing="llm 0.19 or newer",
            help=f"this one is {version}: name a newer one where its packages are named, and install them again",
        )
    llm.plugins.load_plugins()
    return llm


def is_a(model, models, *names):
    """Whether a model is of one of these classes, as far as this version of llm has them."""
    return isinstance(model, tuple(getattr(models, name) for name in names if hasattr(models, name)))


def has_hook(llm, name):
    """Whether the plugin has an implementation of this hook; older versions of llm have fewer hooks."""
    hook = getattr(llm.plugins.pm.hook, name, None)
    return hook is not None and bool(hook.get_hookimpls())


def _version(package):
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "as it is here"


def load_file(llm, path, notes):
    """Runs a plugin's file and registers its hooks; gives what is known about it."""
    module = run_source(open_file(path))
    pm = llm.plugins.pm
    pm.register(module, name=plugin.name)
    hooks = [caller.name for caller in pm.get_hookcallers(module) or ()]
    unknown = [name for name in hooks if not getattr(pm.hook, name).has_spec()]
    if unknown and len(unknown) == len(hooks):
        raise Failure("plugin_bug", f"llm has no hook `{unknown[0]}`", **_unknown_hook(pm, module, unknown[0]))
    notes += [f"llm has no hook `{name}`: nobody calls it" for name in unknown]
    if not hooks:
        raise Failure(
            "plugin_bug",
            "registers nothing with llm",
            at=f"{os.path.basename(plugin.file)}:1",
            help="mark a function `register_models(register)` with @llm.hookimpl",
        )
    return {"name": plugin.name, "version": _text(getattr(module, "__version__", None)), "description": module.__doc__}


def _unknown_hook(pm, module, name):
    import difflib

    known = [each for each in vars(pm.hook) if not each.startswith("_") and getattr(pm.hook, each).has_spec()]
    near = difflib.get_close_matches(name, known, 1)
    line = getattr(getattr(module, name), "__code__", None)
    return {
        "at": f"{os.path.basename(plugin.file)}:{line.co_firstlineno if line else 1}",
        "help": f"did you mean `{near[0]}`?" if near else f"it has {', '.join(sorted(known))}",
    }


def load_package(llm, name):
    """Registers the `llm` entry points of one installed distribution."""
    from importlib import metadata

    try:
        distribution = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        raise Failure(
            "setup",
            f"the package `{name}` is not installed",
            missing=f"the package `{name}`",
            help=f"consort plugins install {name}",
        ) from None
    entry_points = _entry_points(distribution)
    if not entry_points:
        others = sorted({each.metadata["Name"] for each in metadata.distributions() if _entry_points(each)})
        raise Failure(
            "plugin_bug",
            f"the package `{name}` has no plugin for llm in it",
            help=f"what it brings has one: consort plugins install {others[0]}" if others else None,
        )
    top_levels = {entry.value.partition(":")[0].partition(".")[0] for entry in entry_points}
    plugin.name, plugin.is_package = name, True
    for top in sorted(top_levels):
        _own(top)  # before any of it runs: where an import fails is told by its own files
    for entry in entry_points:
        module = _loaded(entry)
        plugin.file = plugin.file or getattr(module, "__file__", None)
        llm.plugins.pm.register(module, name=entry.name)
        try:
            llm.plugins.pm._plugin_distinfo.append((module, distribution))  # so that llm.get_plugins() tells it
        except AttributeError:
            pass
    plugin.env = _variables(top_levels)
    return {"name": name, "version": distribution.version, "description": distribution.metadata.get("Summary")}


def _entry_points(distribution):
    return [entry for entry in distribution.entry_points if entry.group == "llm"]


def _own(top):
    """Counts the package's files as the plugin's own, for tracebacks."""
    from importlib.util import find_spec

    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # a finder that cannot tell; importing it will say more
        return
    if spec is not None:
        paths = [os.path.join(path, "") for path in spec.submodule_search_locations or ()]
        plugin.roots += tuple(paths or filter(None, [spec.origin]))


def _loaded(entry):
    """What an entry point names. That it names nothing is the package's fault, and no traceback of ours says so."""
    module, _, name = entry.value.partition(":")
    try:
        return entry.load()
    except AttributeError as error:
        name = name.partition("[")[0].strip()
        loaded = sys.modules.get(module.strip())
        if not name or loaded is None or hasattr(loaded, name.partition(".")[0]):
            raise
        from ..nearly import nearest

        near = nearest(name, vars(loaded))
        raise Failure(
            "plugin_bug",
            f"the package says that its plugin is `{entry.value}`, and there is no `{name}`",
            help=f"did you mean `{near}`?" if near else f"name a module in its entry points: {module.strip()}",
        ) from error


def _variables(top_levels):
    """The variables that the package's loaded modules read."""
    from ..env import variables_read

    found = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name.partition(".")[0] not in top_levels or not path or not path.endswith(".py"):
            continue
        try:
            with open(path, "rb") as opened:
                found.update(variables_read(opened.read(), path))
        except OSError:
            continue
    return found


def commands(llm):
    """Names of the commands that the plugin adds to the `llm` program; the host runs that program for them."""
    if not has_hook(llm, "register_commands"):
        return []
    import click

    class Commands(dict):
        """Some plugins build on llm's own commands; loading those takes long, and only names are wanted here."""

        def __missing__(self, name):
            return click.Command(name)

    group = click.Group()
    group.commands = Commands()
    llm.plugins.pm.hook.register_commands(cli=group)
    return sorted(group.commands)


def _text(value):
    return value if isinstance(value, str) else None
