# /// llm-plugin
# protocol = 1
# ///
"""@NAME@: a plugin that speaks the plugin protocol itself, without any library."""
import json
import sys

# The protocol has stdout for itself: a print lands in the log.
OUT, sys.stdout = sys.stdout, sys.stderr


def send(message):
    OUT.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    OUT.flush()


def answer(request, params):
    """Streams an answer, word by word."""
    last = params["messages"][-1]["content"]
    text = " ".join(part["text"] for part in last if part["type"] == "text")
    for word in ["heard:", *text.split()]:
        send({"method": "generate/event", "params": {"request": request, "events": [{"type": "text", "text": word + " "}]}})
    send({"id": request, "result": {"finishReason": "stop"}})


for line in sys.stdin:
    message = json.loads(line)
    request, params = message.get("id"), message.get("params", {})
    match message.get("method"):
        case "initialize":
            send({"id": request, "result": {"protocolVersion": 1, "plugin": {"name": "@NAME@"}, "capabilities": {"generate": True}}})
        case "models/list":
            send({"id": request, "result": {"models": [{"id": "@NAME@", "capabilities": {"stream": True, "tools": False, "structuredOutput": "none", "input": ["text"]}}]}})
        case "generate":
            answer(request, params)
        case "ping" | "shutdown":
            send({"id": request, "result": {}})
        case _ if request is not None:
            send({"id": request, "error": {"code": -32601, "message": "unknown method"}})
