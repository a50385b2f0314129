"""OpenAI's Realtime API, played: it is strict about what it is sent, and answers as the vendor does.

What a session was told, and in which order things are said, is the vendor's own, as its recorded sessions show it. Each
message of it is one that the official library knows.
"""
import asyncio
import base64
import itertools
import json
from urllib.parse import parse_qs, urlsplit

from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed

import mind
import rules
from rules import Broken, Once, each, filled, of, one_of, schema, sound, text, whole
from tones import Ear, spelled

KEY, MODEL, RATE = "far-key", "gpt-realtime", 24000
PAUSE = 0.04  # seconds between two words
KNOWN = TypeAdapter(RealtimeServerEvent)
FORMAT = of(("type", "rate"), type=one_of("audio/pcm"), rate=one_of(24000))


def _turns(value, where):
    if value is not None:
        rules.fields(value, where, ("type",), type=one_of("server_vad", "semantic_vad"), create_response=one_of(True, False),
                     interrupt_response=one_of(True, False), silence_duration_ms=whole, prefix_padding_ms=whole)


SESSION = of(
    ("type",), type=one_of("realtime"), instructions=text, output_modalities=one_of(["audio"]),
    tools=each(of(("type", "name", "parameters"), type=one_of("function"), name=filled, description=text, parameters=schema)),
    audio=of(input=of(format=FORMAT, transcription=of(("model",), model=filled), turn_detection=_turns),
             output=of(format=FORMAT, voice=filled)))
CONTENT = {"user": ("input_text",), "system": ("input_text",), "assistant": ("output_text",)}


def _item(value, where):
    kind = value.get("type")
    if kind == "message":
        words = CONTENT.get(value.get("role"), ())
        content = each(of(("type", "text"), type=one_of(*words), text=filled))
        rules.fields(value, where, ("role", "content"), type=filled, role=one_of(*CONTENT), content=content)
    elif kind == "function_call":
        rules.fields(value, where, ("call_id", "name", "arguments"), type=filled, call_id=filled, name=filled, arguments=text)
    else:
        one_of("function_call_output")(kind, where + ".type")
        rules.fields(value, where, ("call_id", "output"), type=filled, call_id=filled, output=text)


EVENTS = {
    "session.update": {"session": SESSION},
    "input_audio_buffer.append": {"audio": sound},
    "input_audio_buffer.commit": {},
    "conversation.item.create": {"item": _item},
    "conversation.item.truncate": {"item_id": filled, "content_index": one_of(0), "audio_end_ms": whole},
    "response.create": {},
    "response.cancel": {},
}


class Session:
    """One connection. `said` is its conversation: `(who, words, item)`."""

    count = itertools.count(1)

    def __init__(self, socket, note):
        self.socket, self.note = socket, note
        self.id, self.numbers = next(self.count), itertools.count(1)
        self.session, self.tools = {}, []
        self.turns = {"type": "server_vad", "create_response": True, "interrupt_response": True}
        self.ear, self.pending, self.spoken = Ear(RATE), 0, None
        self.said, self.calls, self.sounds = [], {}, {}
        self.answering = self.response = None

    def new(self, kind):
        return f"{kind}_{self.id}_{next(self.numbers)}"

    def start(self, saying):
        """Says something while more is heard."""
        self.answering = asyncio.create_task(saying)
        self.answering.add_done_callback(self.ended)

    def ended(self, saying):
        error = None if saying.cancelled() else saying.exception()
        if error and not isinstance(error, ConnectionClosed):
            self.note(f"WRONG openai: {type(error).__name__}: {error}")

    async def tell(self, kind, **more):
        message = {"type": kind, "event_id": self.new("event"), **more}
        KNOWN.validate_python(message)
        await self.socket.send(json.dumps(message))

    async def refuse(self, code, what, event=None):
        error = {"type": "invalid_request_error", "code": code, "message": what, "param": None, "event_id": event}
        await self.tell("error", error=error)

    def shown(self):
        audio = {"input": {"format": {"type": "audio/pcm", "rate": RATE}, "transcription": None, "noise_reduction": None,
                           "turn_detection": self.turns},
                 "output": {"format": {"type": "audio/pcm", "rate": RATE}, "voice": "alloy", "speed": 1.0}}
        return {"type": "realtime", "object": "realtime.session", "id": f"sess_{self.id}", "model": MODEL,
                "output_modalities": ["audio"], "instructions": "Be brief.", "tools": [], "tool_choice": "auto",
                "max_output_tokens": "inf", "audio": audio, **{key: self.session[key] for key in ("instructions", "tools")
                                                               if key in self.session}}

    async def run(self):
        await self.tell("session.created", session=self.shown())
        async for frame in self.socket:
            if not isinstance(frame, str):
                raise Broken("frame", "the client's frames are text")
            event = json.loads(frame)
            kind = event.get("type")
            if kind not in EVENTS:
                raise Broken("type", f"unknown event {kind!r}")
            rules.fields(event, kind, tuple(EVENTS[kind]), type=filled, event_id=filled, **EVENTS[kind])
            await getattr(self, kind.replace(".", "_"))(event)

    async def session_update(self, event):
        session = event["session"]
        self.session.update(session)
        self.tools = [tool["name"] for tool in self.session.get("tools", ())]
        given = session.get("audio", {}).get("input", {})
        if "turn_detection" in given:
            turns = given["turn_detection"]
            self.turns = turns and {"create_response": True, "interrupt_response": True, **turns}
            self.ear.listens(turns and 0.2)
        await self.tell("session.updated", session=self.shown())

    # -- what the user says

    async def input_audio_buffer_append(self, event):
        if not self.session:
            raise Broken("order", "sound comes before the session's settings")
        data = base64.b64decode(event["audio"])
        self.pending += len(data) / 2 / RATE
        for kind, *words in self.ear.push(data):
            if self.turns is None:
                continue
            if kind == "began":
                self.spoken = self.new("item")
                await self.tell("input_audio_buffer.speech_started", audio_start_ms=0, item_id=self.spoken)
                if self.turns["interrupt_response"]:
                    await self.stop("turn_detected")
            else:
                await self.tell("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=self.spoken)
                await self.commit(words[0])

    async def input_audio_buffer_commit(self, event):
        if self.turns is not None:
            raise Broken("commit", "the server ends turns itself")
        if self.pending < 0.1:
            raise Broken("commit", f"a turn of {self.pending} s")
        self.spoken = self.new("item")
        await self.commit(self.ear.take())

    async def commit(self, words):
        item, self.pending = self.spoken, 0
        words = words or "(sound)"
        await self.tell("input_audio_buffer.committed", item_id=item, previous_item_id=self.last())
        await self.added({"id": item, "type": "message", "status": "completed", "role": "user",
                          "content": [{"type": "input_audio", "transcript": None}]})
        self.said.append(("user", words, item))
        if self.turns and self.turns["create_response"]:
            await self.respond()
        # Their words come when the answer has begun.
        place = {"item_id": item, "content_index": 0}
        for word in words.split():
            await self.tell("conversation.item.input_audio_transcription.delta", delta=" " + word, **place)
        await self.tell("conversation.item.input_audio_transcription.completed", transcript=words,
                        usage={"type": "duration", "seconds": 1}, **place)

    def last(self):
        return self.said[-1][2] if self.said else None

    async def added(self, item):
        await self.tell("conversation.item.added", previous_item_id=self.last(), item=item)
        await self.tell("conversation.item.done", previous_item_id=self.last(), item=item)

    async def conversation_item_create(self, event):
        item = {"id": self.new("item"), "status": "completed", **event["item"]}
        if item["type"] == "message":
            who, words = item["role"], "".join(piece["text"] for piece in item["content"])
        elif item["type"] == "function_call":
            self.calls[item["call_id"]] = item["name"]
            who, words = "call", item["name"]
        else:
            name = self.calls.get(item["call_id"])
            if name is None:
                raise Broken("call_id", f"no call is named {item['call_id']!r}")
            who, words = "tool", f"{name} said: {item['output']}"
        await self.added(item)
        self.said.append((who, words, item["id"]))

    async def conversation_item_truncate(self, event):
        item, end = event["item_id"], event["audio_end_ms"]
        length = self.sounds.get(item)
        if length is None:
            raise Broken("truncate", f"{item!r} is no item with sound")
        if end > length:
            raise Broken("truncate", f"the sound of {length} ms is shorter than {end} ms")
        self.note(f"openai truncated {end} of {length}")
        for at, (who, words, own) in enumerate(self.said):
            if own == item:
                kept = words[: len(words) * end // max(length, 1)]
                whole = words.startswith(kept + " ") or kept == words
                self.said[at] = (who, kept if whole else kept.rpartition(" ")[0], own)
        self.sounds[item] = end
        await self.tell("conversation.item.truncated", item_id=item, content_index=0, audio_end_ms=end)

    # -- what it answers

    async def response_create(self, event):
        if self.answering and not self.answering.done():
            return await self.refuse("conversation_already_has_active_response", "a response is under way",
                                     event.get("event_id"))
        if self.said and self.said[-1][0] == "assistant":
            raise Broken("response.create", "nothing is there to be answered")
        await self.respond()

    async def response_cancel(self, event):
        if not await self.stop("client_cancelled"):
            await self.refuse("response_cancel_not_active", "no response is under way", event.get("event_id"))

    async def respond(self):
        await self.stop("turn_detected")
        self.response = {"object": "realtime.response", "id": self.new("resp"), "status": "in_progress",
                         "status_details": None, "output": [], "conversation_id": f"conv_{self.id}",
                         "output_modalities": ["audio"], "max_output_tokens": "inf", "usage": None, "metadata": None}
        await self.tell("response.created", response=self.response)
        thought = mind.answer([(who, words) for who, words, _ in self.said], self.tools)
        say = self.call(thought) if isinstance(thought, mind.Call) else self.speak(thought)
        self.start(say)

    async def stop(self, why):
        """Cuts what is being said; false where nothing is."""
        if self.answering is None or self.answering.done():
            return False
        self.answering.cancel()
        await asyncio.wait([self.answering])
        await self.over(self.item, "incomplete", "cancelled", {"type": "cancelled", "reason": why})
        return True

    async def over(self, item, ended, status, details=None):
        item = {**item, "status": ended}
        place = {"response_id": self.response["id"], "item_id": item["id"], "output_index": 0, "content_index": 0}
        if item["type"] == "message":
            await self.tell("response.output_audio.done", **place)
            words = item["content"][0]["transcript"]
            await self.tell("response.output_audio_transcript.done", transcript=words, **place)
            await self.tell("response.content_part.done", part={"type": "audio", "transcript": words}, **place)
        await self.tell("conversation.item.done", previous_item_id=None, item=item)
        await self.tell("response.output_item.done", response_id=self.response["id"], output_index=0, item=item)
        usage = {"total_tokens": 30, "input_tokens": 10, "output_tokens": 20,
                 "input_token_details": {"text_tokens": 4, "audio_tokens": 6, "image_tokens": 0, "cached_tokens": 0},
                 "output_token_details": {"text_tokens": 5, "audio_tokens": 15}}
        done = {**self.response, "status": status, "status_details": details, "output": [item], "usage": usage}
        self.answering = None
        await self.tell("response.done", response=done)

    async def begin(self, item):
        self.item = item
        await self.tell("response.output_item.added", response_id=self.response["id"], output_index=0, item=item)
        await self.tell("conversation.item.added", previous_item_id=self.last(), item=item)

    async def call(self, call):
        item, arguments = self.new("item"), json.dumps(call.arguments)
        made = {"id": item, "type": "function_call", "status": "in_progress", "name": call.name, "call_id": self.new("call"),
                "arguments": ""}
        await self.begin(made)
        place = {"response_id": self.response["id"], "item_id": item, "output_index": 0, "call_id": made["call_id"]}
        for at in range(0, len(arguments), 5):
            await self.tell("response.function_call_arguments.delta", delta=arguments[at : at + 5], **place)
        await self.tell("response.function_call_arguments.done", name=call.name, arguments=arguments, **place)
        self.calls[made["call_id"]] = call.name
        self.said.append(("call", call.name, item))
        await self.over({**made, "arguments": arguments}, "completed", "completed")

    async def speak(self, words):
        asked = next((words for who, words, _ in reversed(self.said) if who == "user"), "")
        item = {"id": self.new("item"), "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        await self.begin(item)
        place = {"response_id": self.response["id"], "item_id": item["id"], "output_index": 0, "content_index": 0}
        await self.tell("response.content_part.added", part={"type": "audio", "transcript": ""}, **place)
        said = {"type": "output_audio", "transcript": ""}
        self.item = {**item, "content": [said]}
        at, self.sounds[item["id"]] = len(self.said), 0
        self.said.append(("assistant", "", item["id"]))
        for number, word in enumerate(words.split()):
            piece = word if number == 0 else " " + word
            said["transcript"] += piece
            self.said[at] = ("assistant", said["transcript"], item["id"])
            data = spelled(word, RATE)
            self.sounds[item["id"]] += len(data) * 500 // RATE
            await self.tell("response.output_audio_transcript.delta", delta=piece, **place)
            await self.tell("response.output_audio.delta", delta=base64.b64encode(data).decode(), **place)
            await asyncio.sleep(PAUSE)
            if number == 2 and "vanish" in asked and Vendor.vanishes():
                self.note("openai vanished")
                return self.socket.transport.abort()
            if number == 2 and "leave" in asked and Vendor.leaves():
                self.note("openai left")
                await self.refuse("session_expired", "Your session hit the maximum duration of 60 minutes.")
                return await self.socket.close(1001)
        await self.over(self.item, "completed", "completed")
        await self.tell("rate_limits.updated", rate_limits=[
            {"name": "tokens", "limit": 15000000, "remaining": 14999715, "reset_seconds": 0.001}])


class Vendor(Once):
    """Who takes connections. One of them vanishes, and one is left."""

    def __init__(self, note):
        self.note = note

    async def serve(self, socket):
        asked, headers = urlsplit(socket.request.path), socket.request.headers
        session = Session(socket, self.note)
        try:
            one_of("/v1/realtime")(asked.path, "path")
            one_of({"model": [MODEL]})(parse_qs(asked.query), "query")
            one_of(f"Bearer {KEY}")(headers.get("authorization"), "authorization")
            one_of(None)(headers.get("openai-beta"), "openai-beta")
            await session.run()
        except Broken as broken:
            self.note(f"WRONG openai: {broken}")
            await socket.close(1008, "a rule was broken")
        finally:
            if session.answering:
                session.answering.cancel()
