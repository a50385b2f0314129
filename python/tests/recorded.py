"""Answers of vendors, played by a server of our own: recorded ones where CONSORT_RECORDINGS names a folder with them, and
ones that we wrote in the same shape where it does not."""

import base64
import glob
import json
import os
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOLDER = os.environ.get("CONSORT_RECORDINGS")
_PIECE = 97  # bytes written at a time: no border of a record or a letter is one of the network


def exchanges(provider, samples):
    """The streamed exchanges with a vendor: recorded ones, else `samples`."""
    if not FOLDER:
        return samples
    found = []
    for path in sorted(glob.glob(os.path.join(FOLDER, provider, "*.json"))):
        with open(path, encoding="utf-8") as opened:
            exchange = json.load(opened)
        if exchange["stream"] and exchange["response"] is not None:
            found.append(exchange)
    assert found, f"{FOLDER} holds no streams of {provider}"
    return found


def sse(*events, named=False):
    """An answer of server-sent events, in the shape of a recording."""
    head = (lambda event: f"event: {event['type']}\n") if named else (lambda event: "")
    body = "".join(f"{head(event)}data: {json.dumps(event)}\n\n" for event in events)
    return {"status": 200, "headers": {"content-type": "text/event-stream"}, "body_encoding": "utf-8", "body": body}


def event_stream(*events):
    """An answer of AWS's binary event stream: (type, payload) pairs."""
    body = b""
    for kind, payload in events:
        headers = b""
        for name, value in ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event")):
            headers += struct.pack(">B", len(name)) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        data = json.dumps(payload).encode()
        head = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
        message = head + struct.pack(">I", zlib.crc32(head)) + headers + data
        body += message + struct.pack(">I", zlib.crc32(message))
    return {"status": 200, "headers": {"content-type": "application/vnd.amazon.eventstream"}, "body_encoding": "base64",
            "body": base64.b64encode(body).decode()}


class Player:
    """A server that answers each request with the next of its answers, and keeps what it was asked."""

    def __init__(self, case):
        self.answers, self.asked = [], []
        player = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                player.asked.append((self.path, dict(self.headers), json.loads(body or b"{}")))
                answer = player.answers.pop(0) if player.answers else {"status": 500, "headers": {}, "body": "no more"}
                data = answer["body"]
                data = base64.b64decode(data) if answer.get("body_encoding") == "base64" else data.encode()
                self.send_response(answer["status"])
                self.send_header("content-type", answer["headers"].get("content-type", "text/plain"))
                self.send_header("content-length", str(len(data)))
                self.send_header("connection", "close")
                self.end_headers()
                try:
                    for start in range(0, len(data), _PIECE):
                        self.wfile.write(data[start : start + _PIECE])
                        self.wfile.flush()
                except OSError:
                    pass  # a client that has enough
                self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        case.addCleanup(self.server.server_close)
        case.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
