"""As much of Google's library as the example uses, by the standard library, for where the real one is not installed."""

import asyncio
import base64
import json
import os
import re
import urllib.error
import urllib.request
from types import SimpleNamespace


class APIError(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class Client:
    def __init__(self, api_key):
        self.api_key = api_key
        self.aio = SimpleNamespace(models=self, live=self)

    async def generate_content_stream(self, model, contents, config=None):
        config = dict(config or {})
        asked = {"contents": [_plain(each) for each in contents]}
        if "system_instruction" in config:
            asked["systemInstruction"] = {"parts": [{"text": config["system_instruction"]}]}
        if "tools" in config:
            asked["tools"] = config["tools"]
        request = urllib.request.Request(
            f"{os.environ['GOOGLE_GEMINI_BASE_URL']}/v1beta/models/{model}:streamGenerateContent?alt=sse",
            json.dumps(asked).encode(),
            {"x-goog-api-key": self.api_key, "content-type": "application/json"},
        )
        try:
            answer = await asyncio.to_thread(urllib.request.urlopen, request)
        except urllib.error.HTTPError as error:
            raise APIError(error.read().decode("utf-8", "replace"), error.code) from None
        return self._chunks(answer)

    def connect(self, model, config):
        return _Live(self.api_key, model, dict(config))

    async def _chunks(self, answer):
        while line := await asyncio.to_thread(answer.readline):
            if line.startswith(b"data:"):
                chunk = json.loads(line[5:])
                if "error" in chunk:
                    raise APIError(chunk["error"]["message"], chunk["error"]["code"])
                yield _chunk(chunk)


class _Live:
    """A live session."""

    def __init__(self, api_key, model, config):
        self.api_key, self.model, self.config = api_key, model, config

    async def __aenter__(self):
        from .websocket import connect

        place = os.environ["GOOGLE_GEMINI_BASE_URL"].replace("https:", "wss:") + "/ws/google.genai.BidiGenerateContent"
        self.socket = await connect(place, {"x-goog-api-key": self.api_key})
        setup = {"model": f"models/{self.model}", "generationConfig": {"responseModalities": self.config["response_modalities"]}}
        if "system_instruction" in self.config:
            setup["systemInstruction"] = {"parts": [{"text": self.config["system_instruction"]}]}
        if "tools" in self.config:
            setup["tools"] = self.config["tools"]
        await self.socket.send({"setup": setup})
        await self.socket.receive()
        return self

    async def __aexit__(self, *why):
        await self.socket.close()

    async def receive(self):
        while True:
            message = _chunk(await self.socket.receive())
            yield message
            if message.server_content and message.server_content.turn_complete:
                return

    async def send_realtime_input(self, audio):
        data = base64.b64encode(audio["data"]).decode()
        await self.socket.send({"realtime_input": {"audio": {"data": data, "mime_type": audio["mime_type"]}}})

    async def send_client_content(self, turns, turn_complete):
        await self.socket.send({"client_content": {"turns": [turns], "turn_complete": turn_complete}})

    async def send_tool_response(self, function_responses):
        await self.socket.send({"tool_response": {"function_responses": function_responses}})


class _Object(SimpleNamespace):
    """A part of an answer: what was not sent is None."""

    def __getattr__(self, name):
        return None


def _snake(name):
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)


def _chunk(value):
    contents = [each.get("content") or {} for each in value.get("candidates") or ()]
    contents.append((value.get("serverContent") or {}).get("modelTurn") or {})
    for part in (part for content in contents for part in content.get("parts") or ()):
        if "functionCall" in part:
            part["functionCall"] = _Args(part["functionCall"])
        if "data" in part.get("inlineData", ()):
            part["inlineData"]["data"] = base64.b64decode(part["inlineData"]["data"])
    calls = value.get("toolCall") or {}
    if calls.get("functionCalls"):
        calls["functionCalls"] = [_Args(each) for each in calls["functionCalls"]]
    return _object(value)


class _Args(dict):
    """A call, whose arguments stay as they are."""


def _object(value):
    if isinstance(value, _Args):
        return _Object(**{_snake(name): each for name, each in value.items()}, sent=dict(value))
    if isinstance(value, dict):
        return _Object(**{_snake(name): _object(each) for name, each in value.items()}, sent=value)
    if isinstance(value, list):
        return [_object(each) for each in value]
    return value


def _plain(value):
    if isinstance(value, SimpleNamespace):
        return value.sent
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
