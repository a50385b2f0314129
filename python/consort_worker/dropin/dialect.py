"""Runs a drop-in plugin: one instance for each of its classes, called as its original application called it."""

import os
import threading

from .. import loop, reply
from ..counting import Counter
from ..failures import Failure
from ..loading import open_file, plugin, run_source
from ..shape import Shape, option_schema
from ..transcript import MEDIA, flatten, text_of
from . import classes, standin

# What the original application passed; a signature's own defaults never came to bear.
_MAX_TOKENS, _TEMPERATURE = 4096, 0.7

# The original's name for the plugins' folder, which is a package there: `from ._prompts import …` works.
_PACKAGE = "llm_plugins"


class DropIn:
    def __init__(self, host, config, data_dir):
        self.host = host
        self.config = config
        self.models = {}
        self.notes = []

    def load(self):
        """Runs the file and makes its client; gives the result of `initialize`."""
        source = open_file(self.config["file"])
        base, note = standin.provide(self._client_for, plugin.name)
        if note:
            self.notes.append(note)
        module = run_source(source, package=_PACKAGE)
        for model_id, each in classes.choose(module, base, self.config.get("class")):
            name = plugin.name if model_id == plugin.name else f"{plugin.name}:{each.__name__}"
            self.models[model_id] = Client(model_id, name, each, base)
        first = self.models[plugin.name]
        first.get(self.config.get("init") or {})
        for client in self.models.values():
            self.notes.extend(client.notes())
        version = getattr(module, "__version__", None)
        return {
            "plugin": {
                "name": plugin.name,
                "version": version if isinstance(version, str) else None,
                "description": _paragraph(module.__doc__) or first.description,
            },
            "capabilities": {
                "generate": True,
                "countTokens": any(client.counter.count is not None for client in self.models.values()),
            },
            "notes": self.notes,
        }

    def models_list(self, call):
        return {"models": [client.card() for client in self.models.values()]}

    def generate(self, call):
        client = self._client(call.params)
        returned = client.respond(call.params)
        return reply.send(call, returned, client.shape.line)

    def generate_on_loop(self, params):
        """The coroutine function to serve a request by, where the plugin's method is one."""
        client = self.models.get(params.get("model"))
        if client is None or client.instance is None or not client.shape.is_async:
            return None
        return self._generate_async

    async def _generate_async(self, call):
        client = self._client(call.params)
        return await reply.send_async(call, client.respond(call.params), client.shape.line)

    def tokens_count(self, call):
        client = self._client(call.params)
        client.get()
        texts = [text_of(message) for message in call.params.get("messages") or ()]
        if call.params.get("system"):
            texts.append(call.params["system"])
        tokens, exact = client.counter.tokens(call, [text for text in texts if text])
        return {"tokens": tokens, "exact": exact}

    def _client(self, params):
        client = self.models.get(params.get("model"))
        if client is None:
            raise Failure("model_not_found", f"this plugin has no model `{params.get('model')}`")
        return client

    def _client_for(self, client_type):
        """For a plugin that uses the original's helpers: they reach this plugin only."""
        if client_type not in (None, plugin.name):
            raise ValueError(f"Unsupported LLM client type: {client_type}")
        return self.models[plugin.name].get()


class Client:
    """One class of the file, and its one instance."""

    def __init__(self, model_id, name, of_class, base):
        self.model_id = model_id
        self.name = name
        self.of_class = of_class
        self.description = _paragraph(of_class.__doc__)
        self.instance = None
        self.making = threading.Lock()
        self.shape = Shape(of_class.generate_response)
        if not isinstance(_raw(of_class, "generate_response"), (staticmethod, classmethod)):
            self.shape.positional = self.shape.positional[1:]  # self
        counts = classes.has_count(of_class, base)
        self.counter = Counter(model_id, self._count if counts else None)

    def get(self, arguments=None):
        """The instance. The first is made while the plugin loads, the others when they are asked for."""
        with self.making:
            if self.instance is None:
                self.instance = classes.construct(self.of_class, arguments or {})
        return self.instance

    def respond(self, params):
        """Calls the plugin. By position, because names are free in this contract."""
        self._refuse(params)
        shape, options = self.shape, dict(params.get("options") or {})
        values = {"max_tokens": _MAX_TOKENS, "temperature": _TEMPERATURE}
        values.update((name, options.pop(name)) for name in list(values) if options.get(name) is not None)
        call_with = [params.get("system") or "", flatten(params.get("messages") or ()), *values.values()]
        keywords = {}
        if not shape.has_varargs:
            for name in list(values)[max(0, len(shape.positional) - 2) :]:
                if name in shape.keyword_only or shape.has_keywords:
                    keywords[name] = values[name]
            call_with = call_with[: len(shape.positional)]
        if self._is_deaf():
            raise Failure(
                "plugin_bug",
                f"generate_response takes {len(shape.positional)} of the 4 arguments by position: it never hears the question",
                at=f"{os.path.basename(plugin.file)}:{shape.line}" if shape.line else None,
                help="it is called with (system, user_message, max_tokens, temperature), by position",
            )
        unpassed = self._unpassed()
        if unpassed:
            raise Failure(
                "plugin_bug",
                f"generate_response wants `{unpassed[0]}`, which nobody passes",
                at=f"{os.path.basename(plugin.file)}:{shape.line}" if shape.line else None,
                help="give it a default",
            )
        known = self._more_options()
        unknown = [name for name in options if name not in known]
        if unknown:
            raise Failure("invalid_request", f"{self.model_id} has no option `{unknown[0]}`")
        keywords.update(options)
        return self.get().generate_response(*call_with, **keywords)

    def _refuse(self, params):
        """What this contract has no place for, in case the host did not look at the card."""
        last = (params.get("messages") or [{}])[-1].get("content")
        media = [part["type"] for part in last if part.get("type") in MEDIA] if isinstance(last, list) else []
        if params.get("tools") or params.get("output") is not None or media:
            what = "tools" if params.get("tools") else media[0] if media else "structured output"
            raise Failure("unsupported", f"{self.model_id} is a drop-in chat plugin: text only, no {what}")

    def _count(self, call, text):
        counted = self.get().count_tokens(text)
        return loop.wait(call, counted) if hasattr(counted, "__await__") else counted

    def _is_deaf(self):
        """Whether the user's words, which come second, have no place in its signature."""
        return self.shape.known and len(self.shape.positional) < 2 and not self.shape.has_varargs

    def _unpassed(self):
        """Parameters behind the four that have no default: nobody knows what to give them."""
        behind = self.shape.positional[4:]
        behind += [name for name in self.shape.keyword_only if name not in ("max_tokens", "temperature")]
        return [name for name in self.shape.required() if name in behind]

    def _more_options(self):
        """Parameters behind the four, where their defaults say what they are."""
        beyond = self.shape.positional[4:]
        beyond += [name for name in self.shape.keyword_only if name not in ("max_tokens", "temperature")]
        schemas = {name: option_schema(self.shape.defaults[name]) for name in beyond if name in self.shape.defaults}
        return {name: schema for name, schema in schemas.items() if schema is not None}

    def card(self):
        properties = {}
        count = 4 if self.shape.has_varargs else len(self.shape.positional)
        takes = self.shape.keyword_only
        if count > 2 or "max_tokens" in takes or self.shape.has_keywords:
            properties["max_tokens"] = {"type": "integer", "minimum": 1, "default": _MAX_TOKENS}
        if count > 3 or "temperature" in takes or self.shape.has_keywords:
            properties["temperature"] = {"type": "number", "minimum": 0, "maximum": 2, "default": _TEMPERATURE}
        properties.update(self._more_options())
        card = {
            "id": self.model_id,
            "name": self.name,
            "kind": "chat",
            "capabilities": {
                "stream": bool(self.shape.is_generator),
                "tools": False,
                "reasoning": False,
                "structuredOutput": "none",
                "input": ["text"],
                "output": ["text"],
            },
            "optionsSchema": {"type": "object", "properties": properties, "additionalProperties": False},
        }
        if self.model_id != self.name:
            card["aliases"] = [self.name]  # as the guide calls it: `file:Class`
        if self.description:
            card["description"] = self.description
        return card

    def notes(self):
        """What its author should know, in the words of the table of cases."""
        notes, shape = [], self.shape
        if self.counter.count is None:
            notes.append(f"{self.of_class.__name__} is incomplete: generate works, tokens are estimated")
        if _keeps_state(self.of_class):
            notes.append(
                f"{self.of_class.__name__}: one instance answers every request; the original made one for each"
            )
        if self._is_deaf() or (len(shape.positional) < 4 and not shape.has_varargs and not shape.has_keywords):
            passed = len(shape.positional)
            if not {"max_tokens", "temperature"} <= set(shape.keyword_only):
                notes.append(f"{self.of_class.__name__}.generate_response takes {passed} of the 4 arguments")
        unpassed = self._unpassed()
        if unpassed:
            notes.append(f"{self.of_class.__name__}.generate_response wants `{unpassed[0]}`, which nobody passes")
        return notes


def _raw(of_class, name):
    for each in of_class.__mro__:
        if name in vars(each):
            return vars(each)[name]
    return None


def _keeps_state(of_class):
    """Whether a method other than the constructor sets something on `self`, as far as its code tells."""
    for each in of_class.__mro__:
        for name, value in vars(each).items():
            code = getattr(value, "__code__", None)
            if name == "__init__" or code is None or each.__module__ in ("builtins", "abc", "llm_utils"):
                continue
            if "STORE_ATTR" in _operations(code):
                return True
    return False


def _operations(code):
    import opcode

    return {opcode.opname[code.co_code[at]] for at in range(0, len(code.co_code), 2)}


def _paragraph(text):
    """The first paragraph of a docstring, on one line."""
    if not isinstance(text, str):
        return None
    first = text.strip().partition("\n\n")[0]
    return " ".join(first.split()) or None
