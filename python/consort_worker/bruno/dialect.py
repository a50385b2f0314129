"""Runs a bruno plugin: its messages, its stream, its models."""

from .. import reply
from ..failures import Failure
from ..loading import open_file, plugin, run_source
from ..page import Page
from ..shape import called
from ..standins import offer
from ..transcript import MEDIA, text_of
from . import memory, providers
from .models import Source, warn_of_taken

# A fallback whose providers have all failed ends like this, as its guide prints it.
_SILENT = "the stream ended without a word; a fallback ends like this where all of its providers failed"


class Bruno:
    def __init__(self, host, config, data_dir):
        self.host = host
        self.config = config
        self.sources = []
        self.notes = []
        self.module = None

    def load(self):
        """Runs the file or finds the package's providers; gives the result of `initialize`."""
        memory.host = self.host
        if self.config.get("package"):
            offer()
            offered, notes = providers.from_package(self.config["package"], self.config)
        else:
            source = open_file(self.config["file"])
            offer()
            self.module = run_source(source, Page(source, plugin.file, _NAMES))
            from bruno_core.interfaces import LLMInterface

            offered, notes = providers.choose(self.module, LLMInterface, self.config)
        from bruno_core import models

        self.words = models
        self.notes.extend(notes)
        self.sources = [Source(name, made, plugin.name) for name, made in offered]
        own = self.sources[0]
        if own.recipe is not None and own.recipe.has_keys():
            own.get(own.default_name())  # what its constructor lacks is known at once
        version, about = getattr(self.module, "__version__", None), getattr(self.module, "__doc__", None)
        return {
            "plugin": {
                "name": plugin.name,
                "version": version if isinstance(version, str) else None,
                "description": " ".join(about.strip().partition("\n\n")[0].split()) if about else None,
            },
            "capabilities": {"generate": True, "countTokens": True},
            "notes": self.notes,
        }

    def models_list(self, call):
        changed = (lambda: self.host.notify("models/changed", {})) if self.host else (lambda: None)
        notes = [note for note in (source.refresh(changed) for source in self.sources) if note]
        cards = {}
        for source in self.sources:
            for ident, model in source.models.items():
                if ident in cards:
                    warn_of_taken(ident, source.name or plugin.name)
                cards.setdefault(ident, model.card())
        return {"models": list(cards.values()), **({"notes": notes} if notes else {})}

    def generate(self, call):
        """In the request's own thread: for methods that are no coroutines."""
        model, returned = self._asked(call)
        return reply.send(call, returned, self._line(model, call), _SILENT)

    def generate_on_loop(self, params):
        """The coroutine function to serve a request by, where the plugin's method is one."""
        model = self._found(params.get("model"))
        if model is None:
            return None
        _, shape = model.method(params.get("stream") is not False)
        return self._generate_async if shape is None or shape.is_async else None

    async def _generate_async(self, call):
        model, returned = self._asked(call)
        return await reply.send_async(call, returned, self._line(model, call), _SILENT)

    def _asked(self, call):
        """Calls the plugin's `stream`, or `generate` where nobody wants a stream."""
        params = call.params
        model = self._model(params)
        self._refuse(model, params)
        llm = model.get(params.get("secrets"))
        name, shape = model.method(params.get("stream") is not False)
        options = model.options(params, shape)
        return model, called(getattr(llm, name), self._messages(params), **options)

    def _line(self, model, call):
        _, shape = model.method(call.params.get("stream") is not False)
        return shape.line if shape else 1

    def tokens_count(self, call):
        model = self._model(call.params)
        texts = [text_of(message) for message in call.params.get("messages") or ()]
        texts.append(call.params.get("system") or "")
        tokens, exact = model.counter.tokens(call, [text for text in texts if text])
        return {"tokens": tokens, "exact": exact}

    def _found(self, ident):
        for source in self.sources:
            for model in source.models.values():
                if ident == model.ident or ident in model.aliases:
                    return model
        return None

    def _model(self, params):
        ident = params.get("model")
        model = self._found(ident)
        if model is None:  # one that the host knows from an earlier list
            self.models_list(None)
            model = self._found(ident)
        if model is None:
            raise Failure("model_not_found", f"this plugin has no model `{ident}`")
        return model

    def _refuse(self, model, params):
        """What this contract has no place for, in case the host did not look at the card."""
        last = (params.get("messages") or [{}])[-1].get("content")
        media = [part["type"] for part in last if part.get("type") in MEDIA] if isinstance(last, list) else []
        if params.get("tools") or params.get("output") is not None or media:
            what = "tools" if params.get("tools") else media[0] if media else "structured output"
            raise Failure("unsupported", f"{model.ident} is a provider of bruno: text only, no {what}")

    def _messages(self, params):
        """The conversation as bruno's messages. The real Message refuses an empty text, so such a one is left out."""
        made, roles = [], {"developer": "system", "tool": "user"}
        if params.get("system"):
            made.append(("system", params["system"]))
        for message in params.get("messages") or ():
            role = message.get("role") or "user"
            made.append((roles.get(role, role), text_of(message)))
        kind, role_of = self.words.Message, self.words.MessageRole
        return [kind(role=role_of(role), content=text) for role, text in made if text.strip()]


_NAMES = {"memory": memory.make}
