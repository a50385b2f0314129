"""Turns an exception of a plugin, or of a library that it uses, into a failure with a kind.

No library is imported to know its exceptions: status codes, names and wording tell enough, and they tell it for
libraries that nobody has heard of yet.
"""

import os
import re
import sys

from . import frames
from .failures import Failure, explainers
from .loading import plugin, shell_word

_STATUS = {
    400: "invalid_request",
    401: "auth",
    402: "quota",
    403: "permission",
    404: "model_not_found",
    408: "timeout",
    409: "server",
    413: "context_length",
    422: "invalid_request",
    429: "rate_limit",
    498: "auth",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}

# Wording beats the status: most vendors send a prompt that is too long as a plain 400.
_CONTEXT = re.compile(
    r"context[ _]length|context[ _]window|maximum context|prompt is too long|input is too long|too many (input )?tokens"
    r"|input token count.{0,40}exceeds|exceeds? the (maximum|max|limit).{0,30}tokens|string_above_max_length",
    re.I | re.S,
)
_FILTER = re.compile(
    r"content[ _-]?filter|content management policy|content policy|responsible ?ai ?policy|blocked by .{0,20}safety"
    r"|safety system|prohibited_content|moderation_blocked",
    re.I,
)
_QUOTA = re.compile(
    r"insufficient[_ ]quota|exceeded your current quota|credit balance is too low|billing (hard )?limit"
    r"|payment required",
    re.I,
)
# Only where no status says anything, and only for exceptions that are no slips of the author.
_WORDS = (
    ("auth", re.compile(r"(invalid|incorrect|missing|bad|no)[ _]api[ _-]?key|api key not valid|unauthori[sz]ed", re.I)),
    ("rate_limit", re.compile(r"rate[ _-]?limit|too many requests|resource[_ ]exhausted", re.I)),
    ("overloaded", re.compile(r"\boverloaded\b", re.I)),
    ("timeout", re.compile(r"\btimed out\b", re.I)),
)
_STATUS_TEXT = re.compile(r"(?:^|error code|status(?: code)?|http(?: error)?)[:= ]{0,3}([45]\d\d)\b", re.I)

# A class of one of these names, anywhere among an exception's bases, is what its name says.
_NAMES = {
    "AuthenticationError": "auth",
    "PermissionDeniedError": "permission",
    "RateLimitError": "rate_limit",
    "APITimeoutError": "timeout",
    "TimeoutException": "timeout",
    "ServerTimeoutError": "timeout",
    "Timeout": "timeout",
    "APIConnectionError": "network",
    "TransportError": "network",
    "NetworkError": "network",
    "ClientConnectionError": "network",
    "URLError": "network",
    "gaierror": "network",
    "SSLError": "network",
    "HTTPException": "network",
}

# What an author's slip raises. Their words are about the code, whatever words they use.
_SLIPS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError, NameError, RecursionError,
    SyntaxError, SystemExit, KeyboardInterrupt, TypeError, UnboundLocalError, NotImplementedError,
)

_RAISED = {"auth", "permission", "rate_limit", "timeout", "network", "overloaded", "server"}


def explain(error):
    """The failure that an exception stands for."""
    at, trace = frames.where(error)
    common = {"at": at, "traceback": trace}
    missing = plugin.missing_for(error, by_words=_status_of(error) is None)
    if missing is not None:
        said = _said(error) if "llm keys set" not in _said(error) else ""
        return Failure("setup", said or f"{missing['missing']} is missing", **{**common, **missing})
    for of_dialect in explainers:
        found = of_dialect(error, **common)
        if found is not None:
            return found
    kind, source = _kind_of(error)
    if kind is None:
        return bug(error, at, trace)
    status, headers = _status_of(source), _headers_of(source)
    return Failure(
        kind,
        _said(error) or type(error).__name__,
        status=status,
        code=source.code if isinstance(getattr(source, "code", None), str) else None,
        retryAfterMs=_retry_after(headers) if kind in ("rate_limit", "overloaded", "server") else None,
        requestId=headers.get("x-request-id") or headers.get("request-id"),
        **common,
    )


def bug(error, at=None, trace=None, **more):
    """A failure that only the plugin's author can mend."""
    from .nearly import Lacks

    said = _said(error)
    if isinstance(error, ImportError) and (error.path or "").startswith(os.path.dirname(__file__)):
        said = said.replace(f" ({error.path})", "")  # where ours lies tells nobody anything
    if isinstance(error, Lacks):
        text, at = error.said, at or error.at
    elif isinstance(error, SystemExit):
        # The code of `sys.exit` may be a text, and that is the reason.
        why = f": {said}" if isinstance(error.code, str) and said else ""
        text = f"SystemExit: the plugin tried to end the program{why}"
    elif isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error.msg}"
    else:
        text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if at is not None:
        text = f"{_short(text)} at {at}"
    return Failure("plugin_bug", _short(text, 2100), at=at, traceback=trace, **{"help": _advice(error), **more})


def _advice(error):
    """What to do about slips that authors of plugins make, and authors of programs do not."""
    from .nearly import Lacks, module_help

    if isinstance(error, Lacks):
        return error.help
    if isinstance(error, ModuleNotFoundError) and error.name:
        meant = module_help(error.name)
        if meant:
            return meant
    if isinstance(error, ImportError) and error.name == "llm_utils":
        from .dropin.standin import offered

        names = ", ".join(offered())
        return f"{_meant(error, offered())}llm_utils has {names}" if names else None
    if isinstance(error, ImportError) and (error.path or "").startswith(os.path.join(os.path.dirname(__file__), "standins")):
        top = error.name.partition(".")[0]
        package = top.replace("_", "-")
        return (f"{_meant(error, vars(sys.modules.get(error.name)) if error.name in sys.modules else ())}"
                f"Consort's own small `{top}` has no such name, and it counts only where the real package is absent: "
                f"consort plugins install-deps {shell_word(plugin.name)} {package}")
    if isinstance(error, PermissionError) and _started_a_process(error):
        return "a plugin's processes stay in its group: start them without start_new_session, setsid and process_group"
    if isinstance(error, TypeError) and "'async_generator' object is not iter" in _said(error):
        return "it gives its items one after the other as they come: use `async for`"
    if isinstance(error, SystemExit):
        return f"it may have said why: consort plugins log {shell_word(plugin.name)}"
    if isinstance(error, AttributeError) and type(getattr(error, "obj", None)).__name__ == "array":
        return ("samples are plain arrays where numpy is not installed: use PcmData's own methods, or "
                f"consort plugins install-deps {shell_word(plugin.name)} numpy")
    if isinstance(error, AttributeError) and error.name is not None and getattr(error, "obj", error) is None and plugin.empty:
        name, owner = next(iter(plugin.empty.items()))
        return (f"`{name}` of {owner} is None, as its annotation allows, since nobody gave one: make it in the constructor, "
                "or write a function create_llm() in the file that makes the model")
    name = error.filename if isinstance(error, FileNotFoundError) else None
    if not isinstance(name, str) or os.path.isabs(name):
        return None
    if plugin.file and os.path.exists(os.path.join(os.path.dirname(plugin.file), name)):
        return f"`{name}` stands beside the plugin, which works in {os.getcwd()}: begin with os.path.dirname(__file__)"
    return f"its working folder is {os.getcwd()}"


def _meant(error, names):
    """The name of a module that is nearly the one which was imported from it, as a question."""
    from .nearly import nearest

    wanted = re.search(r"cannot import name '(\w+)'", _said(error))
    near = wanted and nearest(wanted.group(1), [name for name in names if not name.startswith("_")])
    return f"did you mean `{near}`? " if near else ""


def _started_a_process(error):
    """Whether it was refused to a process that was being started."""
    import traceback

    return any(frame.name in ("_execute_child", "_posix_spawn", "setsid", "setpgid") or "os.setsid" in (frame.line or "")
               for frame in traceback.extract_tb(error.__traceback__))


def _kind_of(error):
    """(kind, the exception that tells it). A wrapper is looked through to what it was raised from."""
    seen = []
    while error is not None and len(seen) < 6 and not any(error is other for other in seen):
        seen.append(error)
        kind = _own_kind(error)
        if kind is not None:
            return kind, error
        follow = None if error.__suppress_context__ or isinstance(error, _SLIPS) else error.__context__
        error = error.__cause__ or follow
    if any(base.__name__ == "ModelError" for base in type(seen[0]).__mro__):
        return "invalid_request", seen[0]  # llm's own class for what a user should be told
    return None, None


def _own_kind(error):
    if isinstance(error, Failure):  # what the host said, under what the plugin made of it
        return error.kind
    said = _said(error)
    status = _status_of(error)
    slip = isinstance(error, _SLIPS)
    if not slip or status is not None:
        for kind, words in (("context_length", _CONTEXT), ("content_filter", _FILTER), ("quota", _QUOTA)):
            if words.search(said):
                return kind
    if status is not None:
        return _kind_of_status(status)
    if slip:
        return None
    names = {base.__name__ for base in type(error).__mro__}
    if isinstance(error, TimeoutError) or names & {"TimeoutError"}:
        return "timeout"
    if "NeedsKeyException" in names:
        return "setup"
    for name, kind in _NAMES.items():
        if name in names:
            return kind
    if isinstance(error, ConnectionError) or "ConnectionError" in names:
        return "network"
    for kind, words in _WORDS:
        if words.search(said):
            return kind
    found = _STATUS_TEXT.search(said) if "ModelError" in names else None
    return _kind_of_status(int(found.group(1))) if found else None


def _kind_of_status(status):
    return _STATUS.get(status) or ("server" if status >= 500 else "invalid_request")


def _status_of(error):
    if error is None:
        return None
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # as botocore has it
        metadata = response.get("ResponseMetadata")
        value = metadata.get("HTTPStatusCode") if isinstance(metadata, dict) else None
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    for owner, names in (
        (error, ("status_code", "status", "code", "http_status")),
        (response, ("status_code", "status")),
    ):
        for name in names:
            value = getattr(owner, name, None)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
                return int(value)
    return None


def _headers_of(error):
    """Response headers in lower case, wherever the library keeps them."""
    for owner in (getattr(error, "response", None), error):
        for name in ("headers", "hdrs"):
            found = getattr(owner, name, None)
            try:
                return {str(key).lower(): str(value) for key, value in found.items()}
            except (AttributeError, TypeError, ValueError):
                continue
    return {}


def _retry_after(headers):
    """Milliseconds to wait, from the ways in which servers say it."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        try:
            return max(0, round(float(headers[name])))
        except (KeyError, ValueError, OverflowError):
            continue
    said = headers.get("retry-after")
    if not said:
        return None
    try:
        return max(0, round(float(said) * 1000))
    except (ValueError, OverflowError):
        pass
    import email.utils
    import time

    try:
        return max(0, round((email.utils.parsedate_to_datetime(said).timestamp() - time.time()) * 1000))
    except (ValueError, TypeError, OverflowError):
        return None


def _said(error):
    try:
        return _short(str(error).strip())
    except Exception:  # an exception whose own text raises
        return ""


def _short(text, most=2000):
    return text if len(text) <= most else text[: most - 1] + "…"
