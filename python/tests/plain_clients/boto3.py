"""As much of AWS's library as the example uses, by the standard library, for where the real one is not installed."""

import json
import os
import struct
import urllib.error
import urllib.parse
import urllib.request


class ClientError(Exception):
    def __init__(self, message, status):
        super().__init__(message)
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


def client(name, region_name=None):
    return _Client()


class _Client:
    def converse_stream(self, modelId, **asked):
        request = urllib.request.Request(
            f"{os.environ['AWS_ENDPOINT_URL_BEDROCK_RUNTIME']}/model/{urllib.parse.quote(modelId, '')}/converse-stream",
            json.dumps(asked).encode(),
            {"content-type": "application/json"},
        )
        try:
            return {"stream": _events(urllib.request.urlopen(request))}
        except urllib.error.HTTPError as error:
            raise ClientError(error.read().decode("utf-8", "replace"), error.code) from None


def _events(answer):
    while len(head := answer.read(12)) == 12:
        total, of_headers, _ = struct.unpack(">III", head)
        rest = answer.read(total - 12)
        headers, payload = _headers(rest[:of_headers]), json.loads(rest[of_headers:-4])
        if headers.get(":message-type") == "exception":
            raise ClientError(payload.get("message"), 200)
        yield {headers[":event-type"]: payload}


def _headers(data):
    found = {}
    while data:
        name, data = data[1 : 1 + data[0]].decode(), data[1 + data[0] :]
        (size,) = struct.unpack(">H", data[1:3])  # all of them are texts
        found[name], data = data[3 : 3 + size].decode(), data[3 + size :]
    return found
