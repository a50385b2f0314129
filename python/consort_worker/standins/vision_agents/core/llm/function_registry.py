"""Functions that a model may call: those that its file registers, and the tools that came with a request."""

from consort_worker.vision.current import current

from .schemas import schema_of


class FunctionRegistry:
    def __init__(self):
        self.functions = {}  # name -> (function, description, schema)

    def register(self, name=None, description=None, parameters_schema=None):
        def decorator(function):
            known_as = name or function.__name__
            said = description or (function.__doc__ or "").strip()
            self.functions[known_as] = (function, said, parameters_schema or schema_of(function))
            return function

        return decorator

    def list_functions(self):
        return list(self._all())

    def get_function(self, name):
        return self._all().get(name)

    def get_tool_schemas(self):
        return [
            {"name": name, "description": said, "parameters_schema": schema}
            for name, (_, said, schema) in self._all().items()
        ]

    def get_callable(self, name):
        found = self._all().get(name)
        if found is None:
            raise KeyError(f"Function '{name}' is not registered")
        return found[0]

    async def call_function(self, name, arguments):
        returned = self.get_callable(name)(**arguments)
        return await returned if hasattr(returned, "__await__") else returned

    def clear(self):
        self.functions.clear()

    def _all(self):
        """The host's tools hide functions of the same name: what runs through the host is on record."""
        request = current.get()
        return {**self.functions, **request.tools} if request is not None and request.tools else self.functions


function_registry = FunctionRegistry()
