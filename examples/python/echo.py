#!/usr/bin/env python3
# A plugin in Python, without a kit: the protocol and nothing else. It says back what it was told.
#
# Copy it into a plugin folder. The block below is its manifest; Consort reads it without running the file.
#
# /// llm-plugin
# protocol = 1
# run = ["python3", "-u", "{file}"]
# name = "Echo (Python)"
# ///
import json
import sys
import threading

# stdout belongs to the protocol. From here on a print lands in the plugin's log.
out, sys.stdout = sys.stdout, sys.stderr
turn = threading.Lock()
cancelled: dict[object, threading.Event] = {}  # by request


def send(message):
    """Writes one message: one line, whole, at once."""
    with turn:
        out.write(json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False) + "\n")
        out.flush()


def events(request, *some):
    send({"method": "generate/event", "params": {"request": request, "events": list(some)}})


class Refused(Exception):
    """What went wrong, in the protocol's words."""

    def __init__(self, code, message, kind):
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": {"kind": kind}}


def initialize(_request, params):
    if params.get("protocolVersion", 0) < 1:
        raise Refused(-32001, "this plugin speaks version 1 of the protocol", "protocol")
    return {"protocolVersion": 1, "plugin": {"name": "Echo (Python)"}, "capabilities": {"generate": True}}


def models(_request, _params):
    # Without a key, and without network. Only the id is needed.
    able = {"stream": True, "tools": False, "structuredOutput": "none", "input": ["text"]}
    shout = {"type": "boolean", "description": "Answer in capitals"}
    schema = {"type": "object", "properties": {"shout": shout}, "additionalProperties": False}
    return {"models": [{"id": "echo-py", "name": "Echo (Python)", "capabilities": able, "optionsSchema": schema}]}


def generate(request, params):
    if params["model"] != "echo-py":
        raise Refused(-32020, f"there is no model {params['model']}", "model_not_found")
    users = [message for message in params["messages"] if message["role"] == "user"]
    text = "".join(part.get("text", "") for part in users[-1]["content"]) if users else ""
    if params.get("options", {}).get("shout"):
        text = text.upper()
    stop = cancelled[request]
    for word in text.split(" "):
        # Whoever asked may have gone. The request is still answered.
        if stop.is_set():
            return {"finishReason": "cancelled"}
        events(request, {"type": "text", "text": word + " "})
    words = len(text.split())
    return {"finishReason": "stop", "usage": {"inputTokens": words, "outputTokens": words}}


METHODS = {
    "initialize": initialize,
    "models/list": models,
    "generate": generate,
    "ping": lambda _request, _params: {},
    "shutdown": lambda _request, _params: {},
}


def answer(request, method, params):
    """Answers one request, whatever happens."""
    try:
        send({"id": request, "result": METHODS[method](request, params)})
    except Refused as refused:
        send({"id": request, "error": refused.error})
    except Exception as error:  # the author's mistake: say which, and go on
        place = error.__traceback__
        while place.tb_next:
            place = place.tb_next
        data = {"kind": "plugin_bug", "at": f"{__file__}:{place.tb_lineno}"}
        send({"id": request, "error": {"code": -32020, "message": f"{type(error).__name__}: {error}", "data": data}})
    finally:
        cancelled.pop(request, None)


for line in sys.stdin:
    try:
        message = json.loads(line)
    except ValueError:
        send({"id": None, "error": {"code": -32700, "message": "a line is no JSON"}})
        continue
    request, method, params = message.get("id"), message.get("method"), message.get("params") or {}
    if method == "cancel":
        if event := cancelled.get(params["request"]):
            event.set()
    elif request is None or method is None:
        pass  # a notification that we do not know, or an answer that we did not ask for
    elif method not in METHODS:
        send({"id": request, "error": {"code": -32601, "message": f"there is no method {method}"}})
    elif method == "generate":
        # On a thread of its own, so that cancel and ping are heard meanwhile.
        cancelled[request] = threading.Event()
        threading.Thread(target=answer, args=(request, method, params), daemon=True).start()
    else:
        answer(request, method, params)
# The end of stdin means that the host is gone.
