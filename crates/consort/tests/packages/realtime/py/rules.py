"""A vendor's rules for what it is sent, field by field: what is unknown, is missing or has the wrong value breaks one."""
import base64
import re


class Broken(Exception):
    def __init__(self, where, what):
        super().__init__(f"{where}: {what}")


def fields(value, where, needed=(), **known):
    """An object has these fields and no other, each as its rule wants it; `needed` names those that must be there."""
    if not isinstance(value, dict):
        raise Broken(where, f"no object but {value!r}")
    for name in needed:
        if name not in value:
            raise Broken(where, f"`{name}` is missing")
    for name, field in value.items():
        rule = known.get(name)
        if rule is None:
            raise Broken(where, f"unknown field `{name}`")
        rule(field, f"{where}.{name}")
    return value


def text(value, where):
    if not isinstance(value, str):
        raise Broken(where, f"no text but {value!r}")


def filled(value, where):
    text(value, where)
    if not value:
        raise Broken(where, "empty")


def whole(value, where):
    if type(value) is not int or value < 0:
        raise Broken(where, f"no whole number but {value!r}")


def schema(value, where):
    if not isinstance(value, dict) or value.get("type") != "object":
        raise Broken(where, f"no schema of an object but {value!r}")


def one_of(*allowed):
    def rule(value, where):
        if value not in allowed:
            raise Broken(where, f"{value!r} is none of {allowed}")

    return rule


def each(rule):
    def rules(value, where):
        if not isinstance(value, list):
            raise Broken(where, f"no list but {value!r}")
        for at, item in enumerate(value):
            rule(item, f"{where}[{at}]")

    return rules


def of(needed=(), **known):
    return lambda value, where: fields(value, where, needed, **known)


def sound(value, where):
    """16-bit samples in the usual base64, which are whole and not nothing."""
    text(value, where)
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", value) or len(value) % 4:
        raise Broken(where, "no base64")
    if len(base64.b64decode(value)) % 2:
        raise Broken(where, "half a sample")


class Once:
    """Faults that happen to the first connection that may have them, vendor by vendor."""

    vanished = left = 0

    @classmethod
    def vanishes(cls):
        cls.vanished += 1
        return cls.vanished == 1

    @classmethod
    def leaves(cls):
        cls.left += 1
        return cls.left == 1
