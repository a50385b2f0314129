"""Runs a plugin of Vision Agents: its models, its answers, its own tools, its live sessions."""

from .. import loop
from ..failures import Failure, told
from ..loading import open_file, plugin, run_source
from ..page import Page
from ..shape import Shape
from ..standins import offer
from ..transcript import MEDIA, text_of
from . import models, real
from .names import NAMES
from .turn import Turn, answer


class Vision:
    def __init__(self, host, config, data_dir):
        self.host = host
        self.config = config
        self.sources = {}
        self.notes = []
        self.mended = []
        self._sessions = None

    def load(self):
        """Runs the file; gives the result of `initialize`."""
        if self.config.get("package"):
            raise Failure("unsupported", "a plugin of Vision Agents is a file, not a package")
        source = open_file(self.config["file"])
        is_real = real.is_installed()
        if is_real:
            # Not even last on the path: the real one is no regular package, and would be hidden by one that is.
            real.mend()
        else:
            offer()
        page = Page(source, plugin.file, NAMES, mend_awaits=True)
        module = self.module = run_source(source, page)
        self.mended = [
            f"line {line}: `{name}(…)` is a coroutine that nobody awaits; it is awaited here"
            for line, name in page.mended
        ]
        self.notes.extend(self.mended)
        self.sources = {source.ident: source for source in models.choose(module, self.config)}
        own = next(iter(self.sources.values()))
        if not own.is_realtime and own.recipe is not None and own.recipe.has_keys():
            # What its constructor lacks is known at once.
            real.made(own.get) if is_real else own.get()
        version, about = getattr(module, "__version__", None), getattr(module, "__doc__", None)
        capabilities = {"generate": True, "tools": bool(real.functions_of(self._functions()))}
        if any(source.is_realtime for source in self.sources.values()):
            capabilities["realtime"] = True
        return {
            "plugin": {
                "name": plugin.name,
                "version": version if isinstance(version, str) else None,
                "description": " ".join(about.strip().partition("\n\n")[0].split()) if about else None,
            },
            "capabilities": {name: value for name, value in capabilities.items() if value},
            "notes": self.notes,
        }

    def models_list(self, call):
        return {"models": [source.card() for source in self.sources.values()]}

    def generate(self, call):
        return loop.wait(call, self._generate(call))

    def generate_on_loop(self, params):
        return self._generate

    async def _generate(self, call):
        source = self._source(call.params)
        self._refuse(source, call.params)
        llm = source.get(call.params.get("secrets"))
        for warning in self.take_mended():
            call.event(type="warning", message=warning)
        text = text_of((call.params.get("messages") or [{}])[-1])
        turn = Turn(call, self.tools_of(call.params, {"request": call.ident}), self.given(llm, call.params))
        return await answer(turn, llm, text, self.named(llm.simple_response, call.params))

    def take_mended(self):
        """What was mended in the file, which is said once."""
        mended, self.mended = self.mended, []
        return mended

    def given(self, llm, params):
        """What an instance reads from itself, for one request or session."""
        from .history import conversation_of

        return {"_instructions": params.get("system") or "", "_conversation": conversation_of(llm, params),
                "processors": self.processors()}

    def processors(self):
        """Those of the file, where it has a list of them."""
        of_file = vars(self.module).get("processors")
        return list(of_file) if isinstance(of_file, (list, tuple)) else []

    def named(self, method, params):
        """Processors and participant, where the method takes them."""
        shape, named = Shape(method), {}
        if shape.takes("processors") and not shape.has_keywords:
            named["processors"] = self.processors()
        if shape.takes("participant"):
            from .history import participant_of

            named["participant"] = participant_of(params)
        return named

    def tools_of(self, params, owner):
        """The host's tools as functions that a model can call; what they do is done, and kept, by the host."""

        def tool(name):
            async def run(**arguments):
                self.runs = getattr(self, "runs", 0) + 1
                asked = {**owner, "id": f"run_{self.runs}", "name": name, "arguments": arguments}
                result = await self.host.ask_async("tools/run", asked)
                parts = result.get("content") or ()
                text = "\n".join(part.get("text") or "" for part in parts if part.get("type") == "text")
                if result.get("isError"):
                    raise RuntimeError(text or "the tool failed")
                return text

            return run

        if params.get("toolChoice") == "none":
            return {}
        empty = {"type": "object", "properties": {}}
        return {
            each["name"]: (tool(each["name"]), each.get("description") or "", each.get("inputSchema") or empty)
            for each in params.get("tools") or ()
        }

    # -- live sessions ------------------------------------------------------------------------------------------

    @property
    def sessions(self):
        if self._sessions is None:
            from .sessions import Sessions

            self._sessions = Sessions(self, self.host)
        return self._sessions

    def realtime_open(self, call):
        return loop.wait(call, self._open(call))

    def realtime_open_on_loop(self, params):
        return self._open

    async def _open(self, call):
        source = self._source(call.params)
        if not source.is_realtime:
            raise Failure("unsupported", f"{source.ident} is a text model: it has no live sessions")
        return await self.sessions.open(call, source)

    def realtime_input(self, params):
        self.sessions.input(params)

    def realtime_close(self, call):
        return self.sessions.close(call)

    # -- the plugin's own functions, for other models -----------------------------------------------------------

    def _functions(self):
        """The registry of the file's own model, once there is one."""
        own = next(iter(self.sources.values()))
        llm = next(iter(own.instances.values()), None)
        return getattr(llm, "function_registry", None)

    def tools_list(self, call):
        registry = self._functions()
        tools = [
            {"name": each["name"], "description": each["description"], "inputSchema": each["parameters_schema"]}
            for each in (registry.get_tool_schemas() if registry else ())
        ]
        return {"tools": tools, "toolboxes": []}

    def tools_call(self, call):
        name, registry = call.params.get("name"), self._functions()
        if registry is None or name not in real.functions_of(registry):
            raise Failure("invalid_request", f"this plugin has no tool `{name}`")
        try:
            result = registry.get_callable(name)(**(call.params.get("arguments") or {}))
            result = loop.wait(call, result) if hasattr(result, "__await__") else result
        except Exception as error:  # what a tool raises is for the model to read
            if call.cancelled:
                raise
            return {"content": [{"type": "text", "text": told(error)}], "isError": True}
        import json

        text = result if isinstance(result, str) else json.dumps(result, default=repr)
        return {"content": [{"type": "text", "text": text}], "isError": False}

    # -- the rest -----------------------------------------------------------------------------------------------

    def _source(self, params):
        source = self.sources.get(params.get("model"))
        if source is None:
            raise Failure("model_not_found", f"this plugin has no model `{params.get('model')}`")
        return source

    def _refuse(self, source, params):
        """What this contract has no place for, in case the host did not look at the card."""
        last = (params.get("messages") or [{}])[-1].get("content")
        media = [part["type"] for part in last if part.get("type") in MEDIA] if isinstance(last, list) else []
        if params.get("output") is not None or media:
            what = media[0] if media else "structured output"
            raise Failure("unsupported", f"{source.ident} is a model of Vision Agents: text and tools, no {what}")
        if params.get("options"):
            raise Failure("invalid_request", f"{source.ident} has no option `{next(iter(params['options']))}`")
