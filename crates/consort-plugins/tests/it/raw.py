# A plugin that does what its prompt says, by the protocol alone: for tests of what its host does about it.
#
# It notes each message that it gets in `heard` beside it, and how much of a flood it wrote in `wrote`.
import json
import os
import sys
import threading
import time

HEARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "heard")
WROTE = os.path.join(os.path.dirname(HEARD), "wrote")
turn = threading.Lock()
cancelled = set()


def send(message):
    with turn:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def answer(request, result):
    send({"id": request, "result": result})


def flood(request, write, piece):
    """Writes for a second, and says how many bytes that were."""
    begun, size = time.monotonic(), 0
    while time.monotonic() < begun + 1:
        write(piece)
        size += len(piece)
        with open(WROTE, "w", encoding="utf-8") as wrote:
            wrote.write(str(size))
    event = {"type": "text", "text": str(size)}
    send({"method": "generate/event", "params": {"request": request, "events": [event]}})
    answer(request, {"finishReason": "stop"})


def to_stdout(text):
    with turn:
        sys.stdout.write(text)
        sys.stdout.flush()


def to_stderr(text):
    sys.stderr.write(text)
    sys.stderr.flush()


def notes(method, params):
    return 100 * (json.dumps({"jsonrpc": "2.0", "method": method, "params": params}) + "\n")


def events(request, *all_of_them):
    return json.dumps({"method": "generate/event", "params": {"request": request, "events": all_of_them}}).replace('"REQUEST"', "REQUEST")


SAID = events("REQUEST", {"type": "text", "text": "said"})
# Lines that are not as they should be, for the prompt that asks for them.
ODD = {
    "latin": [2 * b'{"text":"caf\xe9"}\n' + b'{"text":"caf\xe9"}', SAID],
    "no json": ["{'jsonrpc': oops}", "{", SAID],
    "no message": [json.dumps({"type": "text", "text": "bare"}), SAID],
    "print": ["a word that somebody printed", SAID],
    "type": [events("REQUEST", {"type": "txt", "text": "lost"})],
    "type and text": [events("REQUEST", {"type": "x-mood", "text": "good"}), SAID],
    "field": 3 * [events("REQUEST", {"type": "text", "txt": "lost"})],
    "other request": [events(99999, {"type": "text", "text": "lost"})],
    "method": [SAID.replace("generate/event", "generate/events")],
    "only a field": [],
    "unanswered text": ["{'id': oops}"],
}


def generate(request, params):
    word = params["messages"][-1]["content"][0]["text"]
    if word == "stuck":
        return  # and nobody ever hears of it again
    floods = {
        "logs": (to_stdout, notes("log", {"level": "info", "message": "x" * 1000})),
        "events": (to_stdout, notes("generate/event", {"request": 999, "events": [{"type": "text", "text": "x" * 1000}]})),
        "line": (to_stdout, "x" * 100_000),
        "stderr": (to_stderr, 100 * ("x" * 999 + "\n")),
    }
    if word == "endless":
        while request not in cancelled:
            event = {"type": "text", "text": "z" * 100_000}
            send({"method": "generate/event", "params": {"request": request, "events": [event]}})
        return answer(request, {"finishReason": "stop"})
    if word == "odd event":
        send({"method": "generate/event", "params": {"request": request, "events": [{"type": "text", "text": 1}]}})
        return answer(request, {"finishReason": "stop"})
    if word == "odd batch":
        send({"method": "generate/event", "params": {"request": request, "events": {"type": "text", "text": "lost"}}})
        return answer(request, {"finishReason": "stop"})
    if word == "odd events":
        events = [{"type": "text", "text": "before "}, {"type": "usage", "inputTokens": 12.0}, {"type": "text", "text": "behind"}]
        send({"method": "generate/event", "params": {"request": request, "events": events}})
        return answer(request, {"finishReason": "stop"})
    if word in ODD:
        for line in ODD[word]:
            line = line if isinstance(line, bytes) else line.replace("REQUEST", str(request)).encode()
            with turn:
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.buffer.flush()
        if word.startswith("unanswered"):
            return None
        return answer(request, {"finishReason": "stop", **({"txt": "lost"} if word == "only a field" else {})})
    if word == "path":
        path = params["messages"][-1]["content"][1]["path"]
        word = f"{path} {os.path.getsize(path)}"
    if word in floods:
        flood(request, *floods[word])
    else:
        send({"method": "generate/event", "params": {"request": request, "events": [{"type": "text", "text": word}]}})
        answer(request, {"finishReason": "stop"})


TOOLBOX = {"name": "box", "tools": [{"name": "pid"}]}


def serve(message):
    method, params, request = message.get("method"), message.get("params") or {}, message.get("id")
    if method == "initialize":
        able = {"generate": True, "tools": True}
        answer(request, {"protocolVersion": 1, "plugin": {"name": "Raw"}, "capabilities": able})
    elif method == "models/list":
        answer(request, {"models": [{"id": "raw", "capabilities": {"input": ["text", "image"]}}]})
    elif method == "tools/list":
        answer(request, {"tools": [{"name": "slow"}], "toolboxes": [TOOLBOX]})
    elif method == "tools/open":
        answer(request, {"instance": "i1"})
    elif method == "tools/call" and params["name"] == "pid":
        answer(request, {"content": [{"type": "text", "text": str(os.getpid())}]})
    elif method == "tools/call":
        pass  # the tool `slow` takes for ever
    elif method == "generate":
        if params["messages"][-1]["content"][0].get("text") == "raise":
            json.loads(None)  # which raises in the library, and ends the plugin
        threading.Thread(target=generate, args=(request, params), daemon=True).start()
    elif method == "cancel":
        cancelled.add(params["request"])
    elif request is not None:
        answer(request, {})


for line in sys.stdin:
    message = json.loads(line)
    with open(HEARD, "a", encoding="utf-8") as heard:
        heard.write(f"{message.get('method')} {json.dumps(message.get('params'))}\n")
    serve(message)
