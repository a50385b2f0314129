"""The official openai library holds live sessions: ADDRESS TOKEN VOICE MODEL..., where the models are all the demo's."""
import asyncio
import base64
import os
import sys

from openai import AsyncOpenAI

ADDRESS, TOKEN, VOICE, *MODELS = sys.argv[1:]
voice = open(VOICE, "rb").read()
client = AsyncOpenAI(api_key=TOKEN, base_url=f"http://{ADDRESS}/v1")
PIECE = 24000 * 2 // 50
SILENCE = bytes(24000 * 2)


async def until(connection, kind):
    """All events up to the first of this type."""
    seen = []
    while True:
        event = await asyncio.wait_for(connection.recv(), 30)
        seen.append(event)
        assert event.type != "error" or kind == "error", event
        if event.type == kind:
            return seen


async def say(connection, sound):
    for at in range(0, len(sound), PIECE):
        await connection.input_audio_buffer.append(audio=base64.b64encode(sound[at : at + PIECE]).decode())


def kinds(events):
    return [event.type for event in events]


def words(events):
    return "".join(event.delta for event in events if event.type == "response.output_audio_transcript.delta")


def sound(events):
    deltas = [base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta"]
    return b"".join(deltas)


async def user(connection, text):
    content = [{"type": "input_text", "text": text}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()


async def texts(model):
    async with client.realtime.connect(model=model) as connection:
        created = (await until(connection, "session.created"))[0]
        assert created.session.model == model and created.session.output_modalities == ["audio"], created
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"], "instructions": "Be kind."})
        updated = (await until(connection, "session.updated"))[0]
        assert updated.session.instructions == "Be kind.", updated
        await user(connection, "hello")
        seen = await until(connection, "response.done")
        text = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
        assert text == "You said: hello My instructions: Be kind.", text
        response = seen[-1].response
        assert response.status == "completed" and response.usage.output_tokens > 0, response
        assert response.output[0].content[0].text == text, response
        # A setting that is unknown: none of the message counts.
        await connection.send({"type": "session.update", "event_id": "mine",
                               "session": {"type": "realtime", "instructions": "Be loud.", "colour": "red"}})
        error = (await until(connection, "error"))[-1].error
        assert error.event_id == "mine" and error.code == "unknown_parameter" and error.param == "session.colour", error
        await user(connection, "again")
        seen = await until(connection, "response.done")
        assert "Be kind." in "".join(e.delta for e in seen if e.type == "response.output_text.delta")
    print("text")


async def spoken(model):
    async with client.realtime.connect(model=model) as connection:
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"transcription": {"model": "any"}}}})
        await until(connection, "session.updated")
        await say(connection, voice + SILENCE)
        seen = await until(connection, "response.done")
        order = [kind for kind in kinds(seen) if "delta" not in kind]
        begin = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
                 "conversation.item.added", "conversation.item.done"]
        assert order[:5] == begin, order
        said = [event for event in seen if event.type == "conversation.item.input_audio_transcription.completed"]
        assert said[0].transcript.endswith("s of sound)") and said[0].item_id == seen[0].item_id, said
        assert words(seen).startswith("I heard 1."), words(seen)
        # Each word is a tone of 160 ms.
        assert len(sound(seen)) == 24000 * 2 * 160 // 1000 * len(words(seen).split()), len(sound(seen))
    print("audio")


async def called(model):
    async with client.realtime.connect(model=model) as connection:
        tool = {"type": "function", "name": "weather", "description": "", "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}}}}
        await connection.session.update(session={"type": "realtime", "tools": [tool]})
        await until(connection, "session.updated")
        await user(connection, "the weather please")
        seen = await until(connection, "response.done")
        call = next(event for event in seen if event.type == "response.function_call_arguments.done")
        assert call.name == "weather" and seen[-1].response.output[0].call_id == call.call_id, call
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
        await connection.response.create()
        seen = await until(connection, "response.done")
        assert words(seen) == "You said: the weather please weather said: sunny", words(seen)
    print("tools")


async def cut(model):
    async with client.realtime.connect(model=model) as connection:
        await user(connection, "one two three four five six seven eight nine ten")
        seen = await until(connection, "response.output_audio.delta")
        await connection.response.cancel()
        seen += await until(connection, "response.done")
        response = seen[-1].response
        assert response.status == "cancelled" and response.status_details.reason == "client_cancelled", response
        # By voice, into an answer; and what was heard of it.
        await user(connection, "one two three four five six seven eight nine ten " * 4)
        seen = await until(connection, "response.output_audio.delta")
        item = seen[-1].item_id
        speaking = asyncio.create_task(say(connection, voice + SILENCE))
        seen += await until(connection, "input_audio_buffer.speech_started")
        await connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=100)
        seen += await until(connection, "response.done")
        response = seen[-1].response
        assert response.status == "cancelled" and response.status_details.reason == "turn_detected", response
        truncated = [event for event in seen if event.type == "conversation.item.truncated"]
        truncated = truncated or (await until(connection, "conversation.item.truncated"))[-1:]
        assert truncated[0].audio_end_ms == 100, truncated
        await speaking
        seen = await until(connection, "response.done")
        assert words(seen).startswith("I heard"), words(seen)
        await connection.conversation.item.retrieve(item_id=item)
        kept = (await until(connection, "conversation.item.retrieved"))[-1]
        assert kept.item.role == "assistant", kept
    print("interruption and truncation")


async def pushed_to_talk(model):
    async with client.realtime.connect(model=model) as connection:
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await until(connection, "session.updated")
        await say(connection, voice)
        await connection.input_audio_buffer.clear()
        await until(connection, "input_audio_buffer.cleared")
        await say(connection, voice[:48000])
        await connection.input_audio_buffer.commit()
        await until(connection, "input_audio_buffer.committed")
        await connection.response.create()
        seen = await until(connection, "response.done")
        assert words(seen).startswith(("I heard 0.9", "I heard 1.0")), words(seen)
    print("push to talk")


async def plugin():
    async with client.realtime.connect(model="repeat_live") as connection:
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"transcription": {"model": "any"}}}})
        await until(connection, "session.updated")
        await say(connection, voice + SILENCE)
        seen = await until(connection, "response.done")
        assert len(sound(seen)) >= len(voice), len(sound(seen))
        assert any(e.type == "conversation.item.input_audio_transcription.completed" for e in seen), kinds(seen)
        assert "input_audio_buffer.speech_started" in kinds(seen), "the server hears where the model does not"
    async with client.realtime.connect(model="repeat_live") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await user(connection, "hello")
        seen = await until(connection, "response.done")
        assert "hello" in "".join(e.delta for e in seen if e.type == "response.output_text.delta"), kinds(seen)
    print("a plugin")


async def cascade():
    """A chat model with ears and a voice: what is spelled in tones is read, answered and spelled."""
    spelled = open(os.environ["SPELLED"], "rb").read()
    async with client.realtime.connect(model="demo/text") as connection:
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"transcription": {"model": "any"}}}})
        await until(connection, "session.updated")
        await say(connection, SILENCE + spelled + SILENCE)
        seen = await until(connection, "response.done")
        said = [event for event in seen if event.type == "conversation.item.input_audio_transcription.completed"]
        assert said and said[0].transcript == "hello there", said
        assert "hello there" in words(seen) and len(sound(seen)) > len(spelled), (words(seen), len(sound(seen)))
        await user(connection, "and in words")
        seen = await until(connection, "response.done")
        assert "and in words" in words(seen), words(seen)
    print("a chat model")


async def refused():
    wrong = AsyncOpenAI(api_key="wrong", base_url=f"http://{ADDRESS}/v1", max_retries=0)
    try:
        async with wrong.realtime.connect(model="demo/live"):
            raise AssertionError("a wrong key was taken")
    except AssertionError:
        raise
    except Exception as error:
        assert "401" in str(error), error
    async with client.realtime.connect(model="zoo/none") as connection:
        error = (await until(connection, "error"))[-1].error
        assert "zoo/none" in error.message, error
    print("refusals")


async def main():
    for model in MODELS:
        print(model)
        for step in (texts, spoken, called, cut, pushed_to_talk):
            await step(model)
    for step in (plugin, cascade, refused):
        await step()
    print("all held")


asyncio.run(main())
