"""What is told about a model: its card, and its options as a plain JSON Schema."""


def model_card(entry):
    model = entry.any
    types = sorted(model.attachment_types or ())
    card = {
        "id": entry.model_id,
        "aliases": list(entry.aliases),
        "name": entry.model_id,
        "kind": "chat",
        "capabilities": {
            "stream": bool(model.can_stream),
            "tools": bool(getattr(model, "supports_tools", False)),
            "structuredOutput": "json_schema" if getattr(model, "supports_schema", False) else "none",
            "input": ["text", *types, *_other_names(types)],
            "output": ["text"],
        },
        "optionsSchema": options_schema(model),
    }
    # A model that has its key already asks for none.
    return _described(card, model, getattr(model, "key", None))


def embedding_card(entry):
    model = entry.sync
    card = {
        "id": entry.model_id,
        "aliases": list(entry.aliases),
        "name": entry.model_id,
        "kind": "embedding",
        "capabilities": {
            "input": (["text"] if model.supports_text else []) + (["*/*"] if model.supports_binary else [])
        },
    }
    # Of the class alone: with older versions of llm an instance has a key for as long as it answers.
    return _described(card, model, getattr(type(model), "key", None))


def _described(card, model, own_key):
    text = type(model).__doc__
    if isinstance(text, str) and text.strip():
        card["description"] = " ".join(text.strip().partition("\n\n")[0].split())
    needs = {}
    if getattr(model, "needs_key", None) and own_key is None:
        needs["secrets"] = [model.needs_key]
        if getattr(model, "key_env_var", None):
            needs["env"] = [model.key_env_var]
    if needs:
        card["needs"] = needs
    return card


def _other_names(types):
    """llm itself calls an MP3 file audio/mpeg; plugins that say audio/mp3 mean the same."""
    return ["audio/mpeg"] if "audio/mp3" in types and "audio/mpeg" not in types else []


def options_schema(model):
    try:
        schema = model.Options.model_json_schema()
    except Exception:  # options of types that have no JSON Schema: they can still be given
        return {"type": "object"}
    definitions = schema.pop("$defs", {})
    plain = _plain(schema, definitions, 0)
    plain.setdefault("properties", {})
    plain.pop("description", None)  # the docstring of llm's own base class
    return plain


def _plain(schema, definitions, depth):
    """Without references, titles, `anyOf … null` and defaults of null, so that a form can be made of it."""
    if isinstance(schema, list):
        return [_plain(each, definitions, depth) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and depth < 8:
        target = definitions.get(reference.rpartition("/")[2], {})
        schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
        depth += 1
    choices = schema.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        schema = _nullable(schema, [each for each in choices if each != {"type": "null"}], definitions, depth)
    plain = {}
    for name, value in schema.items():
        if name == "title" and isinstance(value, str):
            continue
        if name == "default" and value is None:
            continue
        if name == "properties":
            plain[name] = {key: _plain(each, definitions, depth) for key, each in value.items()}
        elif name in ("default", "const", "enum", "examples", "example"):
            plain[name] = value
        else:
            plain[name] = _plain(value, definitions, depth)
    return plain


def _nullable(schema, choices, definitions, depth):
    """One choice or null is that choice with one more type."""
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if len(choices) != 1:
        return {**rest, "anyOf": [*choices, {"type": "null"}]}
    only = _plain(choices[0], definitions, depth)
    if isinstance(only.get("type"), str):
        only["type"] = [only["type"], "null"]
    if "enum" in only:
        only["enum"] = [*only["enum"], None]
    # A description beside the choice is the field's; one inside it belongs to its type.
    return {**only, **rest}
