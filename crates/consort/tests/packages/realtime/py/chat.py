"""A chat model behind OpenAI's chat format, for cascades: it answers word by word, and reads what it is sent strictly."""
import asyncio
import json

import mind
import rules
from rules import Broken, each, filled, of, one_of, schema, text

PAUSE = 0.06  # seconds between two words
TOOL = of(("type", "function"), type=one_of("function"),
          function=of(("name", "parameters"), name=filled, description=text, parameters=schema))
CALL = of(("id", "type", "function"), id=filled, type=one_of("function"),
          function=of(("name", "arguments"), name=filled, arguments=text))
MESSAGE = of(("role", "content"), role=one_of("system", "user", "assistant", "tool"), content=lambda value, where: None,
             tool_calls=each(CALL), tool_call_id=filled)
BODY = of(("model", "messages", "stream"), model=one_of("chat"), messages=each(MESSAGE), stream=one_of(True),
          stream_options=of(include_usage=one_of(True)), tools=each(TOOL))


def _words(content):
    if isinstance(content, list):
        return "".join(part["text"] for part in content)
    return content or ""


class Chat:
    def __init__(self, note):
        self.note = note

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
                body = json.loads(await reader.readexactly(length))
                try:
                    one_of("post /v1/chat/completions http/1.1")(lines[0], "path")
                    await self.answer(body, writer)
                except Broken as broken:
                    self.note(f"WRONG chat: {broken}")
                    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, body, writer):
        BODY(body, "body")
        said, names = [], {}
        for message in body["messages"]:
            words = _words(message["content"])
            for call in message.get("tool_calls", ()):
                names[call["id"]] = call["function"]["name"]
            if message["role"] == "tool":
                if message["tool_call_id"] not in names:
                    raise Broken("tool_call_id", "a result of no call")
                words = f"{names[message['tool_call_id']]} said: {words}"
            said.append((message["role"], words))
        thought = mind.answer(said, [tool["function"]["name"] for tool in body.get("tools", ())])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")

        async def tell(delta, finish=None, **more):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            data = json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "chat",
                               "choices": [choice], **more})
            line = f"data: {data}\n\n".encode()
            writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            await writer.drain()

        if isinstance(thought, mind.Call):
            function = {"name": thought.name, "arguments": json.dumps(thought.arguments)}
            call = {"index": 0, "id": f"call_{len(said)}", "type": "function", "function": function}
            await tell({"role": "assistant", "content": None, "tool_calls": [call]})
            await tell({}, "tool_calls")
        else:
            for number, word in enumerate(thought.split()):
                await tell({"content": (" " if number else "") + word})
                await asyncio.sleep(PAUSE)
            await tell({}, "stop")
        usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
        last = json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "chat", "choices": [],
                           "usage": usage})
        line = f"data: {last}\n\ndata: [DONE]\n\n".encode()
        writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n0\r\n\r\n")
        await writer.drain()
