"""The JSON Schema of a function's parameters, from its annotations."""

_SIMPLE = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}


def schema_of(function):
    import inspect

    properties, required = {}, []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("self", "cls") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        properties[name] = _of(parameter.annotation)
        if parameter.default is parameter.empty:
            required.append(name)
    schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema


def _of(annotation):
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if not isinstance(annotation, str) and getattr(annotation, "__args__", None):
        text = str(annotation)
    text = text.replace("typing.", "").replace(" ", "")
    if text.startswith("Optional[") and text.endswith("]"):
        text = text[9:-1]
    choices = [each for each in text.split("|") if each != "None"] if "[" not in text else [text.split("|None")[0]]
    if len(choices) != 1:
        return {}
    text, _, inner = choices[0].partition("[")
    kind = _SIMPLE.get(text.lower() if text in ("List", "Dict") else text)
    if kind is None:
        return _enum(annotation)
    found = {"type": kind}
    if kind == "array" and inner:
        found["items"] = _of(inner.rstrip("]"))
    return found


def _enum(annotation):
    members = getattr(annotation, "__members__", None)
    return {"enum": [member.value for member in members.values()]} if members else {"type": "string"}
