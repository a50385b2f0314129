"""Names that are nearly right: what their author meant."""

import sys


def nearest(name, known, cutoff=0.75):
    """The one of the known names that is most like it, where one is."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), 1, cutoff)
    return found[0] if found else None


def method_help(wanted, known, cutoff=0.75):
    """What to do where a method is missing: one may be there under a name that is nearly right."""
    near = nearest(wanted, [name for name in known if not name.startswith("__")], cutoff)
    return f"it has `{near}`: name it `{wanted}`" if near else None


def module_help(name):
    """What is wrong with a module that is not there, where its package is, and has one with nearly that name."""
    parent, _, last = name.rpartition(".")
    package = sys.modules.get(parent)
    # Parts of a package that has no file of its own are packages by themselves.
    if getattr(package, "__file__", None) is None or not hasattr(package, "__path__"):
        return None
    import pkgutil

    near = nearest(last, [each.name for each in pkgutil.iter_modules(package.__path__)])
    return f"`{parent}` has no module `{last}`: did you mean `{near}`?" if near else None


class Lacks(NotImplementedError):
    """A class has not the method that it is asked by. Its text is for those who only warn of it."""

    def __init__(self, kind, name):
        import os

        from .loading import plugin
        from .source import class_line

        own = [each for each in kind.__mro__ if each.__module__ == kind.__module__]
        of_others = {each for other in kind.__mro__ if other not in own for each in vars(other)}
        self.said = f"{kind.__name__} has no {name}"
        self.help = method_help(name, {each for mine in own for each in vars(mine)} - of_others)
        line = class_line(kind.__name__) if plugin.file else None
        self.at = f"{os.path.basename(plugin.file)}:{line}" if line else None
        super().__init__(f"{self.said}: {self.help}" if self.help else self.said)
