"""Runs a plugin of `llm`: what the worker asks of a dialect, handed to the modules beside."""

import os
import tempfile

from .. import loop
from ..failures import Failure, explainers, failure_of
from . import embedding, loaders, package, unknown
from .cards import embedding_card, model_card
from .generate import Generation
from .keys import Keys
from .registry import Registry
from .tools import Tools


class Llm:
    def __init__(self, host, config, data_dir):
        self.host = host
        self.config = config
        self.user_path = os.path.join(data_dir or tempfile.mkdtemp(prefix="consort-llm-"), "llm")
        self.llm = None
        self.notes = []

    def load(self):
        """Brings llm up and registers the plugin; gives the result of `initialize`."""
        self.llm = llm = package.start(self.user_path)
        explainers.append(unknown.failure)
        self.keys = Keys(llm, self.host)
        if self.config.get("file"):
            about = package.load_file(llm, self.config["file"], self.notes)
        else:
            about = package.load_package(llm, self.config.get("package") or "")
        self.registry = Registry(llm, lambda: self.host.notify("models/changed", {}))
        self.tools = Tools(llm)
        capabilities = {
            "generate": self.registry.has_models(),
            "embed": self.registry.has_embedding(),
            "tools": self.tools.has_any(),
            "templates": sorted(loaders.known(llm, "template")),
            "fragments": sorted(loaders.known(llm, "fragment")),
            "commands": self._commands(),
        }
        self.keys.may_ask = True
        if isinstance(about["description"], str):
            about["description"] = " ".join(about["description"].strip().partition("\n\n")[0].split()) or None
        return {
            "plugin": about,
            # What is not there is absent.
            "capabilities": {name: value for name, value in capabilities.items() if value},
            "notes": self.notes,
        }

    def _commands(self):
        try:
            return package.commands(self.llm)
        except Exception as error:  # commands are beside the point, its models still work
            self.notes.append(f"its commands cannot be told: {type(error).__name__}: {error}")
            return []

    def models_list(self, call):
        self.keys.ask_anew()
        listed, error = self.registry.listed(fresh=True)
        models, embedders = listed
        asked, lacked = self.keys.of_list()
        cards = [model_card(entry) for entry in models.values()]
        cards += [embedding_card(entry) for entry in embedders.values()]
        if error is not None and (not lacked or (not cards and _has_another_reason(error, lacked))):
            raise error
        if not asked:
            return {"models": cards}
        # Also where the key was there: the host is to know next time where else to look for it.
        variables = [variable for variable in asked.values() if variable]
        needs = {"secrets": list(asked), **({"env": variables} if variables else {})}
        # Many plugins ask their server what models there are. Without the key that is none, or an error.
        notes = [f"asked for the key `{name}` to list its models, and did not get it" for name in lacked]
        if error is not None:
            notes.append(f"its list broke off: {failure_of(error).message}")
        return {"models": cards, "needs": needs, **({"notes": notes} if notes else {})}

    def _found(self, look, call):
        """What the call names. Where its list wanted a key that is not there, that is why it is not found."""
        name = call.params.get("model")
        try:
            return look(name, call)
        except Failure as failure:
            lacked = next(iter(self.keys.of_list()[1]), None)
            if failure.kind != "model_not_found" or lacked is None:
                raise
            from ..loading import missing_key

            words = f"`{name}` is not listed without the key `{lacked}`"
            raise Failure("setup", words, **missing_key(lacked)) from None

    def generate(self, call):
        entry = self._found(self.registry.model, call)
        model = entry.for_stream(call.params.get("stream") is not False)
        generation = Generation(self.llm, self.host, call, model, self.keys)
        if generation.asynchronous:
            return loop.wait(call, generation.run_async())
        return generation.run()

    def generate_on_loop(self, params):
        """The coroutine function to serve a request by, where the model is known and asynchronous."""
        entry = self.registry.known(params.get("model"))
        if entry is None:
            return None
        model = entry.for_stream(params.get("stream") is not False)
        if model is not entry.asynchronous:
            return None

        async def generate(call):
            return await Generation(self.llm, self.host, call, model, self.keys).run_async()

        return generate

    def embed(self, call):
        entry = self._found(self.registry.embedding_model, call)
        return embedding.embed(self.llm, call, entry.sync, self.keys)

    def tools_list(self, call):
        return self.tools.listed()

    def tools_open(self, call):
        return self.tools.open(call)

    def tools_call(self, call):
        return self.tools.call(call)

    def tools_close(self, call):
        return self.tools.close(call)

    def templates_load(self, call):
        return loaders.load_template(self.llm, call.params)

    def fragments_load(self, call):
        return loaders.load_fragments(self.llm, call.params)


def _has_another_reason(error, lacked):
    """Whether what broke the list off lacks something of its own, and not just one of these keys."""
    missing = failure_of(error).data.get("missing")
    words = [word for name, variable in lacked.items() for word in (f"`{name}`", variable) if word]
    return missing is not None and not any(word in missing for word in words)
