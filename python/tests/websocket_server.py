"""A WebSocket server that plays a scene: each connection is given to a function, in a thread of its own."""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import threading

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class Gone(Exception):
    """The other side is gone, with the code that it gave."""


class Connection:
    def __init__(self, opened, path, headers):
        self.opened, self.path, self.headers = opened, path, headers
        self.turn = threading.Lock()

    def send(self, message, binary=True):
        """As Gemini does: JSON in binary frames."""
        self._frame(_BINARY if binary else _TEXT, json.dumps(message).encode())

    def close(self, code=1000, reason=""):
        self._frame(_CLOSE, struct.pack(">H", code) + reason.encode())

    def receive(self):
        """The next message; Gone at the end."""
        whole = b""
        while True:
            last, kind, payload = self._next()
            if kind == _PING:
                self._frame(_PONG, payload)
            elif kind == _CLOSE:
                raise Gone(struct.unpack(">H", payload[:2])[0] if payload else 1005)
            elif kind != _PONG:
                whole += payload
                if last:
                    return json.loads(whole)

    def _next(self):
        first, second = self._exactly(2)
        size = second & 127
        if size > 125:
            size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
        mask = self._exactly(4)
        payload = self._exactly(size)
        return first & 128, first & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    def _exactly(self, size):
        found = b""
        while len(found) < size:
            try:
                piece = self.opened.recv(size - len(found))
            except OSError as error:
                raise Gone(1006) from error
            if not piece:
                raise Gone(1006)
            found += piece
        return found

    def _frame(self, kind, payload):
        size = len(payload)
        head = bytes([128 | kind]) + (
            bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size))
        with self.turn:
            self.opened.sendall(head + payload)


class Server:
    """`scene(connection)` plays each connection. What goes wrong in one is kept in `failed`."""

    def __init__(self, case, scene, certificate=None):
        self.scene, self.failed = scene, []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        threading.Thread(target=self._accept, daemon=True).start()
        case.addCleanup(self.listening.close)

    def _accept(self):
        while True:
            try:
                opened, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._play, args=(opened,), daemon=True).start()

    def _play(self, opened):
        try:
            opened = self.tls.wrap_socket(opened, server_side=True) if self.tls else opened
            with opened:
                self.scene(_greeted(opened))
        except (Gone, OSError):
            pass
        except Exception as error:  # the test looks here
            self.failed.append(error)


def _greeted(opened):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = opened.recv(4096)
        if not piece:
            raise Gone(1006)
        head += piece
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _MAGIC).digest()).decode()
    opened.sendall(("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                    f"sec-websocket-accept: {accept}\r\n\r\n").encode())
    return Connection(opened, first.split(" ")[1], headers)


def certificate(folder):
    """A file with a key and a certificate for localhost, made by openssl."""
    path = os.path.join(folder, "localhost.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path, "-out", path + ".crt"],
        check=True, capture_output=True)
    with open(path + ".crt", "rb") as made, open(path, "ab") as whole:
        whole.write(made.read())
    return path, path + ".crt"
