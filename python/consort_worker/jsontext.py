"""JSON that every reader accepts: no lone surrogates, no NaN, nothing that is not JSON."""

import json
from json.encoder import encode_basestring as _quote  # the C version where there is one

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str).encode


def quoted(text):
    """A JSON string as bytes. A token is sent through here, so the usual case is one call."""
    try:
        return _quote(text).encode()
    except UnicodeEncodeError:
        return _quote(whole(text)).encode()


def dumps(value):
    """JSON as bytes. What JSON cannot say is said as text (objects) or null (NaN)."""
    try:
        return _encode(value).encode()
    except (ValueError, TypeError):
        return _encode(_plain(value, 0)).encode()


def whole(text):
    """Joins surrogate pairs and replaces single ones: UTF-8 has neither."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(value, depth):
    if isinstance(value, str):
        return whole(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if depth > 100:  # deeper than any honest answer, or a list that holds itself
        return None
    if isinstance(value, dict):
        return {whole(str(name)): _plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part, depth + 1) for part in value]
    return whole(str(value))


def pieces(text, size=262144):
    """A text in parts that fit into a line."""
    if len(text) <= size:
        return (text,)
    return (text[at : at + size] for at in range(0, len(text), size))
