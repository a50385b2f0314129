"""What a conversation says, as plain text; drop-in plugins get it as one text, a line `Role: …` for each message."""

MEDIA = ("image", "audio", "video", "pdf", "file")


def flatten(messages):
    """`User: …\\nAssistant: …\\nUser: …`. Messages that hold no text, such as a bare tool call, leave no line."""
    lines = []
    for message in messages:
        text = text_of(message)
        if text or message.get("role") == "user":
            lines.append(f"{str(message.get('role', 'user')).capitalize()}: {text}")
    return "\n".join(lines)


def text_of(message):
    content = message.get("content")
    if isinstance(content, str):
        return content
    texts = []
    for part in content or ():
        if part.get("type") in ("text", "refusal", "tool_result"):
            texts.append(part.get("text") or "")
        elif part.get("type") in MEDIA:
            texts.append(f"[{part['type']}]")
    return "\n".join(filter(None, texts))
