"""The client's side of a WebSocket, by the standard library: as much as the stand-in for Google's library needs."""

import asyncio
import base64
import json
import os
import ssl
import struct
from urllib.parse import urlparse


class Closed(Exception):
    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")
        self.code = code


async def connect(url, headers):
    where = urlparse(url)
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=context)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = {"host": where.netloc, "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13",
             "sec-websocket-key": key, **headers}
    head = f"GET {where.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(head.encode() + b"\r\n")
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in answer.partition(b"\r\n")[0]:
        raise Closed(1006, answer.decode())
    return Socket(reader, writer)


class Socket:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, message):
        self._frame(1, json.dumps(message).encode())
        await self.writer.drain()

    async def receive(self):
        while True:
            first, size = await self.reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self.reader.readexactly(size)
            if first & 15 == 8:
                raise Closed(int.from_bytes(payload[:2], "big") or 1005, payload[2:].decode())
            if first & 15 in (1, 2):
                return json.loads(payload)

    async def close(self):
        self._frame(8, struct.pack(">H", 1000))
        self.writer.close()

    def _frame(self, kind, payload):
        mask, size = os.urandom(4), len(payload)
        head = bytes([128 | kind]) + (bytes([128 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
                                      if size < 65536 else b"\xff" + struct.pack(">Q", size))
        self.writer.write(head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))
