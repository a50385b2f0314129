# /// llm-plugin
# protocol = 1
# hosts = [HOSTS]
# ///
# Speaks the protocol by itself, with the models and the template that a test puts in.
import json
import sys
import time

MODELS = json.loads("""MODELS""")
TEMPLATE = json.loads("""TEMPLATE""")
asked, size = None, 0


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def say(request, *events):
    send(method="generate/event", params={"request": request, "events": list(events)})


def end(request):
    send(id=request, result={"finishReason": "stop"})


def generate(request, params):
    global asked
    text = params["messages"][-1]["content"][0]["text"]
    if text.startswith("fetch "):
        asked = request
        send(id="h", method="http/request", params={"request": request, "method": "GET", "url": text[6:]})
        time.sleep(3)  # it reads nothing meanwhile
        return
    if text == "odd":
        say(request, {"type": "text", "text": "before "}, {"type": "usage", "inputTokens": -3}, {"type": "text", "text": "behind"})
    elif text == "show secrets":
        say(request, {"type": "text", "text": json.dumps(params.get("secrets") or {})})
    else:
        say(request, {"type": "text", "text": f"{params.get('system')} | {text} | {json.dumps(params.get('output'))}"})
    end(request)


for line in sys.stdin:
    message = json.loads(line)
    method, params, request = message.get("method"), message.get("params") or {}, message.get("id")
    if method == "initialize":
        able = {"generate": True, "embed": True, "templates": ["house"]}
        send(id=request, result={"protocolVersion": 1, "capabilities": able})
    elif method == "models/list":
        send(id=request, result={"models": MODELS})
    elif method == "templates/load":
        send(id=request, result={"template": TEMPLATE})
    elif method == "embed":
        send(id=request, result={"vectors": [[1.0, 2.0] for _ in params["inputs"]]})
    elif method == "generate":
        generate(request, params)
    elif method == "http/data":
        size += len(params.get("text") or "")
        if params.get("eof") or params.get("error"):
            say(asked, {"type": "text", "text": f"{size} {params.get('error')}"})
            end(asked)
    elif request is not None and method:
        send(id=request, result={})
