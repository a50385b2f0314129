"""One request to a model of llm: its prompt, its run, its answer."""

from ..failures import Failure
from . import execute, kept
from .history import History, taken
from .package import is_a
from .proxies import tools_for
from .stream import Emitter
from .usage import finish_reason, usage_of, vendor_reason


class Generation:
    """A prompt and a response of llm, made from one request."""

    def __init__(self, llm, host, call, model, keys):
        self.llm = llm
        self.call = call
        self.model = model
        models, params = llm.models, call.params
        self.asynchronous = is_a(model, models, "AsyncModel", "AsyncKeyModel")
        keys.grant(params.get("secrets"), [model])
        history = History(llm, params, model)
        self._check_attachments(history.now.attachments)
        options, warnings = self._options(params)
        tools = tools_for(llm, host, call, lambda: self.emitter, self.asynchronous)
        schema, more = self._schema(params, options)
        named = {
            "attachments": history.now.attachments,
            "system": history.system,
            "options": self._checked(options),
            "schema": schema,
            "tools": tools,
            "tool_results": history.now.tool_results,
        }
        if hasattr(llm, "parts") and hasattr(models.Prompt, "messages"):
            named["messages"] = history.new_messages()
            named["hide_reasoning"] = (params.get("reasoning") or {}).get("show") is False
        self.asked = kept.asked(history.system, options)
        prompt = models.Prompt(history.now.text, model, **taken(models.Prompt, named))
        conversation = history.conversation(prompt, self.asynchronous)
        kind = models.AsyncResponse if self.asynchronous else models.Response
        self.stream = params.get("stream") is not False and bool(model.can_stream)
        key = (params.get("secrets") or {}).get(model.needs_key) if getattr(model, "needs_key", None) else None
        try:
            self.response = kind(prompt, model, self.stream, **taken(kind, {"conversation": conversation, "key": key}))
        except ValueError as error:  # no schemas, no tools, no conversation
            raise Failure("unsupported", str(error)) from error
        self.arguments = {"stream": self.stream, "response": self.response, "conversation": conversation}
        if is_a(model, models, "KeyModel", "AsyncKeyModel"):
            self.arguments["key"] = model.get_key(key)
        self.prompt = prompt
        stream_event = getattr(getattr(llm, "parts", None), "StreamEvent", None)
        self.emitter = Emitter(call, self.response, stream_event, model, self.asked)
        for warning in warnings + more:
            call.event(type="warning", message=warning)

    # -- what goes in -------------------------------------------------------------------------------------------

    def _check_attachments(self, attachments):
        check = getattr(self.model, "_validate_attachments", None)
        if attachments and check is not None:
            try:
                check(attachments)
            except ValueError as error:
                raise Failure("unsupported", str(error)) from error

    def _options(self, params):
        options, warnings = dict(params.get("options") or {}), []
        fields = getattr(self.model.Options, "model_fields", {})
        effort = (params.get("reasoning") or {}).get("effort")
        if effort is not None:
            if "reasoning_effort" in fields:
                options.setdefault("reasoning_effort", effort)
            else:
                warnings.append(f"{self.model.model_id} has no setting for reasoning effort")
        if params.get("toolChoice") == "required" or isinstance(params.get("toolChoice"), dict):
            warnings.append("a plugin of llm cannot be made to call a tool; it was left to the model")
        return options, warnings

    def _schema(self, params, options):
        output = params.get("output")
        if output is None:
            return None, []
        schema = output.get("schema")
        if schema is None:
            if "json_object" in getattr(self.model.Options, "model_fields", {}):
                options.setdefault("json_object", True)
                return None, []
            return None, [f"{self.model.model_id} cannot be made to answer in JSON without a schema"]
        return schema, []

    def _checked(self, options):
        try:
            return self.model.Options(**options)
        except ValueError as error:  # pydantic's ValidationError is one
            raise Failure("invalid_request", _told(error)) from None

    # -- what comes out -----------------------------------------------------------------------------------------

    def run(self):
        """Runs a model in the request's own thread."""
        chunks = execute.started(self.llm, self.model, self.prompt, self.arguments)
        if isinstance(chunks, str) or chunks is None:
            self._whole(chunks)
        else:
            take = self.emitter.taker(execute.plain(self.llm, self.model, chunks))
            try:
                for chunk in chunks:
                    take(chunk)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()
        self._finished()
        done = self.response._on_done()
        if hasattr(done, "close"):
            done.close()
        return self.result()

    async def run_async(self):
        """Runs an asynchronous model on the loop."""
        chunks = execute.started(self.llm, self.model, self.prompt, self.arguments)
        if hasattr(chunks, "__await__"):
            chunks = await chunks
        if isinstance(chunks, str) or chunks is None:
            self._whole(chunks)
        elif hasattr(chunks, "__aiter__"):
            take = self.emitter.taker(chunks)
            try:
                async for chunk in chunks:
                    take(chunk)
            finally:
                close = getattr(chunks, "aclose", None)
                if close is not None:
                    await close()
        else:
            take = self.emitter.taker(execute.iterable(self.model, chunks))
            for chunk in chunks:
                take(chunk)
        self._finished()
        await self.response._on_done()
        return self.result()

    def _whole(self, returned):
        """execute() that is no generator: llm would take a text letter by letter."""
        if returned is None:
            if getattr(self.response, "_tool_calls", ()):
                return
            raise execute.nothing(self.model)
        self.emitter.chunk(returned)

    def _finished(self):
        """What llm's own iteration leaves behind when it is through."""
        response = self.response
        response._done = True
        if response.conversation is not None:
            response.conversation.responses.append(response)

    def result(self):
        response = self.response
        calls = self.emitter.finish(kept.said(response.response_json, self.asked))
        vendor = vendor_reason(response.response_json)
        if (self.call.params.get("meta") or {}).get("raw") and response.response_json is not None:
            self.call.event(type="raw", value=response.response_json)
        result = {"finishReason": finish_reason(vendor, calls)}
        if vendor is not None:
            result["vendorReason"] = vendor
        usage = usage_of(response)
        if usage is not None:
            result["usage"] = usage
        resolved = getattr(response, "resolved_model", None)
        if resolved:
            result["model"] = str(resolved)
        return result


def _told(error):
    """pydantic's complaint in one line, by the option's name."""
    try:
        first = error.errors()[0]
        name = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
    except (AttributeError, LookupError, TypeError):
        return str(error)
    if first.get("type") == "extra_forbidden":
        return f"there is no option `{name}`"
    return f"option `{name}`: {message}" if name else message
