"""As much of Anthropic's library as the example uses, by the standard library, for where the real one is not installed."""

import asyncio
import json
import os
import urllib.error
import urllib.request


class APIStatusError(Exception):
    def __init__(self, message, status_code):
        super().__init__(message)
        self.status_code = status_code


class AsyncAnthropic:
    def __init__(self, api_key, max_retries=2):
        self.api_key, self.messages = api_key, self

    def stream(self, **asked):
        return _Stream(self, asked)


class _Stream:
    def __init__(self, client, asked):
        self.client, self.asked = client, asked

    async def __aenter__(self):
        request = urllib.request.Request(
            os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages",
            json.dumps({**self.asked, "stream": True}).encode(),
            {"x-api-key": self.client.api_key, "content-type": "application/json"},
        )
        try:
            self.answer = await asyncio.to_thread(urllib.request.urlopen, request)
        except urllib.error.HTTPError as error:
            raise APIStatusError(error.read().decode("utf-8", "replace"), error.code) from None
        return self

    async def __aexit__(self, *why):
        self.answer.close()

    @property
    async def text_stream(self):
        while line := await asyncio.to_thread(self.answer.readline):
            if not line.startswith(b"data:"):
                continue
            event = json.loads(line[5:])
            if event["type"] == "error":
                raise APIStatusError(event["error"]["message"], 200)
            if event["type"] == "content_block_delta" and event["delta"]["type"] == "text_delta":
                yield event["delta"]["text"]
