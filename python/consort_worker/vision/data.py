"""Values of a vendor's library as data: what JSON can say is kept, what it cannot is named."""

from .. import frames
from ..failures import told

_DEEPEST = 12
_LONGEST = 100_000  # letters
_MOST = 10_000  # items of a list


def plain(value, depth=0):
    """The value, or `{"omitted": what it was}` in its place."""
    if isinstance(value, str) and len(value) > _LONGEST:
        return {"omitted": f"a text of {len(value)} letters"}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth >= _DEEPEST:
        return {"omitted": "nested too deeply"}
    if isinstance(value, dict):
        return {str(name): plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) and len(value) > _MOST:
        return {"omitted": f"a list of {len(value)}"}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if type(value).__name__ == "Participant":
        return {"user_id": getattr(value, "user_id", None), "id": getattr(value, "id", None)}
    for name in ("model_dump", "to_dict"):  # pydantic, and what vendors name it
        dump = getattr(value, name, None)
        if callable(dump) and not isinstance(value, type):
            try:
                dumped = dump()
            except Exception:
                continue
            if isinstance(dumped, dict):
                return plain(dumped, depth + 1)
    return {"omitted": type(value).__name__}


def event(sent):
    """An event of the plugin: its class and the fields that were set, as the plugin claims them."""
    if isinstance(sent, dict):
        return {"event": None, "type": plain(sent.get("type")), "fields": plain(sent)}
    fields = {
        name: plain(value)
        for name, value in getattr(sent, "__dict__", {}).items()
        if not name.startswith("_") and name != "type"
    }
    kind = getattr(sent, "type", None)
    return {"event": type(sent).__name__, "type": kind if isinstance(kind, str) else None, "fields": fields}


_COUNTS = (("inputTokens", "input_tokens"), ("outputTokens", "output_tokens"), ("totalTokens", "total_tokens"))


def usage(done):
    """The tokens that an event or item counts; what cannot be a count says nothing."""
    found = {ours: getattr(done, theirs, None) for ours, theirs in _COUNTS}
    return {name: count for name, count in found.items() if type(count) is int and 0 <= count < 2**53}


def is_odd(sent):
    """Whether what was sent on the bus is no event of anybody's: events say their type."""
    return not isinstance(sent, dict) and not isinstance(getattr(sent, "type", None), str)


def odd(sent):
    return f"{type(sent).__name__} is no event that anybody here knows{at()}; it counts for nothing"


def at():
    """` at file:line`, where the plugin's own code is running."""
    place = frames.here()
    return f" at {place}" if place else ""


def kind(error, what):
    """What a failure of this is known by, whatever its words are: they may differ each time."""
    return what, type(error).__name__, frames.where(error)[0]


def failed(error):
    """What went wrong, and where in the plugin's own code."""
    place, _ = frames.where(error)
    return told(error) + (f" ({place})" if place else "")
