"""Templates and fragments that the plugin loads."""

from ..failures import Failure
from .media import part_of


def known(llm, what):
    """The loaders by their prefixes; none where this version of llm knows of no such thing."""
    get = getattr(llm, f"get_{what}_loaders", None)
    return get() if get is not None else {}


def load_template(llm, params):
    loader = _loader(known(llm, "template"), params)
    template = _run(loader, params.get("name"))
    if hasattr(template, "model_dump"):
        template = template.model_dump(exclude_none=True)
    if not isinstance(template, dict):
        raise Failure("plugin_bug", f"the template loader returned {type(template).__name__}, expected llm.Template")
    if "schema_object" in template:
        template["schema"] = template.pop("schema_object")
    return {"template": template}


def load_fragments(llm, params):
    loader = _loader(known(llm, "fragment"), params)
    loaded = _run(loader, params.get("argument"))
    items = []
    for each in loaded if isinstance(loaded, (list, tuple)) else [loaded]:
        if isinstance(each, llm.Attachment):
            media = part_of(each)
            del media["type"]
            items.append({"media": media})
        elif isinstance(each, str):
            source = getattr(each, "source", None) or f"{params.get('prefix')}:{params.get('argument')}"
            items.append({"text": str(each), "source": str(source)})
        else:
            raise Failure("plugin_bug", f"the fragment loader returned {type(each).__name__}, expected llm.Fragment")
    return {"items": items}


def _loader(loaders, params):
    loader = loaders.get(params.get("prefix"))
    if loader is None:
        raise Failure("invalid_request", f"this plugin has no loader `{params.get('prefix')}:`")
    return loader


def _run(loader, argument):
    try:
        return loader(argument)
    except ValueError as error:  # how a loader says that there is no such thing
        raise Failure("invalid_request", str(error)) from error
