"""Makes a plugin's model: fills the arguments of its constructor, or of the factory in its file."""

import os

from .failures import Failure
from .loading import missing_key, plugin
from .shape import Shape

_KEYS = ("api_key", "apikey", "api_token", "access_token", "token")


class Recipe:
    """Something that makes a model when it is called: a class, or the file's own factory."""

    def __init__(self, make, title, init, key=None):
        self.make = make
        self.title = title  # as people read it: `EchoLLM()`
        self.init = dict(init or {})
        shape = _shape(make)
        self.names = shape.positional + shape.keyword_only
        self.line = shape.line
        self.takes_model = "model" in self.names and "model" not in self.init
        self.default_model = self.init.get("model", shape.defaults.get("model"))
        unknown = [name for name in self.init if name not in self.names and not shape.has_keywords]
        if unknown:
            self._fail(
                f"{title} takes no argument `{unknown[0]}`",
                f"an `init` without `{unknown[0]}`, which {title} does not take",
            )
        self.must_model = self.takes_model and "model" not in shape.defaults and not _may_be_none(make, "model")
        self.keys = {}  # argument -> (the name of its key, whether it must be there)
        self.fixed = {}
        for name in self.names:
            if name in self.init:
                continue
            known_as = _key_name(name, key)
            must = name not in shape.defaults and not _may_be_none(make, name)
            if known_as is not None:
                self.keys[name] = (known_as, must)
            elif name == "model" or name in shape.defaults:
                continue
            elif not must:
                self.fixed[name] = None
                plugin.empty[name] = title.removesuffix("()")
            else:
                self._lacks(name)

    def _lacks(self, name):
        self._fail(
            f"{self.title} wants the argument `{name}`",
            f"the argument `{name}` of {self.title.removesuffix('()')}",
            "write a function create_llm() in the file that makes the model, or, where it is a text or a number, "
            f'say it in the llm-plugin block: init = {{ {name} = "…" }}',
        )

    def _fail(self, message, missing, help_=None):
        at = f"{os.path.basename(plugin.file)}:{self.line or 1}" if plugin.file else None
        raise Failure("setup", message, missing=missing, at=at, help=help_)

    def is_coroutine(self, made):
        """What to say of a factory that is one."""
        if hasattr(made, "close"):
            made.close()
        at = f"{os.path.basename(plugin.file)}:{self.line or 1}" if plugin.file else None
        return Failure("plugin_bug", f"{self.title} is a coroutine: nothing awaits it", at=at,
                       help="make it a plain `def`, and do in the model's own methods what has to be awaited")

    def needs(self):
        """What a card says about keys."""
        names = [known_as for known_as, must in self.keys.values() if must]
        return {"secrets": names, "env": [_variable(name) for name in names]} if names else None

    def arguments(self, model=None, secrets=None):
        """The arguments for one model, with the keys that were granted."""
        given = {**self.fixed, **self.init}
        if self.takes_model and model is not None:
            given["model"] = model
        elif self.must_model:
            self._lacks("model")
        for name, (known_as, must) in self.keys.items():
            value = (secrets or {}).get(known_as) or os.environ.get(_variable(known_as))
            if value:
                given[name] = value
            elif must:
                raise Failure("setup", f"{self.title} wants `{name}`", **missing_key(known_as))
        return given

    def has_keys(self):
        return all(os.environ.get(_variable(known_as)) for known_as, must in self.keys.values() if must)


def _shape(make):
    if not isinstance(make, type):
        return Shape(make)
    if make.__init__ is object.__init__:
        return Shape(lambda: None)
    shape = Shape(make.__init__)
    shape.positional = shape.positional[1:]  # self
    return shape


def _key_name(argument, key):
    """The name of the key that an argument is for; None where it is for none."""
    if argument in _KEYS:
        return key or plugin.name
    return argument[: -len("_api_key")] if argument.endswith("_api_key") else None


def _variable(name):
    word = "".join(letter.upper() if letter.isalnum() and letter.isascii() else "_" for letter in name)
    return f"{word}_API_KEY"


def _may_be_none(make, name):
    """Whether the annotation says so; it is a text, since annotations are never evaluated."""
    function = make.__init__ if isinstance(make, type) else make
    said = getattr(function, "__annotations__", {}).get(name)
    if not isinstance(said, str):
        return said is None and name in getattr(function, "__annotations__", {})
    words = said.replace(" ", "").strip("'\"")
    return words.startswith(("Optional[", "typing.Optional[")) or "None" in words.split("|")
