"""Failures as the protocol says them: a kind that the host acts on, a message for people, and where it was."""

explainers = []  # of a dialect: what gives the failure for an exception that is its alone, or None


class Failure(Exception):
    """A failure that is already in the protocol's words."""

    def __init__(self, kind, message, rpc_code=-32020, **data):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.rpc_code = rpc_code
        self.data = {name: value for name, value in data.items() if value is not None}

    def to_error(self):
        return {"code": self.rpc_code, "message": self.message, "data": {"kind": self.kind, **self.data}}


def failure_of(error, secrets=()):
    """What went wrong, from any exception; `secrets` are blacked out in what people read."""
    if not isinstance(error, Failure):
        # Only now: a worker in which nothing fails never loads what explains failures.
        from .explain import explain

        try:
            error = explain(error)
        except Exception as broken:  # an exception of the plugin that raises when it is looked at
            name, why = type(error).__name__, type(broken).__name__
            error = Failure("plugin_bug", f"{name} (which cannot be looked into: {why})")
    error.message = masked(error.message, secrets)
    for name in ("traceback", "help"):
        if name in error.data:
            error.data[name] = masked(error.data[name], secrets)
    return error


def told(error):
    """An exception as the last line of a traceback has it: of many the words alone say little (KeyError: 'nope')."""
    try:
        said = str(error)
    except Exception:  # an exception whose own text raises
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def masked(text, secrets):
    """What people may read of a text that holds a key, say."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "•••")
    return text
