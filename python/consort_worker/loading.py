"""The one plugin of this worker: its file or package, its module, and what it lacks."""

import os
import sys
from importlib import machinery

from .failures import Failure

_NO_SETUP = (NameError, SyntaxError, ImportError, NotImplementedError)


class Plugin:
    def __init__(self):
        self.file = None
        self.folder = None
        self.name = "plugin"
        self.is_package = False
        self.roots = ()  # folders of an installed package's own code
        self.env = {}  # variables that the source reads: name -> whether it has a default
        self.package = None  # what its folder passes for, where it does
        self.is_loading = False
        self.key_help = {}  # keys that the host was asked for and did not give: name -> what to do, in its words
        self.empty = {}  # arguments of constructors that nobody gave, and that may be None: name -> of what

    def set_file(self, path):
        self.file = os.path.abspath(path)
        self.folder = os.path.dirname(self.file)
        self.name = os.path.splitext(os.path.basename(self.file))[0]

    def owns(self, path):
        return path == self.file or any(path.startswith(root) for root in self.roots)

    def is_beside(self, path):
        """A helper file in the plugin's folder, or in a package that lies there."""
        if self.folder is None:
            return False
        parent = os.path.dirname(path)
        return parent == self.folder or (
            os.path.dirname(parent) == self.folder and os.path.basename(parent).startswith("_")
        )

    def unset(self, optional=False):
        """Variables that the source reads, that are not set, and (unless asked for) that have no default."""
        return [name for name, default in self.env.items() if not os.environ.get(name) and (optional or not default)]

    def missing_for(self, error, by_words=True):
        """What a plugin lacks, where that is why it failed: {"missing": …, "help": …}, else None.

        `by_words` is off where a server has answered: what it says about keys is about the key that it got.
        """
        if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != self.package:
            from .nearly import module_help

            # A package that is there, and has no such module, is none to install.
            return None if module_help(error.name) else _missing_package(error.name, self.name)
        if type(error).__name__ == "NeedsKeyException":
            return _key_in(str(error))
        if not by_words:
            return None
        names = self._named_in(error)
        if not names and self.is_loading and not isinstance(error, _NO_SETUP):
            names = self.unset()
        if not names:
            return None
        listed = " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
        verb = "are" if len(names) > 1 else "is"
        return {
            "missing": f"{listed} {verb} not set",
            "help": f"give it the variable: consort plugins grant {shell_word(self.name)} {names[0]}",
        }

    def _named_in(self, error):
        """Unset variables that the error itself names; a library's error may name one that only the library reads."""
        try:
            said = str(error)
        except Exception:
            return []
        if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
            return [error.args[0]] if error.args[0] in self.unset(optional=True) else []
        if isinstance(error, _NO_SETUP) or not said:
            return []
        import re

        words = re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", said)
        keys = [word for word in words if word.endswith(("_KEY", "_TOKEN", "_SECRET")) and not os.environ.get(word)]
        named = [name for name in self.unset(optional=True) if name in words] or keys[:1]
        for name in named:
            self.env.setdefault(name, False)
        return list(dict.fromkeys(named))


plugin = Plugin()


def open_file(path):
    """Reads a plugin's file and makes what is beside it importable; gives the source."""
    plugin.set_file(path)
    try:
        with open(plugin.file, "rb") as opened:
            source = opened.read()
    except OSError as error:
        raise Failure("setup", f"cannot read {path}: {error.strerror}", missing=f"a readable file {path}") from None
    _look_beside(plugin.folder)
    sys.argv = [plugin.file]
    from .env import variables_read

    plugin.env = variables_read(source, plugin.file)
    return source


def run_source(source, page=None, package=None):
    """Runs the opened file as a module, as `import` would, but under whatever name the file has.

    A `page` (see page.py) says how to read what was written for readers rather than for Python. A `package` is one that
    the file's folder passes for: relative imports find what is beside it.
    """
    code = page.code if page else compile(source, plugin.file, "exec", dont_inherit=True)  # finds the encoding line
    name = module_name(plugin.name, package)
    module = type(sys)(name)
    module.__file__ = plugin.file
    whole = f"{package}.{name}" if package else name
    module.__loader__ = machinery.SourceFileLoader(whole, plugin.file)  # inspect.getsource and pdb ask it
    module.__spec__ = machinery.ModuleSpec(whole, module.__loader__, origin=plugin.file)
    module.__spec__.has_location = True
    sys.modules[name] = sys.modules[whole] = module
    if package:
        plugin.package = package
        _pass_for(package, plugin.folder)
        module.__package__ = package
    try:
        if page:
            page.run(module.__dict__)
        else:
            exec(code, module.__dict__)
    except BaseException:
        sys.modules.pop(name, None)
        sys.modules.pop(whole, None)
        raise
    return sys.modules.get(name, module)


def _pass_for(package, folder):
    """Makes a folder a package of this name, whatever it is called."""
    module = sys.modules[package] = type(sys)(package)
    module.__path__ = [folder]
    module.__spec__ = machinery.ModuleSpec(package, None, is_package=True)
    module.__spec__.submodule_search_locations = module.__path__


def module_name(stem, package=None):
    """An importable name that hides no other module, nor the package that its folder passes for: `my new plugin` ->
    my_new_plugin, `openai` -> openai_plugin."""
    name = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in stem)
    if not name.isidentifier():
        name = f"plugin_{name}"
    taken = name == package or name in sys.modules or name in sys.stdlib_module_names
    if not taken:
        found = machinery.PathFinder.find_spec(name)
        taken = found is not None and found.origin != plugin.file
    return f"{name}_plugin" if taken else name


def _look_beside(folder):
    """Lets the plugin import files beside it, after everything that is installed."""
    if folder not in sys.path:
        sys.path.append(folder)
    inside = folder.rstrip(os.sep) + os.sep

    def hook(path):
        if path != folder and not path.startswith(inside):
            raise ImportError(path)
        return machinery.FileFinder(
            path,
            (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
            (_Tidy, machinery.SOURCE_SUFFIXES),
        )

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.pop(folder, None)


class _Tidy(machinery.SourceFileLoader):
    """Writes no __pycache__ into the user's plugins folder, which is watched for changes."""

    def set_data(self, path, data, *, _mode=0o666):
        pass


def _missing_package(module, name):
    from .pip_names import installed_by

    top = module if module.startswith("google.") else module.partition(".")[0]
    package = installed_by(module)
    if module.startswith("vision_agents.plugins"):  # one package for each
        return _missing_plugin_of_vision_agents(name)
    of_package = "" if package == top else f"`{top}` is in the package `{package}`. "
    block = " (named in the file's `# /// script` block, it goes where the file goes)" if plugin.folder else ""
    return {
        "missing": f"the package `{top}`",
        "help": f"{of_package}consort plugins install-deps {shell_word(name)} {shell_word(package)}{block}",
    }


def _missing_plugin_of_vision_agents(name):
    import re

    with open(plugin.file, encoding="utf-8", errors="replace") as opened:
        said = re.findall(r"vision_agents\.plugins(?:\.| +import +)([\w, ]+)", opened.read())
    words = dict.fromkeys(word.strip() for each in said for word in each.split(","))
    packages = [f"vision-agents-plugins-{word.replace('_', '-')}" for word in words if word.isidentifier()]
    return {
        "missing": " and ".join(f"the package `{each}`" for each in packages) or "a plugin of Vision Agents",
        "help": f"consort plugins install-deps {shell_word(name)} {' '.join(packages) or 'vision-agents'}"
                " (named in the file's `# /// script` block, it goes where the file goes)",
    }


def missing_key(name):
    word = shell_word(name)
    return {
        "missing": f"the key `{name}`",
        "help": plugin.key_help.get(name)
                or f"consort keys set {word}, then: consort plugins grant {shell_word(plugin.name)} {word}",
    }


def _key_in(said):
    """The key that llm's own complaint names, in the words of this program."""
    import re

    found = re.search(r"llm keys set ([^\s']+)", said)
    return missing_key(found.group(1)) if found else {"missing": "a key"}


def shell_word(name):
    """A plugin's name as a shell takes it."""
    plain = all(letter.isalnum() or letter in "-_." for letter in name)
    return name if plain and name else "'" + name.replace("'", "'\\''") + "'"
