"""Embeddings: vectors as the protocol carries them."""

import array
import base64
import sys

from ..failures import Failure
from .execute import place


def embed(llm, call, model, keys):
    params = call.params
    secrets = params.get("secrets") or {}
    keys.grant(secrets, [model])
    inputs = [_item(each) for each in params.get("inputs") or ()]
    key = secrets.get(model.needs_key) if model.needs_key else None
    from ..shape import Shape

    try:
        if Shape(model.embed_multi).takes("key"):
            vectors = list(model.embed_multi(inputs, key=key))
        else:
            vectors = list(_with_key(model, inputs, key))
    except ValueError as error:
        if "does not support" in str(error):
            raise Failure("unsupported", str(error)) from error
        raise
    if len(vectors) != len(inputs):
        said = f"embed_batch gave {len(vectors)} vectors for {len(inputs)} inputs"
        raise Failure("plugin_bug", said, at=place(model.embed_batch), help="yield one list of numbers for each item")
    return {"vectors": [_encoded(vector, model) for vector in vectors], "model": model.model_id}


def _with_key(model, inputs, key):
    """Older versions of llm have the key on the model; it stays there only as long as it takes."""
    from ..shape import Shape

    before = model.key
    try:
        # The oldest ones take none: theirs looks where the granted keys are.
        model.key = model.get_key(key) if Shape(model.get_key).positional else model.get_key()
        yield from model.embed_multi(inputs)
    finally:
        model.key = before


def _item(each):
    """A text, or the bytes of a media part."""
    if isinstance(each, dict):
        if each.get("data") is not None:
            return base64.b64decode(each["data"])
        if each.get("path"):
            with open(each["path"], "rb") as opened:
                return opened.read()
        return each.get("text") or ""
    return each


def _encoded(vector, model):
    try:
        packed = array.array("f", [float(number) for number in vector])
    except (TypeError, ValueError) as error:
        said = f"embed_batch gave no list of numbers: {error}"
        raise Failure("plugin_bug", said, at=place(model.embed_batch)) from error
    if sys.byteorder == "big":
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()
