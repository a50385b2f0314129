"""Attachments of llm, from and to the protocol's media parts."""

import base64

_FAMILIES = ("image", "audio", "video")


def attachment(llm, part, model=None):
    """An attachment whose type is said, so that nobody has to guess or to fetch."""
    mime = part.get("mime")
    types = getattr(model, "attachment_types", None) or ()
    if mime == "audio/mpeg" and "audio/mp3" in types and "audio/mpeg" not in types:
        mime = "audio/mp3"
    data = part.get("data")
    return llm.Attachment(
        type=mime,
        path=part.get("path"),
        url=part.get("url"),
        content=base64.b64decode(data) if data is not None else None,
    )


def is_media(part):
    return part.get("type") in ("image", "audio", "video", "pdf", "file")


def part_of(attached):
    """A media part of the protocol from an attachment."""
    mime = attached.type or _guessed(attached)
    family = (mime or "").partition("/")[0]
    kind = family if family in _FAMILIES else "pdf" if mime == "application/pdf" else "file"
    part = {"type": kind, "mime": mime or "application/octet-stream"}
    if attached.content:
        part["data"] = base64.b64encode(attached.content).decode()
    elif attached.path:
        part["path"] = str(attached.path)
    elif attached.url:
        part["url"] = attached.url
    return part


def _guessed(attached):
    if not attached.content and not attached.path:
        return None  # only a URL: llm would ask the server
    try:
        return attached.resolve_type()
    except Exception:
        return None
