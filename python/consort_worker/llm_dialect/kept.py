"""What a turn was asked with, and what its vendor said: kept with its answer, for the turns that come after.

The host sends earlier turns as messages, and the system prompt and the options of the present one alone. It gives back
unchanged what a part was sent with, and that holds the rest.
"""

import json

_MOST = 32 * 1024  # letters; it comes back with every later turn


def of_turn(system, options, response_json):
    """What is worth keeping of a turn, or None. What is too long is left out, the vendor's own words first."""
    found = {"system": system, "options": options, "response_json": response_json}
    found = {name: value for name, value in found.items() if value}
    for dropped in ("response_json", "system", "options"):
        if not found:
            return None
        try:
            if len(json.dumps(found)) <= _MOST:
                return found
        except (TypeError, ValueError):  # something that JSON cannot say
            pass
        found.pop(dropped, None)
    return found or None


def options_of(model, kept):
    """The options of an earlier turn; the defaults where they are not known, or another version of the model has others."""
    try:
        return model.Options(**(kept.get("options") or {}))
    except (TypeError, ValueError):  # pydantic's ValidationError is a ValueError
        return model.Options()


def system_of(kept):
    system = kept.get("system")
    return system if isinstance(system, str) else None
