"""The models of a bruno plugin: an instance for each model and key, made when it is first asked."""

import threading

from .. import logs, loop
from ..counting import Counter
from ..failures import Failure
from ..making import Recipe
from ..shape import Shape, option_schema

_PATIENCE = 4.0  # seconds that a list of models may take; the host waits five


class Source:
    """One class, factory or finished model of the plugin, and the models that it lists."""

    def __init__(self, name, made, plugin_name):
        self.name = name  # None for the file's own
        self.plugin_name = plugin_name
        self.recipe = made if isinstance(made, Recipe) else None
        self.instance = None if self.recipe else made
        self.instances = {}
        self.making = threading.Lock()
        self.listing = None
        self.models = {}
        self._take([])

    def default_name(self):
        """The model that is asked where nobody names one."""
        chosen = self.recipe.default_model if self.recipe else getattr(self.instance, "model", None)
        return chosen if isinstance(chosen, str) and chosen else None

    def selects(self):
        """Whether a model can be asked for by name: what takes no `model` has but one."""
        return self.recipe is not None and self.recipe.takes_model

    def _take(self, listed):
        """Names the models: the default, then what is listed."""
        default, named = self.default_name(), self.name or self.plugin_name
        if not self.selects():
            names = [None]
        else:
            names = list(dict.fromkeys([*([default] if default and default not in listed else []), *listed]))
            names = names or [None]
        chosen = default if default in names else names[0]
        fresh = {}
        for name in names:
            ident = named if name is None else name if self.name is None else f"{self.name}:{name}"
            aliases = [named] if name == chosen and ident != named else []
            fresh[ident] = Model(self, ident, name, aliases)
        self.models = {ident: self.models.get(ident, model) for ident, model in fresh.items()}

    def get(self, model, secrets=None):
        """The instance for a model. Two requests with one key share it."""
        if self.recipe is None:
            return self.instance
        given = self.recipe.arguments(model, secrets)
        key = (model, tuple(str(given.get(name)) for name in self.recipe.keys))
        with self.making:
            made = self.instances.get(key)
            if made is None:
                made = self.recipe.make(**given)
                if hasattr(made, "__await__"):
                    raise self.recipe.is_coroutine(made)
                if not callable(getattr(made, "generate", None)) and not callable(getattr(made, "stream", None)):
                    gave = type(made).__name__
                    raise Failure("plugin_bug", f"{self.recipe.title} gave {gave}, which has no generate")
                self.instances[key] = made
        return made

    def refresh(self, changed):
        """Asks for the list of models; gives a note where there is none. What comes too late is told by `changed`."""
        if not self.selects():
            return None
        box, done, late = [], threading.Event(), threading.Event()

        def ask():
            try:
                box.append((_names(self._lister()()), None))
            except BaseException as error:  # SystemExit and its like
                box.append(([], f"{type(error).__name__}: {error}"))
            done.set()
            if late.is_set() and box[0][1] is None:
                self._take(box[0][0])
                changed()

        if self.listing is None or not self.listing.is_alive():
            self.listing = threading.Thread(target=ask, name="list models", daemon=True)
            self.listing.start()
            if done.wait(_PATIENCE):
                names, problem = box[0]
                self._take(names)
                return problem and f"the models of {self.name or self.plugin_name} cannot be listed: {problem}"
            late.set()
        return f"the models of {self.name or self.plugin_name} take longer than {_PATIENCE:g} s to list"

    def _lister(self):
        if self.recipe.has_keys():
            return self.get(self.default_name()).list_models
        # A list is wanted before there is a key, and most need nothing that the constructor would set.
        if isinstance(self.recipe.make, type):
            return self.recipe.make.__new__(self.recipe.make).list_models
        return lambda: []


def _names(listed):
    if hasattr(listed, "__await__"):
        import asyncio

        async def run():
            return await listed

        listed = asyncio.run_coroutine_threadsafe(run(), loop.get()).result()
    if isinstance(listed, (str, bytes)) or not hasattr(listed, "__iter__"):
        raise TypeError(f"list_models returned {type(listed).__name__}, expected a list of str")
    listed = list(listed)
    names = list(dict.fromkeys(each for each in listed if isinstance(each, str) and each))
    if listed and not names:
        raise TypeError(f"list_models listed {type(listed[0]).__name__}, expected str")
    return names


class Model:
    """One model under its id."""

    def __init__(self, source, ident, name, aliases):
        self.source = source
        self.ident = ident
        self.name = name
        self.aliases = aliases
        self.counter = Counter(ident, self._count if self._counts() else None, "get_token_count")
        self._secrets = None

    def get(self, secrets=None):
        made = self.source.get(self.name, secrets)
        self._secrets = secrets
        return made

    def _counts(self):
        """Whether it counts by a way of its own; a factory's model is not known before it is made."""
        owner = self.source.recipe.make if self.source.recipe else self.source.instance
        return (self.source.recipe is not None and not isinstance(owner, type)) or _is_own(getattr(owner, "get_token_count", None))

    def _count(self, call, text):
        """Counting needs no key of its own: the newest that came with a question does."""
        counted = self.source.get(self.name, self._secrets).get_token_count(text)
        return loop.wait(call, counted) if hasattr(counted, "__await__") else counted

    def method(self, streaming):
        """(`stream` or `generate`, its shape), as the class has it: whichever it has stands for the other."""
        owner = self.source.recipe.make if self.source.recipe else self.source.instance
        if not isinstance(owner, type) and self.source.recipe is not None:
            owner = next(iter(self.source.instances.values()), None)
        names = ("stream", "generate") if streaming else ("generate", "stream")
        name = next((each for each in names if _is_own(getattr(owner, each, None))), names[0])
        found = getattr(owner, name, None)
        if found is None:
            return name, None
        shape = Shape(found)
        if isinstance(owner, type):
            shape.positional = shape.positional[1:]  # self
        return name, shape

    def options(self, params, shape):
        """What the user set, and nothing else: never `model`, no defaults of ours."""
        options = {name: value for name, value in (params.get("options") or {}).items() if value is not None}
        options.pop("model", None)
        unknown = [name for name in options if shape is not None and not shape.takes(name)]
        if unknown:
            raise Failure("invalid_request", f"{self.ident} has no option `{unknown[0]}`")
        return options

    def card(self):
        _, shape = self.method(True)
        is_open = shape is None or shape.has_keywords
        properties = {}
        if shape is None or shape.takes("temperature"):
            properties["temperature"] = {"type": "number", "minimum": 0, "maximum": 2}
        if shape is None or shape.takes("max_tokens"):
            properties["max_tokens"] = {"type": "integer", "minimum": 1}
        for name in (shape.positional[1:] + shape.keyword_only) if shape else ():
            schema = option_schema(shape.defaults.get(name))
            if name != "model" and schema is not None:
                properties.setdefault(name, schema)
        card = {
            "id": self.ident,
            "name": self.ident,
            "kind": "chat",
            "capabilities": {"stream": True, "tools": False, "reasoning": False, "structuredOutput": "none",
                             "input": ["text"], "output": ["text"]},
            "optionsSchema": {"type": "object", "properties": properties, "additionalProperties": is_open},
        }
        if self.aliases:
            card["aliases"] = self.aliases
        make = self.source.recipe.make if self.source.recipe else type(self.source.instance)
        words = make.__doc__.strip().partition("\n\n")[0].split() if isinstance(make.__doc__, str) else ()
        if words:
            card["description"] = " ".join(words)
        needs = self.source.recipe.needs() if self.source.recipe else None
        if needs:
            card["needs"] = needs
        return card


def _is_own(method):
    """Whether a method is more than what every provider has."""
    return method is not None and not str(getattr(method, "__module__", "")).endswith("bruno_core.interfaces")


def warn_of_taken(ident, where):
    logs.note(f"warning: {where} lists `{ident}` too; the first of that name counts")
