"""A model of the real package, lent to one request or session at a time."""

import asyncio

from .real import functions_of


class Lent:
    """A model that is one request's or session's alone for as long as this lasts: its instructions, conversation, tools
    and events are kept on the object itself there, so that others wait."""

    def __init__(self, owner, llm):
        self.owner = owner
        self.llm = llm
        self.added = []

    async def __aenter__(self):
        llm, owner = self.llm, self.owner
        self.lock = vars(llm).setdefault("_consort_lock", asyncio.Lock())
        await self.lock.acquire()
        llm.set_instructions(owner.given["_instructions"])
        llm.set_conversation(owner.given["_conversation"])
        registry = llm.function_registry
        for name, (function, said, schema) in owner.tools.items():
            self.added.append((name, functions_of(registry).get(name)))
            registry.register(name, said, schema)(function)
        self.send = llm.events.send
        llm.events.send = self._tapped
        return self

    def _tapped(self, *events):
        for event in events:
            self.owner.on_event(event)
        try:
            self.send(*events)
        except RuntimeError:  # of an event that this version does not know, or from a thread without a loop
            pass

    async def __aexit__(self, *why):
        functions = functions_of(self.llm.function_registry)
        for name, before in self.added:
            if before is None:
                functions.pop(name, None)
            else:
                functions[name] = before
        self.llm.events.send = self.send
        self.lock.release()

    async def drain(self):
        """What a live model of the newest form gives: items of a stream of its own."""
        output = getattr(self.llm, "output", None)
        if hasattr(output, "__aiter__"):
            _keep_words(output)
            async for item in output:
                self.owner.on_item(item)


def _keep_words(output):
    """An interruption empties the stream: the sound in it is not to be heard any more, but what was said was said."""
    clear, peek = getattr(output, "clear", None), getattr(output, "peek", None)
    if clear is None or peek is None:
        return

    def clear_sound():
        waiting = list(peek())
        clear()
        for item in waiting:
            if type(item).__name__ != "RealtimeAudioOutput":
                output.send_nowait(item)

    output.clear = clear_sound
