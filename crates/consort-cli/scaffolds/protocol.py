# /// llm-plugin
# protocol = 1
# ///
"""@NAME@: a plugin that speaks the plugin protocol itself, without any library."""
import json
import sys
import threading
import traceback

# The protocol has stdout for itself: a print lands in the log.
OUT, sys.stdout = sys.stdout, sys.stderr
TURN = threading.Lock()
STOPS = {}  # the requests that are being answered, each with its flag


def send(message):
    with TURN:
        OUT.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        OUT.flush()


def generate(request, params):
    """Streams an answer, word by word."""
    last = params["messages"][-1]["content"]
    text = " ".join(part["text"] for part in last if part["type"] == "text")
    for word in ["heard:", *text.split()]:
        if STOPS[request].is_set():
            return {"finishReason": "cancelled"}
        send({"method": "generate/event", "params": {"request": request, "events": [{"type": "text", "text": word + " "}]}})
    return {"finishReason": "stop"}


METHODS = {
    "initialize": lambda _request, _params: {"protocolVersion": 1, "plugin": {"name": "@NAME@"}, "capabilities": {"generate": True}},
    "models/list": lambda _request, _params: {
        "models": [{"id": "@NAME@", "capabilities": {"stream": True, "tools": False, "structuredOutput": "none", "input": ["text"]}}]
    },
    "generate": generate,
    "ping": lambda _request, _params: {},
    "shutdown": lambda _request, _params: {},
}


def answer(request, method, params):
    """Answers one request, whatever happens: a mistake ends this answer, and not the plugin."""
    try:
        send({"id": request, "result": METHODS[method](request, params)})
    except Exception as error:
        data = {"kind": "plugin_bug", "traceback": traceback.format_exc()}
        send({"id": request, "error": {"code": -32020, "message": f"{type(error).__name__}: {error}", "data": data}})
    finally:
        STOPS.pop(request, None)


for line in sys.stdin:
    message = json.loads(line)
    request, method, params = message.get("id"), message.get("method"), message.get("params") or {}
    if method == "cancel":
        if stop := STOPS.get(params.get("request")):
            stop.set()
    elif method == "generate":
        # Each on a thread of its own, so that the next one and `cancel` are heard meanwhile.
        STOPS[request] = threading.Event()
        threading.Thread(target=answer, args=(request, method, params), daemon=True).start()
    elif request is not None and method in METHODS:
        answer(request, method, params)
    elif request is not None and method is not None:
        send({"id": request, "error": {"code": -32601, "message": f"there is no method {method}"}})
# The end of stdin means that the host is gone.
