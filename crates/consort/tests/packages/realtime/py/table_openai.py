"""The cells of the official openai library: ADDRESS TOKEN VOICE COLUMN=MODEL:FEATURE,..."""
import asyncio
import base64
import sys

from expected import COUNTED, PIECE, SILENCE, barge, fill, spelled, starts
from openai import AsyncOpenAI

ADDRESS, TOKEN, VOICE, *CELLS = sys.argv[1:]
voice = open(VOICE, "rb").read()
client = AsyncOpenAI(api_key=TOKEN, base_url=f"http://{ADDRESS}/v1")


class Talk:
    """A session, and all that came in it."""

    def __init__(self, connection):
        self.connection = connection
        self.events = []

    async def set(self, **session):
        await self.connection.session.update(session={"type": "realtime", **session})
        await self.until("session.updated")

    async def next(self):
        event = await asyncio.wait_for(self.connection.recv(), 20)
        self.events.append(event)
        return event

    async def until(self, *wanted, errors=False):
        """What comes up to the first event of one of these types."""
        seen = []
        while True:
            event = await self.next()
            seen.append(event)
            assert errors or event.type != "error", event
            if event.type in wanted:
                return seen

    async def say(self, text):
        await self.put("user", "input_text", text)
        await self.connection.response.create()

    async def put(self, role, kind, text):
        content = [{"type": kind, "text": text}]
        await self.connection.conversation.item.create(item={"type": "message", "role": role, "content": content})

    async def ask(self, text):
        """The words of an answer that is complete."""
        await self.say(text)
        return words(await self.complete())

    async def complete(self):
        seen = await self.until("response.done")
        assert seen[-1].response.status == "completed", seen[-1].response
        return seen

    async def speak(self, sound, pace=0.0):
        for at in range(0, len(sound), PIECE):
            audio = base64.b64encode(sound[at : at + PIECE]).decode()
            await self.connection.input_audio_buffer.append(audio=audio)
            await asyncio.sleep(pace)

    async def retrieved(self, item):
        await self.connection.conversation.item.retrieve(item_id=item)
        return (await self.until("conversation.item.retrieved"))[-1].item


def talk(model):
    return client.realtime.connect(model=model.name)


def words(events):
    return "".join(event.delta for event in events if event.type == "response.output_audio_transcript.delta").strip()


def sound(events):
    return b"".join(base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta")


TRANSCRIBED = {"input": {"transcription": {"model": "any"}}}


async def text(model):
    async with talk(model) as connection:
        live = Talk(connection)
        await live.until("session.created")
        await live.set(output_modalities=["text"])
        await live.say("hello")
        seen = await live.complete()
        assert "".join(event.delta for event in seen if event.type == "response.output_text.delta").strip() == "You said: hello"
        assert not sound(seen) and seen[-1].response.output[0].content[0].text.strip() == "You said: hello", seen[-1]
        # The same session speaks when it is told to.
        await live.set(output_modalities=["audio"])
        await live.say("good morning")
        seen = await live.complete()
        assert words(seen) == "You said: good morning", words(seen)
        model.check_sound(sound(seen), words(seen))
        assert seen[-1].response.output[0].content[0].transcript.strip() == words(seen), seen[-1]


async def audio(model):
    async with talk(model) as connection:
        live = Talk(connection)
        await live.set(audio=TRANSCRIBED)
        await live.speak(SILENCE + spelled("hello there", 24000) + SILENCE)
        seen = await live.complete()
        assert words(seen).startswith(model.heard("hello there")), words(seen)
        model.check_sound(sound(seen), words(seen))
        completed = "conversation.item.input_audio_transcription.completed"
        if not any(event.type == completed for event in seen):
            seen += await live.until(completed)
        user = [event for event in seen if event.type == "input_audio_buffer.committed"]
        said = [event for event in seen if event.type == completed]
        assert len(user) == len(said) == 1 and said[0].item_id == user[0].item_id, (user, said)
        assert not model.remembers or said[0].transcript.strip() == "hello there", said
        # A turn that the client ends itself.
        await live.set(audio={"input": {"turn_detection": None}})
        await live.speak(spelled("and again", 24000) + SILENCE[:9600])
        await live.connection.input_audio_buffer.commit()
        await live.until("input_audio_buffer.committed")
        await live.connection.response.create()
        seen = await live.complete()
        assert words(seen).startswith(model.heard("and again")), words(seen)
        model.check_sound(sound(seen), words(seen))


async def tools(model):
    tool = {"type": "function", "name": "weather", "description": "The weather.", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    async with talk(model) as connection:
        live = Talk(connection)
        await live.set(tools=[tool])
        for city in ("sunny", "rain"):
            await live.say("the weather please")
            seen = await live.complete()
            call = next(event for event in seen if event.type == "response.function_call_arguments.done")
            item = seen[-1].response.output[-1]
            assert (call.name, item.call_id, item.arguments) == ("weather", call.call_id, call.arguments), (call, item)
            assert not model.remembers or "Oslo" in call.arguments, call
            output = {"type": "function_call_output", "call_id": call.call_id, "output": city}
            await live.connection.conversation.item.create(item=output)
            await live.connection.response.create()
            seen = await live.complete()
            assert words(seen).endswith(f"weather said: {city}"), words(seen)
            model.check_sound(sound(seen), words(seen))
        assert await live.ask("thanks") == "You said: thanks"


async def interruption(model):
    count = f"count {COUNTED} {COUNTED} please"
    async with talk(model) as connection:
        live = Talk(connection)
        await live.set(audio=TRANSCRIBED)
        # By the client's own word.
        await live.say(count)
        seen = await live.until("response.output_audio.delta")
        await live.connection.response.cancel()
        seen += await live.until("response.done")
        response = seen[-1].response
        assert (response.status, response.status_details.reason) == ("cancelled", "client_cancelled"), response
        cut = seen[-1].response.id
        assert len(words(seen).split()) < 30, words(seen)
        assert await live.ask("good day") == "You said: good day"
        # By speech.
        await live.say(count)
        seen = await live.until("response.output_audio.delta")
        # Some of it is heard: who goes on before that says more of the same turn.
        await asyncio.sleep(0.4)
        speaking = asyncio.create_task(live.speak(barge(voice), 0.01))
        # A vendor that tells of no speech says first that it cut its answer; its speech is then what this server hears.
        seen += await live.until("input_audio_buffer.speech_started", "response.done")
        rest = []
        while {"input_audio_buffer.speech_started", "response.done"} - {event.type for event in seen + rest}:
            rest += [await live.next()]
        response = next(event.response for event in seen + rest if event.type == "response.done")
        assert (response.status, response.status_details.reason) == ("cancelled", "turn_detected"), response
        assert not sound(rest), "it sounds on behind the word that somebody speaks"
        assert len(words(seen + rest).split()) < 30, words(seen + rest)
        await speaking
        seen = await live.complete()
        assert words(seen).startswith(model.heard("stop please")), words(seen)
        model.check_sound(sound(seen), words(seen))
        assert await live.ask("well then") == "You said: well then"
        late = [event for event in live.events if getattr(event, "response_id", None) == cut]
        assert live.events.index(late[-1]) < next(at for at, event in enumerate(live.events)
                                                  if event.type == "response.done"), "what was cancelled went on"


async def truncation(model):
    count = f"count {COUNTED} {COUNTED} please"
    async with talk(model) as connection:
        live = Talk(connection)
        await live.set(audio=TRANSCRIBED)
        assert await live.ask("good day") == "You said: good day"
        await live.say(count)
        seen = await live.until("response.output_audio.delta")
        begun = asyncio.get_running_loop().time()
        # Nobody hears more than there was time for.
        while len(sound(seen)) < 24000 * 2 or asyncio.get_running_loop().time() < begun + 1:
            seen += await live.until("response.output_audio.delta")
        item = seen[-1].item_id
        speaking = asyncio.create_task(live.speak(barge(voice), 0.01))
        seen += await live.until("input_audio_buffer.speech_started")
        # At once, as clients do, before the answer is over.
        end = 700
        await live.connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=end)
        while {"conversation.item.truncated", "response.done"} - {event.type for event in seen}:
            seen += [await live.next()]
            assert seen[-1].type != "error", seen[-1]
        truncated = next(event for event in seen if event.type == "conversation.item.truncated")
        assert (truncated.item_id, truncated.audio_end_ms) == (item, end), truncated
        said = words(seen)
        await speaking
        await live.complete()
        kept = await live.retrieved(item)
        transcript = kept.content[0].transcript
        assert starts(transcript, said) and transcript, (transcript, said)
        share = len(transcript) / len(said) - end * 48 / len(sound(seen))
        assert -0.3 < share < 0.1, (share, transcript, said)
        if model.remembers:
            again = (await live.ask("recall please")).removeprefix("I said: ").split(" / ")
            assert again[0] == "You said: good day", again
            # Each counts by itself which word a moment is in.
            off = len(again[1].split()) - len(transcript.split())
            assert not model.is_told or (starts(again[1], said) and abs(off) <= 2), (again, transcript)
        # What no session can be told opens another one, which begins with what was heard.
        await live.put("system", "input_text", "Be kind.")
        again = (await live.ask("recall please")).removeprefix("I said: ").split(" / ")
        if model.remembers:
            assert again[:2] == ["You said: good day", transcript], (again, transcript)


async def vanishing(model):
    """The vendor's connection is gone in the middle of an answer."""
    async with talk(model) as connection:
        live = Talk(connection)
        assert await live.ask("remember me") == "You said: remember me"
        await live.say("vanish now one two three four")
        seen = await live.until("response.done")
        assert seen[-1].response.status in ("cancelled", "incomplete", "failed"), seen[-1].response
        assert starts(words(seen), "You said: vanish now one two three four"), words(seen)
        again = (await live.ask("recall please")).removeprefix("I said: ").split(" / ")
        assert again == ["You said: remember me", words(seen)], again
        await live.speak(SILENCE[:9600] + spelled("still here", 24000) + SILENCE)
        seen = await live.complete()
        assert words(seen) == "You said: still here", words(seen)
        model.check_sound(sound(seen), words(seen))


async def leaving(model):
    """The vendor says that it ends the session, and does so."""
    async with talk(model) as connection:
        live = Talk(connection)
        assert await live.ask("remember me") == "You said: remember me"
        await live.say("leave now one two three four")
        said = words(await live.until("response.done"))
        again = (await live.ask("recall please")).removeprefix("I said: ").split(" / ")
        assert again == ["You said: remember me", said], again
        await asyncio.sleep(2.2)
        assert await live.ask("still here") == "You said: still here"


FEATURES = {each.__name__: each for each in (text, audio, tools, interruption, truncation, vanishing, leaving)}
asyncio.run(fill(CELLS, FEATURES))
