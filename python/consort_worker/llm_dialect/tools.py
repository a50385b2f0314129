"""Tools that the plugin brings: functions, and toolboxes that keep their state in the worker."""

import json
import sys
import threading

from .. import loop
from ..calls import Cancelled
from ..failures import Failure, told
from .media import part_of
from .package import has_hook
from .unknown import wanted


class Tools:
    def __init__(self, llm):
        self.llm = llm
        self.lock = threading.Lock()
        self.instances = {}
        self.count = 0
        self.kept = None

    def has_any(self):
        return has_hook(self.llm, "register_tools")

    def registered(self):
        with self.lock:
            if self.kept is None:
                self.kept = self.llm.get_tools()
        return self.kept

    def listed(self):
        tools, boxes = [], []
        for name, each in self.registered().items():
            if isinstance(each, type):
                boxes.append(
                    {
                        "name": name,
                        "description": _text(each.__doc__) if each.__doc__ != self.llm.Toolbox.__doc__ else "",
                        "configSchema": self._config_schema(each),
                        "tools": [_described(tool) for tool in self._methods(each)],
                    }
                )
            else:
                tools.append({**_described(each), "name": name})
        return {"tools": tools, "toolboxes": boxes}

    def _methods(self, box):
        """A toolbox's tools before there is an instance of it."""
        if getattr(box.method_tools, "__self__", None) is box:
            return box.method_tools()
        # Older versions of llm tell them by an instance alone.
        names = [name for name in dir(box) if not name.startswith("_") and name not in dir(self.llm.Toolbox)]
        functions = [(name, getattr(box, name)) for name in names if callable(getattr(box, name))]
        return [self.llm.Tool.function(each, name=f"{box.__name__}_{name}") for name, each in functions]

    @staticmethod
    def _of(instance):
        return list(instance.tools() if hasattr(instance, "tools") else instance.method_tools())

    def _config_schema(self, box):
        """A schema from the constructor's parameters, which llm has wrapped in one of its own."""
        made = box.__init__
        cells = [cell.cell_contents for cell in getattr(made, "__closure__", None) or ()]
        original = next((cell for cell in cells if getattr(cell, "__name__", "") == "__init__"), None)
        if getattr(original, "__code__", None) is None:
            return {"type": "object", "properties": {}}
        try:
            return self.llm.Tool.function(original, name=box.__name__).input_schema
        except Exception:  # parameters that no schema can say
            return {"type": "object"}

    def open(self, call):
        params = call.params
        box = self.registered().get(params.get("toolbox"))
        if not isinstance(box, type):
            raise Failure("invalid_request", f"this plugin has no toolbox `{params.get('toolbox')}`")
        instance = box(**(params.get("config") or {}))
        base = self.llm.Toolbox
        if getattr(box, "prepare", None) is not getattr(base, "prepare", None):
            instance.prepare()
        elif getattr(box, "prepare_async", None) is not getattr(base, "prepare_async", None):
            loop.wait(call, instance.prepare_async())
        instance._prepared = instance._async_prepared = True
        with self.lock:
            self.count += 1
            ident = f"t{self.count}"
            self.instances[ident] = instance
        # Again, because prepare may have added some.
        return {"instance": ident, "tools": [_described(tool) for tool in self._of(instance)]}

    def close(self, call):
        with self.lock:
            self.instances.pop(call.params.get("instance"), None)
        return {}

    def call(self, call):
        params = call.params
        tool = self._found(params)
        arguments = params.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise Failure("invalid_request", "arguments must be an object")
        try:
            return self._result(self._run(call, tool, arguments))
        except (Cancelled, Failure):
            raise
        except BaseException as error:  # what a tool raises is for the model to read
            if call.cancelled:
                raise
            import traceback

            traceback.print_exc(file=sys.stderr)
            if wanted(error) is not None:  # no other call by the model would mend it
                raise
            # A tool that calls itself off says why, and that is no fault.
            is_off = type(error).__name__ == "CancelToolCall"
            said = f"Cancelled: {str(error) or type(error).__name__}" if is_off else told(error)
            return {"content": [{"type": "text", "text": said}], "isError": True}

    def _found(self, params):
        name, ident = params.get("name"), params.get("instance")
        if ident is not None:
            instance = self.instances.get(ident)
            if instance is None:
                raise Failure("invalid_request", f"no toolbox is open as `{ident}`")
            found = next((tool for tool in self._of(instance) if tool.name == name), None)
        else:
            found = self.registered().get(name)
            found = None if isinstance(found, type) else found
        if found is None or found.implementation is None:
            raise Failure("invalid_request", f"this plugin has no tool `{name}`")
        return found

    def _run(self, call, tool, arguments):
        from ..shape import Shape

        shape = Shape(tool.implementation)
        if "llm_tool_call" in shape.positional + shape.keyword_only:
            made = self.llm.ToolCall(name=tool.name, arguments=arguments, tool_call_id=call.params.get("id"))
            arguments = {**arguments, "llm_tool_call": made}
        result = tool.implementation(**arguments)
        return loop.wait(call, result) if hasattr(result, "__await__") else result

    def _result(self, result):
        attached = []
        if isinstance(result, getattr(self.llm, "ToolOutput", ())):
            attached, result = result.attachments or [], result.output
        text = result if isinstance(result, str) else json.dumps(result, default=repr)
        return {"content": [{"type": "text", "text": text}, *map(part_of, attached)], "isError": False}


def _described(tool):
    return {
        "name": tool.name,
        "description": _text(tool.description),
        "inputSchema": tool.input_schema or {"type": "object", "properties": {}},
    }


def _text(value):
    return " ".join(value.split()) if isinstance(value, str) else ""
