# /// script
# dependencies = ["llm"]
# ///
"""Asks back what you say, as the first chat program did. No network, no key.

A plugin of `llm`: it runs here and in the `llm` program as it is. `consort plugins install-deps mirror` makes its
environment, from the block above.
"""

import re

import llm
from pydantic import Field

_TURNED = {"i": "you", "me": "you", "my": "your", "am": "are", "you": "I", "your": "my", "are": "am", "mine": "yours"}


class Options(llm.Options):
    """What can be set with `-o`; Consort makes its form from this."""

    shout: bool = Field(default=False, description="Answer in capitals")


class Shared:
    """What the synchronous and the asynchronous model have in common."""

    model_id = "mirror"
    can_stream = True
    Options = Options

    def answer(self, prompt, response, conversation):
        # Earlier turns. `prompt.messages` has them too, in newer versions of llm, with reasoning and tool calls.
        turn = len(conversation.responses) + 1 if conversation else 1
        said = " ".join(_TURNED.get(word.lower(), word) for word in re.findall(r"[\w']+", prompt.prompt or ""))
        text = f"({turn}) Why do you say: {said}?" if said else "Go on."
        words = [word + " " for word in (text.upper() if prompt.options.shout else text).split(" ")]
        response.set_usage(input=len((prompt.prompt or "").split()), output=len(words))
        return words


class Mirror(Shared, llm.Model):
    """Asks back what you say."""

    def execute(self, prompt, stream, response, conversation):
        yield from self.answer(prompt, response, conversation)


class AsyncMirror(Shared, llm.AsyncModel):
    """The same for asyncio. Consort takes it where it streams: it needs no thread of its own."""

    async def execute(self, prompt, stream, response, conversation=None):
        for word in self.answer(prompt, response, conversation):
            yield word


@llm.hookimpl
def register_models(register):
    register(Mirror(), AsyncMirror(), aliases=("eliza",))


@llm.hookimpl
def register_tools(register):
    register(turn_around)


def turn_around(sentence: str) -> str:
    "Says a sentence from the other side: I becomes you."
    return " ".join(_TURNED.get(word.lower(), word) for word in sentence.split())
