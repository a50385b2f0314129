"""Token counts and the reason of the end, read from what plugins record in their own words."""

_CACHED = ("cached", "cached_tokens", "cache_read_input_tokens", "cachedContentTokenCount")
_WRITTEN = ("cache_creation_input_tokens", "cache_write_tokens")
_REASONING = ("reasoning_tokens", "thinking_tokens", "thoughtsTokenCount")
_INNER = ("prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details")

_ENDS = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "recitation": "content_filter",
    "refusal": "refusal",
}


def usage_of(response):
    """The protocol's usage, or None where the plugin recorded none."""
    given, made, details = response.input_tokens, response.output_tokens, response.token_details
    if given is None and made is None and not details:
        return None
    usage = {}
    if _number(given):
        usage["inputTokens"] = int(given)
    if _number(made):
        usage["outputTokens"] = int(made)
    if isinstance(details, dict) and details:
        usage["details"] = details
        flat = _flat(details)
        for field, names in (
            ("cachedInputTokens", _CACHED),
            ("cacheWriteTokens", _WRITTEN),
            ("reasoningTokens", _REASONING),
        ):
            found = next((flat[name] for name in names if name in flat), None)
            if found is not None:
                usage[field] = found
        if "cache_read_input_tokens" in flat or "cache_creation_input_tokens" in flat:
            # Anthropic's input leaves out what the cache held; here the total has it.
            extra = flat.get("cache_read_input_tokens", 0) + flat.get("cache_creation_input_tokens", 0)
            usage["inputTokens"] = usage.get("inputTokens", 0) + extra
    return usage


def _flat(details):
    flat = {name: int(value) for name, value in details.items() if _number(value)}
    for name in _INNER:
        inner = details.get(name)
        if isinstance(inner, dict):
            flat.update((key, int(value)) for key, value in inner.items() if _number(value))
    return flat


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15


def vendor_reason(answer):
    """Why the vendor says that it ended, from the places where vendors say so in their answers."""
    if not isinstance(answer, dict):
        return None
    choices = answer.get("choices") or answer.get("candidates") or ()
    first = choices[0] if isinstance(choices, (list, tuple)) and choices else {}
    for place in (answer, first):
        if isinstance(place, dict):
            for name in ("stop_reason", "finish_reason", "finishReason", "done_reason"):
                if isinstance(place.get(name), str):
                    return place[name]
    return None


def finish_reason(vendor, calls):
    if calls:
        return "tool_calls"
    return _ENDS.get((vendor or "").lower(), "stop")
