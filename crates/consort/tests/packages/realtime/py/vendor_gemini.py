"""Gemini's Live API, played: it is strict about what it is sent, and answers as the vendor does.

What it is sent must be a message that the official library knows, with nothing in it that it does not know; what it says is
one, too, in binary frames as the service sends them.
"""
import asyncio
import base64
import itertools
import json
from urllib.parse import urlsplit

from google.genai import types
from pydantic import ValidationError
from websockets.exceptions import ConnectionClosed

import mind
from rules import Broken, Once, one_of, sound
from tones import Ear, spelled

KEY, MODEL, HEARS, SPEAKS = "far-key", "models/gemini-live", 16000, 24000
PAUSE = 0.04  # seconds between two words
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
KEPT = {}  # the conversations of sessions that can be resumed, by handle


class Session:
    """One connection. `said` is its conversation: `(who, words)`."""

    count = itertools.count(1)
    open_ones = set()

    def __init__(self, socket, note):
        self.socket, self.note = socket, note
        self.id, self.handles, self.numbers = next(self.count), itertools.count(1), itertools.count(1)
        self.setup = None
        self.marks = False  # whether the client marks its turns
        self.active, self.typed = False, []
        self.seeding = False  # whether the history that was announced is still to come
        self.ear, self.said, self.calls, self.tools = Ear(HEARS), [], {}, []
        self.answering = None
        self.handle = None

    def start(self, saying):
        """Says something while more is heard."""
        self.answering = asyncio.create_task(saying)
        self.answering.add_done_callback(self.ended)

    def ended(self, saying):
        error = None if saying.cancelled() else saying.exception()
        if error and not isinstance(error, ConnectionClosed):
            self.note(f"WRONG gemini: {type(error).__name__}: {error}")

    async def tell(self, **message):
        types.LiveServerMessage.model_validate(message)
        await self.socket.send(json.dumps(message).encode())

    async def content(self, **content):
        await self.tell(serverContent=content)

    async def run(self):
        async for frame in self.socket:
            message = json.loads(frame)
            setup = message.get("setup") or {}
            # The library keeps this field apart.
            listens = setup.pop("realtimeInputConfig", None)
            try:
                read = types.LiveClientMessage.model_validate(message)
                listens = listens and types.RealtimeInputConfig.model_validate(listens)
            except ValidationError as error:
                raise Broken("message", str(error)) from None
            if len(message) != 1:
                raise Broken("message", f"it holds {sorted(message)}")
            if self.setup is None:
                await self.set_up(read.setup, listens)
            elif read.client_content:
                await self.written(read.client_content)
            elif read.realtime_input:
                await self.live(read.realtime_input, message["realtimeInput"])
            elif read.tool_response:
                await self.results(read.tool_response.function_responses)
            else:
                raise Broken("message", "a connection is set up once")

    async def set_up(self, setup, listens):
        if setup is None:
            raise Broken("setup", "it comes first")
        one_of(MODEL)(setup.model, "setup.model")
        one_of(["AUDIO"])([each.value for each in setup.generation_config.response_modalities], "responseModalities")
        if setup.session_resumption is None or setup.context_window_compression is None:
            raise Broken("setup", "a session that lasts asks for resumption and compression")
        if setup.input_audio_transcription is None or setup.output_audio_transcription is None:
            raise Broken("setup", "transcripts are not asked for")
        detection = listens and listens.automatic_activity_detection
        self.setup, self.marks = setup, bool(detection and detection.disabled)
        self.ear.listens(None if self.marks else 0.3)
        for tool in setup.tools or ():
            for function in tool.function_declarations:
                # Models before Gemini 3 see no other form.
                if not function.name or function.parameters is None or function.parameters_json_schema is not None:
                    raise Broken("tools", f"the function {function!r}")
                self.tools.append(function.name)
        handle = setup.session_resumption.handle
        if handle is not None:
            if handle not in KEPT:
                raise Broken("handle", f"{handle!r} was never given")
            taken, self.said = KEPT.pop(handle)
            if taken in self.open_ones:
                raise Broken("handle", "its session has a connection still")
            self.note("gemini resumed")
        seeds = setup.history_config and setup.history_config.initial_history_in_client_content
        if seeds and handle is not None:
            raise Broken("historyConfig", "a session that is resumed has its history")
        self.seeding = bool(seeds)
        self.recall(setup.system_instruction)
        await self.tell(setupComplete={"sessionId": f"session-{self.id}"})
        await self.keep()

    def recall(self, instruction):
        """What stands below the instructions, as a model reads it."""
        text = "".join(part.text or "" for part in instruction.parts) if instruction else ""
        for line in text.partition("said so far:\n")[2].splitlines():
            who, _, words = line.partition(": ")
            if who in ("User", "You", "Tool"):
                self.said.append(({"User": "user", "You": "assistant", "Tool": "tool"}[who], words))

    async def keep(self):
        """The session as it is now can be resumed by this handle."""
        self.handle = f"handle-{self.id}-{next(self.handles)}"
        KEPT[self.handle] = (self, list(self.said))
        await self.tell(sessionResumptionUpdate={"newHandle": self.handle, "resumable": True})

    # -- what the user says

    async def written(self, content):
        if not self.seeding:
            raise Broken("clientContent", "it is for a history that was announced")
        for turn in content.turns or ():
            one_of("user", "model")(turn.role, "role")
            for part in turn.parts:
                if part.function_call:
                    self.said.append(("call", part.function_call.name))
                elif part.function_response:
                    told = part.function_response
                    self.said.append(("tool", f"{told.name} said: {told.response.get('output')}"))
                elif part.text:
                    self.said.append(("user" if turn.role == "user" else "assistant", part.text))
                else:
                    raise Broken("part", "it is empty")
        if content.turn_complete is None:
            raise Broken("clientContent", "turnComplete is missing")
        # It is answered by nothing.
        self.seeding = not content.turn_complete

    async def live(self, live, raw):
        if len(raw) != 1:
            raise Broken("realtimeInput", f"it holds {sorted(raw)}")
        if live.activity_start is not None or live.activity_end is not None:
            if not self.marks:
                raise Broken("activity", "the server listens itself")
            self.active = live.activity_start is not None
            if self.active:
                self.typed = []
                return await self.interrupt()
            heard, typed = self.ear.take(), " ".join(self.typed)
            return await (self.ask(typed) if typed else self.turn(heard))
        if live.text is not None:
            if self.marks and not self.active:
                raise Broken("text", "words outside of a turn that is marked")
            if self.marks:
                return self.typed.append(live.text)
            await self.interrupt()
            return await self.ask(live.text)
        if live.audio_stream_end:
            if self.marks:
                raise Broken("audioStreamEnd", "the client marks its turns")
            if self.ear.is_speaking:
                await self.turn(self.ear.take())
            return
        if live.audio is None:
            raise Broken("realtimeInput", f"it holds {sorted(raw)}")
        one_of("audio/pcm;rate=16000")(live.audio.mime_type, "mimeType")
        sound(raw["audio"]["data"], "audio")
        if self.marks and not self.active:
            raise Broken("audio", "sound outside of a turn that is marked")
        for kind, *words in self.ear.push(live.audio.data):
            if self.marks:
                continue
            if kind == "began":
                await self.interrupt()
            else:
                await self.turn(words[0])

    async def ask(self, words):
        self.said.append(("user", words))
        await self.respond()

    async def turn(self, words):
        words = words or "(sound)"
        for word in words.split():
            await self.content(inputTranscription={"text": " " + word})
        self.said.append(("user", words))
        await self.respond()

    async def results(self, responses):
        for given in responses:
            name = self.calls.pop(given.id, None)
            if name is None or name != given.name:
                raise Broken("toolResponse", f"no call {given.id!r} of {given.name!r} waits")
            self.said.append(("tool", f"{name} said: {given.response.get('output')}"))
        if not self.calls:
            self.start(self.speak(mind.answer(self.said, [])))

    # -- what it answers

    async def interrupt(self):
        if self.answering is None or self.answering.done():
            return
        self.answering.cancel()
        await asyncio.wait([self.answering])
        await self.content(interrupted=True)
        await self.tell(serverContent={"turnComplete": True}, usageMetadata={"totalTokenCount": 9})
        await self.keep()

    async def respond(self):
        await self.interrupt()
        thought = mind.answer(self.said, self.tools)
        if isinstance(thought, mind.Call):
            ident = f"function-call-{self.id}-{next(self.numbers)}"
            self.calls[ident] = thought.name
            self.said.append(("call", thought.name))
            call = {"id": ident, "name": thought.name, "args": thought.arguments}
            return await self.tell(toolCall={"functionCalls": [call]})
        self.start(self.speak(thought))

    async def speak(self, words):
        asked = next((words for who, words in reversed(self.said) if who == "user"), "")
        at, said = len(self.said), ""
        leaving = False
        for number, word in enumerate(words.split()):
            piece = word if number == 0 else " " + word
            said += piece
            self.said[at:] = [("assistant", said)]
            blob = {"mimeType": f"audio/pcm;rate={SPEAKS}", "data": base64.b64encode(spelled(word, SPEAKS)).decode()}
            await self.content(modelTurn={"parts": [{"inlineData": blob}]})
            await self.content(outputTranscription={"text": piece})
            await asyncio.sleep(PAUSE)
            if number == 2 and "vanish" in asked and Vendor.vanishes():
                self.note("gemini vanished")
                self.open_ones.discard(self)
                return self.socket.transport.abort()
            if number == 2 and "leave" in asked and Vendor.leaves():
                leaving = True
                self.note("gemini left")
                await self.tell(goAway={"timeLeft": "2s"})
        await self.content(generationComplete=True)
        await self.tell(serverContent={"turnComplete": True}, usageMetadata={
            "promptTokenCount": 10, "responseTokenCount": 20, "totalTokenCount": 30,
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}]})
        await self.keep()
        if leaving:
            await asyncio.sleep(2)
            # Who was told in time is gone by now, and this with it.
            self.note("WRONG gemini: the client stayed to the end, which was told to it")
            await self.socket.close(1001, "the session is over")


class Vendor(Once):
    """Who takes connections. One of them vanishes, and one is left."""

    def __init__(self, note):
        self.note = note

    async def serve(self, socket):
        session = Session(socket, self.note)
        Session.open_ones.add(session)
        try:
            one_of(PATH)(urlsplit(socket.request.path).path, "path")
            one_of("")(urlsplit(socket.request.path).query, "query")
            one_of(KEY)(socket.request.headers.get("x-goog-api-key"), "x-goog-api-key")
            await session.run()
        except Broken as broken:
            self.note(f"WRONG gemini: {broken}")
            await socket.close(1007, "a rule was broken")
        finally:
            Session.open_ones.discard(session)
            if session.answering:
                session.answering.cancel()
