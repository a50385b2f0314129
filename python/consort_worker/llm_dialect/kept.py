"""What travels with the parts of an answer, for the turns that come after: its vendor's own, and what it was asked with.

The host sends earlier turns as messages, and the system prompt and the options of the present one alone. It gives back
unchanged what a part was sent with, and that holds the rest: what was asked goes with the first part, so that an answer
that is cut has it, and what the vendor said with the last.
"""

import json

_MOST = 32 * 1024  # letters of a turn; they come back with every later one


def asked(system, options):
    """What is kept of a turn when it begins. No system prompt is said too: what is not known is another thing."""
    found = _fitting("system", system or None, _MOST)
    if options:
        found |= _fitting("options", options, _MOST - _size(found))
    return found


def said(response_json, beside):
    """What is kept of it at its end, beside what is already: the vendor's own words, or nothing."""
    return _fitting("response_json", response_json, _MOST - _size(beside)) if response_json else {}


def _fitting(name, value, room):
    """{name: value}; nothing where that is too long, or where JSON cannot say it."""
    try:
        return {name: value} if _size(value) <= room else {}
    except (TypeError, ValueError):
        return {}


def _size(value):
    return len(json.dumps(value))


def of_part(part):
    """What this worker itself gave with the part; another vendor's is not ours to read."""
    found = {}
    for each in _values(part.get("opaque")):
        if not isinstance(each, dict):
            continue
        for name, value in each.items():
            before = found.get(name)
            both = isinstance(before, dict) and isinstance(value, dict)
            found[name] = {**before, **value} if both else value
    return found


def _values(opaque):
    """JSON values one behind the other: the host joins what several events of one part came with."""
    decoder, at = json.JSONDecoder(), 0
    while isinstance(opaque, str) and at < len(opaque):
        try:
            value, at = decoder.raw_decode(opaque, at)
            if isinstance(value, str):  # each of several is a text again
                value = json.loads(value)
        except ValueError:
            return
        yield value


def options_of(model, kept, present):
    """The options of an earlier turn: the defaults where they are not known or are another version's, and the present
    ones where the model has an option without a default."""
    for options in (kept.get("options") or {}, {}):
        try:
            return model.Options(**options)
        except (TypeError, ValueError):  # pydantic's ValidationError is a ValueError
            continue
    return present


def system_of(kept, present):
    """The system prompt of an earlier turn: the present one where nobody kept it, as of a turn that another model answered."""
    system = kept.get("system", present)
    return system if system is None or isinstance(system, str) else present
