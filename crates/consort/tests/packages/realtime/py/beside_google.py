"""The official google-genai library holds live sessions: ADDRESS TOKEN VOICE MODEL..., where the models are all the demo's."""
import asyncio
import sys

import google_live
from google.genai import types
from google_live import until

ADDRESS, TOKEN, VOICE, *MODELS = sys.argv[1:]
voice = open(VOICE, "rb").read()
PIECE = 24000 * 2 // 50
SILENCE = bytes(24000 * 2)


def client(version="v1beta", token=TOKEN):
    return google_live.client(ADDRESS, token, version)


def complete(message):
    return bool(message.server_content and message.server_content.turn_complete)


async def say(session, sound):
    for at in range(0, len(sound), PIECE):
        await session.send_realtime_input(audio=types.Blob(data=sound[at : at + PIECE], mime_type="audio/pcm;rate=24000"))


def heard(messages):
    return b"".join(message.data or b"" for message in messages)


def words(messages, side="output_transcription"):
    found = [getattr(m.server_content, side) for m in messages if m.server_content]
    return "".join(one.text or "" for one in found if one)


BOTH = {"response_modalities": ["AUDIO"], "input_audio_transcription": {}, "output_audio_transcription": {}}


async def turn(session, text):
    await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]}, turn_complete=True)


async def texts(model):
    for version in ("v1beta", "v1alpha"):
        config = {**BOTH, "system_instruction": "Be kind."}
        async with client(version).aio.live.connect(model=model, config=config) as session:
            await turn(session, "hello")
            seen = [message async for message in session.receive()]
            assert words(seen) == "You said: hello My instructions: Be kind.", words(seen)
            assert len(heard(seen)) == 24000 * 2 * 160 // 1000 * len(words(seen).split()), len(heard(seen))
            assert seen[-1].usage_metadata.response_token_count > 0, seen[-1]
    config = {"response_modalities": ["TEXT"]}
    async with client().aio.live.connect(model=model, config=config) as session:
        await turn(session, "hello")
        seen = [message async for message in session.receive()]
        assert "".join(message.text or "" for message in seen) == "You said: hello", seen
    print("text")


async def spoken(model):
    async with client().aio.live.connect(model=model, config=BOTH) as session:
        await say(session, voice + SILENCE)
        seen = [message async for message in session.receive()]
        assert words(seen, "input_transcription").endswith("s of sound)"), seen
        assert words(seen).startswith("I heard 1."), words(seen)
        await session.send_realtime_input(text="hello")
        seen = [message async for message in session.receive()]
        assert words(seen) == "You said: hello", words(seen)
    print("audio")


async def called(model):
    tool = {"function_declarations": [{"name": "weather", "parameters": {
        "type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]}
    async with client().aio.live.connect(model=model, config={**BOTH, "tools": [tool]}) as session:
        await turn(session, "the weather please")
        seen = []
        async for message in session.receive():
            seen.append(message)
            if message.tool_call:
                call = message.tool_call.function_calls[0]
                assert call.name == "weather", call
                answer = types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny"})
                await session.send_tool_response(function_responses=[answer])
        assert words(seen) == "You said: the weather please weather said: sunny", words(seen)
    print("tools")


async def cut(model):
    async with client().aio.live.connect(model=model, config=BOTH) as session:
        await turn(session, "one two three four five six seven eight nine ten " * 4)
        await until(session, lambda message: message.data)
        speaking = asyncio.create_task(say(session, voice + SILENCE))
        seen = await until(session, lambda m: m.server_content and m.server_content.interrupted)
        seen += await until(session, complete)
        assert not words(seen).endswith("ten"), words(seen)
        await speaking
        seen = await until(session, complete)
        assert words(seen).startswith("I heard"), words(seen)
    print("interruption")


async def marked(model):
    config = {**BOTH, "realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}
    async with client().aio.live.connect(model=model, config=config) as session:
        await session.send_realtime_input(activity_start=types.ActivityStart())
        await say(session, voice)
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        seen = [message async for message in session.receive()]
        assert words(seen).startswith("I heard 1."), words(seen)
    print("marked turns")


async def plugin():
    async with client().aio.live.connect(model="repeat_live", config=BOTH) as session:
        await say(session, voice + SILENCE)
        seen = await until(session, complete)
        assert len(heard(seen)) >= len(voice), len(heard(seen))
        assert "seconds of sound" in words(seen, "input_transcription"), seen
    print("a plugin")


async def refused():
    for wrong, word in (({"model": "zoo/none"}, "zoo/none"), ({"token": "wrong"}, "401")):
        try:
            made = client(token=wrong.get("token", TOKEN))
            async with made.aio.live.connect(model=wrong.get("model", "demo/live"), config=BOTH) as session:
                await until(session, complete)
            raise AssertionError("it was taken")
        except AssertionError:
            raise
        except Exception as error:
            assert word in str(error), error
    print("refusals")


async def main():
    for model in MODELS:
        print(model)
        for step in (texts, spoken, called, cut, marked):
            await step(model)
    for step in (plugin, refused):
        await step()
    print("all held")


asyncio.run(main())
