"""The cells of the official google-genai library: ADDRESS TOKEN VOICE COLUMN=MODEL:FEATURE,..."""
import asyncio
import sys

import google_live
from expected import COUNTED, PIECE, SILENCE, barge, fill, spelled, starts
from google.genai import types

ADDRESS, TOKEN, VOICE, *CELLS = sys.argv[1:]
voice = open(VOICE, "rb").read()
BOTH = {"response_modalities": ["AUDIO"], "input_audio_transcription": {}, "output_audio_transcription": {}}

client = google_live.client(ADDRESS, TOKEN)


class Talk:
    """A session."""

    def __init__(self, session):
        self.session = session

    async def until(self, done):
        """What comes up to the first message for which this holds."""
        return await google_live.until(self.session, done)

    async def complete(self):
        return await self.until(lambda message: message.server_content and message.server_content.turn_complete)

    async def say(self, text, *before):
        turns = [*before, {"role": "user", "parts": [{"text": text}]}]
        await self.session.send_client_content(turns=turns, turn_complete=True)

    async def ask(self, text, *before):
        await self.say(text, *before)
        return words(await self.complete())

    async def speak(self, sound, pace=0.0):
        for at in range(0, len(sound), PIECE):
            blob = types.Blob(data=sound[at : at + PIECE], mime_type="audio/pcm;rate=24000")
            await self.session.send_realtime_input(audio=blob)
            await asyncio.sleep(pace)


def talk(model, **more):
    return client.aio.live.connect(model=model.name, config={**BOTH, **more})


def sound(messages):
    return b"".join(message.data or b"" for message in messages)


def words(messages, side="output_transcription"):
    found = [getattr(message.server_content, side) for message in messages if message.server_content]
    return "".join(one.text or "" for one in found if one).strip()


def interrupted(message):
    return bool(message.server_content and message.server_content.interrupted)


async def text(model):
    async with talk(model) as session:
        live = Talk(session)
        await live.say("hello")
        seen = [message async for message in session.receive()]
        assert words(seen) == "You said: hello", words(seen)
        model.check_sound(sound(seen), words(seen))
        assert any(message.server_content and message.server_content.generation_complete for message in seen), seen
        await session.send_realtime_input(text="good morning")
        assert words(await live.complete()) == "You said: good morning"
    async with talk(model, response_modalities=["TEXT"]) as session:
        live = Talk(session)
        await live.say("hello")
        seen = await live.complete()
        assert "".join(message.text or "" for message in seen).strip() == "You said: hello" and not sound(seen), seen


async def audio(model):
    async with talk(model) as session:
        live = Talk(session)
        await live.speak(SILENCE + spelled("hello there", 24000) + SILENCE)
        seen = await live.complete()
        assert words(seen).startswith(model.heard("hello there")), words(seen)
        model.check_sound(sound(seen), words(seen))
        said = words(seen, "input_transcription")
        assert said == "hello there" if model.remembers else said.endswith("s of sound)"), said
    marks = {"automatic_activity_detection": {"disabled": True}}
    async with talk(model, realtime_input_config=marks) as session:
        live = Talk(session)
        await session.send_realtime_input(activity_start=types.ActivityStart())
        await live.speak(spelled("and again", 24000))
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        seen = await live.complete()
        assert words(seen).startswith(model.heard("and again")), words(seen)
        model.check_sound(sound(seen), words(seen))


async def tools(model):
    tool = {"function_declarations": [{"name": "weather", "description": "The weather.", "parameters": {
        "type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}}]}
    async with talk(model, tools=[tool]) as session:
        live = Talk(session)
        for sky in ("sunny", "rain"):
            await live.say("the weather please")
            call = (await live.until(lambda message: message.tool_call))[-1].tool_call.function_calls[0]
            assert call.name == "weather" and (not model.remembers or call.args == {"city": "Oslo"}), call
            answer = types.FunctionResponse(id=call.id, name=call.name, response={"output": sky})
            await session.send_tool_response(function_responses=[answer])
            seen = await live.complete()
            assert words(seen).endswith(f"weather said: {sky}"), words(seen)
            model.check_sound(sound(seen), words(seen))
        assert await live.ask("thanks") == "You said: thanks"


async def interruption(model):
    count = f"count {COUNTED} {COUNTED} please"
    async with talk(model) as session:
        live = Talk(session)
        # By speech.
        await live.say(count)
        seen = await live.until(lambda message: message.data)
        # Some of it is heard: who goes on before that says more of the same turn.
        await asyncio.sleep(0.4)
        speaking = asyncio.create_task(live.speak(barge(voice), 0.01))
        seen += await live.until(interrupted)
        rest = await live.complete()
        assert not sound(rest), "it sounds on behind the word that it was interrupted"
        assert len(words(seen + rest).split()) < 30, words(seen + rest)
        await speaking
        seen = await live.complete()
        assert words(seen).startswith(model.heard("stop please")), words(seen)
        model.check_sound(sound(seen), words(seen))
        # By words that are to be answered.
        await live.say(count)
        seen = await live.until(lambda message: message.data)
        await live.say("well then")
        seen += await live.until(interrupted)
        rest = await live.complete()
        assert not sound(rest) and len(words(seen + rest).split()) < 30, words(seen + rest)
        assert words(await live.complete()) == "You said: well then"
    marks = {"automatic_activity_detection": {"disabled": True}}
    async with talk(model, realtime_input_config=marks) as session:
        live = Talk(session)
        # By the client's own word.
        await live.say(count)
        seen = await live.until(lambda message: message.data)
        await session.send_realtime_input(activity_start=types.ActivityStart())
        seen += await live.until(interrupted)
        rest = await live.complete()
        assert not sound(rest) and len(words(seen + rest).split()) < 30, words(seen + rest)
        await live.speak(spelled("stop please", 24000))
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        seen = await live.complete()
        assert words(seen).startswith(model.heard("stop please")), words(seen)
        model.check_sound(sound(seen), words(seen))


async def truncation(model):
    """The format has no word for it: what was not heard is not part of the conversation all the same."""
    count = f"count {COUNTED} {COUNTED} please"
    async with talk(model) as session:
        live = Talk(session)
        assert await live.ask("good day") == "You said: good day"
        await live.say(count)
        seen = await live.until(lambda message: message.data)
        begun = asyncio.get_running_loop().time()
        # Nobody hears more than there was time for.
        while len(sound(seen)) < 24000 * 2 or asyncio.get_running_loop().time() < begun + 0.8:
            seen += await live.until(lambda message: message.data)
        speaking = asyncio.create_task(live.speak(barge(voice), 0.01))
        seen += await live.until(interrupted)
        seen += await live.complete()
        said = words(seen)
        await speaking
        await live.complete()
        # What no session can be told opens another one, which begins with what was heard.
        told = {"role": "model", "parts": [{"text": "And so on."}]}
        again = (await live.ask("recall please", told)).removeprefix("I said: ").split(" / ")
        if model.remembers:
            assert again[0] == "You said: good day" and again[-1] == "And so on.", again
            assert starts(again[1], said) and again[1], (again, said)


async def vanishing(model):
    """The vendor's connection is gone in the middle of an answer."""
    async with talk(model) as session:
        live = Talk(session)
        assert await live.ask("remember me") == "You said: remember me"
        said = await live.ask("vanish now one two three four")
        assert starts(said, "You said: vanish now one two three four"), said
        again = (await live.ask("recall please")).removeprefix("I said: ").split(" / ")
        assert again == ["You said: remember me", said], again
        await live.speak(SILENCE[:9600] + spelled("still here", 24000) + SILENCE)
        seen = await live.complete()
        assert words(seen) == "You said: still here", words(seen)
        model.check_sound(sound(seen), words(seen))


async def leaving(model):
    """The vendor says that it ends the session, and does so."""
    async with talk(model) as session:
        live = Talk(session)
        assert await live.ask("remember me") == "You said: remember me"
        said = await live.ask("leave now one two three four")
        again = (await live.ask("recall please")).removeprefix("I said: ").split(" / ")
        assert again == ["You said: remember me", said], again
        await asyncio.sleep(2.2)
        assert await live.ask("still here") == "You said: still here"


FEATURES = {each.__name__: each for each in (text, audio, tools, interruption, truncation, vanishing, leaving)}
asyncio.run(fill(CELLS, FEATURES))
