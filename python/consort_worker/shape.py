"""The shape of a function: its parameters, and whether it is a generator or a coroutine."""

_VARARGS, _VARKEYWORDS, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200


class Shape:
    """What one may pass to a bound method or function. `self` does not count."""

    def __init__(self, function):
        self.positional = []  # names, in order
        self.keyword_only = []
        self.defaults = {}
        self.has_varargs = False
        self.has_keywords = False
        self.is_generator = self.is_async = self.line = None
        self.known = self._read(function)

    def required(self):
        """Parameters without a default."""
        return [name for name in self.positional + self.keyword_only if name not in self.defaults]

    def takes(self, name):
        return self.has_keywords or name in self.positional or name in self.keyword_only

    def _read(self, function):
        bound = getattr(function, "__self__", None) is not None
        plain = getattr(function, "__func__", function)
        code = getattr(plain, "__code__", None)
        if code is None or hasattr(plain, "__wrapped__"):
            return self._ask_inspect(function)
        names = code.co_varnames
        self.positional = list(names[: code.co_argcount])
        self.keyword_only = list(names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])
        defaults = plain.__defaults__ or ()
        if defaults:
            self.defaults.update(zip(self.positional[-len(defaults) :], defaults))
        self.defaults.update(plain.__kwdefaults__ or {})
        if bound:
            self.positional = self.positional[1:]
        self._flags(code)
        self.has_varargs = bool(code.co_flags & _VARARGS)
        self.has_keywords = bool(code.co_flags & _VARKEYWORDS)
        return True

    def _flags(self, code):
        self.is_generator = bool(code.co_flags & (_GENERATOR | _ASYNC_GENERATOR))
        self.is_async = bool(code.co_flags & (_COROUTINE | _ASYNC_GENERATOR))
        self.line = code.co_firstlineno

    def _ask_inspect(self, function):
        """Decorated functions, partials and callable objects: rare enough to load `inspect` for."""
        import inspect

        inner = inspect.unwrap(getattr(function, "__func__", function))
        if getattr(inner, "__code__", None) is not None:
            self._flags(inner.__code__)
        try:
            # Not through the wrapper: what is called is the wrapper, and only it knows what it takes.
            signature = inspect.signature(function, follow_wrapped=False)
        except (TypeError, ValueError):
            self.has_varargs = True
            return False
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                self.has_varargs = True
            elif parameter.kind is parameter.VAR_KEYWORD:
                self.has_keywords = True
            else:
                keyword = parameter.kind is parameter.KEYWORD_ONLY
                (self.keyword_only if keyword else self.positional).append(name)
                if parameter.default is not parameter.empty:
                    self.defaults[name] = parameter.default
        return True


def called(method, *given, **named):
    """What a method of the plugin returns. One that cannot be called so says where it stands."""
    try:
        return method(*given, **named)
    except TypeError as error:
        if error.__traceback__.tb_next is not None:  # it was called, and failed inside
            raise
        from .failures import Failure
        from .source import place

        raise Failure("plugin_bug", f"it cannot be called as the contract has it: {error}",
                      at=place(method, Shape(method).line)) from None


_SIMPLE = {bool: "boolean", int: "integer", float: "number", str: "string"}


def option_schema(default):
    """A JSON Schema for an option from its default, or None where the default is nothing simple."""
    kind = _SIMPLE.get(type(default))
    if kind is not None:
        return {"type": kind, "default": default}
    return {} if default is None else None
