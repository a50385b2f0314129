"""What a live session gives: the plugin's events and items of every version, as those of the protocol."""

import threading
import time

from .. import logs
from ..failures import Failure, failure_of, masked
from . import data, repeats
from .current import answering
from .items import Items
from .sound import EVENT, ITEM, TRACK, Once, Pieces, Wrong, encoded, piece, same_sound, samples_of, told_apart
from .unended import Unended
from .words import Words

_STEP = 327_680  # letters of base64 in one event: whole samples of any usual number of channels


class Outcome(Words, Items, Unended):
    def __init__(self, ident, host, raw):
        Words.__init__(self)
        Items.__init__(self)
        Unended.__init__(self)
        self.ident = ident
        self.host = host
        self.raw = raw
        self.once, self.once_said = Once(), Once()  # sound, and what is transcribed
        self.pieces = Pieces()
        self.rate = None  # of the newest event with sound, which a track without a rate of its own goes by
        self.done_by = None  # the way by which the newest end of an answer came, and what was told until then
        self.closed = self.closing = False
        self.late = 0
        self.warned = repeats.Once()
        self.sounding = None  # the item that sound last came of, until it is complete
        self.told = 0  # events so far
        self.answers = False  # whether an input was answered by the code that took it

    def emit(self, **event):
        if self.closed:
            self._late(event["type"])
            return
        self.told += 1
        answer = answering.get()
        if event["type"] in ("audio", "text") or event.get("role") == "assistant":
            self.giver, self.giver_thread, self.last = answer, threading.current_thread(), time.monotonic()
            if answer is not None:
                answer.gave = self.answers = True
        size = self.host.notify("realtime/event", {"session": self.ident, "events": [event]})
        if size is not None:
            at = data.at()
            told = f"`{event['type']}` of {size} bytes{at} is more than a line may hold; it was left out"
            self.warn_once(told, ("size", event["type"], at))

    def _late(self, what):
        self.late += 1
        if self.late == 1:
            logs.note(f"`{what}` came after the session {self.ident} was closed{data.at()}; it is dropped, "
                      "and so is what follows")

    def warn_once(self, message, kind=None):
        """Of one kind once: where none is said, of these words."""
        if self.warned.is_new(kind or message):
            self.warn(message)
            if self.warned.is_full():
                self.warn(repeats.REST)

    def warn(self, message):
        self.emit(type="warning", message=masked(message, self.secrets()))

    def fail(self, failure):
        self._end_held()
        self.emit(type="error", error=failure.to_error())

    def end(self, reason):
        """The last event of a session."""
        self._end_held()
        if not self.closed:
            self.emit(type="closed", reason=masked(reason, self.secrets()))
            self.closed = True

    # -- events of the bus --------------------------------------------------------------------------------------

    def on_event(self, event):
        if self.closed:
            self._late(type(event).__name__)
            return
        handler = _EVENTS.get(type(event).__name__)
        if handler is not None:
            handler(self, event)
        elif data.is_odd(event):
            self.warn_once(data.odd(event))
        if self.raw:
            self.emit(type="raw", value=data.event(event))

    def on_item(self, item):
        """An item of the newest form's `output`."""
        if self.closed:
            self._late(type(item).__name__)
            return
        handler = _ITEMS.get(type(item).__name__)
        if handler is None:
            self.warn_once(f"{type(item).__name__} is nothing that a live session gives{data.at()}")
            return
        handler(self, item)

    def on_track(self, track, written):
        """Bytes or PcmData that were written to the output track."""
        rate, channels = track.sample_rate, track.channels
        if not track.declared and self.rate is not None:
            rate, channels = self.rate
        self._sound(TRACK, written, rate, channels, track.format, None)

    def _audio(self, event):
        sound = event.data if getattr(event, "data", None) is not None else event.audio_data
        self._sound(EVENT, sound, getattr(event, "sample_rate", 24000), getattr(event, "channels", 1),
                    getattr(event, "audio_format", "s16"), event.response_id)

    def _sound(self, way, given, rate, channels, format, response):
        if self._is_cut():
            return
        self._part()
        raw = None
        try:
            if isinstance(given, (bytes, bytearray, memoryview)):
                raw, rate, channels, format = self.pieces.whole(way, given, rate, channels, samples_of(format), response)
            sound = piece(given if raw is None else raw, rate, channels, format)
        except Wrong as error:
            self.warn_once(f"sound that is none was left out{data.at()}: {error}")
            return
        if way != TRACK:
            self.rate = (sound.sample_rate, sound.channels)
        if sound.empty or not self.once.is_new(way, told_apart(sound, raw), same_sound):
            return
        text, rate, channels = encoded(sound)
        item = self.sounding = _ident(response) or self._item()
        self.sounded = True
        for start in range(0, len(text), _STEP):
            self.emit(type="audio", item=item, data=text[start : start + _STEP], rate=rate, channels=channels)
        self._plays(item, sound.duration)

    def _audio_done(self, event, way=EVENT):
        if self.done_by is not None and self.done_by[0] != way and self.done_by[1] == self.told:
            return  # the same end, by the way of another version
        item, interrupted = _ident(event.response_id) or self.sounding, bool(event.interrupted)
        if interrupted:  # what of it is not yet heard is not to be
            self.emit(type="interrupted", **({"item": item} if item else {}))
        self.emit(type="audio_done", item=item or f"{self.ident}.{self.items}", interrupted=interrupted)
        self.sounding, self.done_by = None, (way, self.told)
        self._told_end(interrupted)
        self._end_item()

    # -- what methods return --------------------------------------------------------------------------------------

    async def follow(self, returned, method):
        """What a method of a live model returns: mostly nothing, since its answer is heard. Items may also be yielded."""
        if hasattr(returned, "__await__"):
            returned = await returned
        if hasattr(returned, "__aiter__"):
            async for item in returned:
                self._yielded(item, method)
        elif hasattr(returned, "__next__"):
            for item in returned:
                self._yielded(item, method)
        elif isinstance(returned, str) and method == "simple_response":
            self._returned(returned)
        elif isinstance(getattr(returned, "text", None), str):
            self._returned(returned.text)
        elif isinstance(returned, (str, bytes, bytearray)) or hasattr(returned, "sample_rate"):
            self.warn_once(f"{method} returned {type(returned).__name__}, which nobody hears: send it as an event")

    def _returned(self, text):
        """A whole answer, where it was not said in another way already."""
        if text and self.by_words is None and not self.turn_text:
            self._word(text, "returned")
            self._end_turn()

    def _yielded(self, item, method):
        name = type(item).__name__
        if name in _ITEMS:
            self.on_item(item)
        elif name in _EVENTS:
            self.on_event(item)
        elif isinstance(item, str) or hasattr(item, "delta"):
            self._word(getattr(item, "delta", item), "items")
        elif hasattr(item, "text"):
            if item.text:
                self._words_done(item, "items")
        elif isinstance(item, (bytes, bytearray)) or hasattr(item, "sample_rate"):
            self._sound(ITEM, item, 24000, 1, "s16", None)
        elif item is not None:
            self.warn_once(f"{method} yielded {name}, which is nothing that a live session gives")

    # -- the rest -----------------------------------------------------------------------------------------------

    def _error(self, event):
        error = event.error
        failure = error if isinstance(error, BaseException) else Failure("server", event.error_message)
        self.fail(failure_of(failure, self.secrets()))

    def _disconnected(self, event):
        import asyncio

        if self.closing:
            return
        reason = str(event.reason or "the model disconnected")
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # from a thread of the plugin's own
            from .. import loop

            asyncio.run_coroutine_threadsafe(self.close(reason), loop.get())
            return
        asyncio.ensure_future(self.close(reason))


def _ident(given):
    return None if given in (None, "") else str(given)


_EVENTS = {
    "RealtimeAudioOutputEvent": Outcome._audio,
    "RealtimeAudioOutputDoneEvent": Outcome._audio_done,
    "RealtimeUserSpeechTranscriptionEvent": lambda self, event: self._transcript("user", event, EVENT),
    "RealtimeAgentSpeechTranscriptionEvent": lambda self, event: self._transcript("assistant", event, EVENT),
    "RealtimeResponseEvent": Outcome._response,
    "RealtimeDisconnectedEvent": Outcome._disconnected,
    "RealtimeErrorEvent": Outcome._error,
    "LLMErrorEvent": Outcome._error,
    "LLMResponseChunkEvent": Outcome._chunk,
    "LLMResponseCompletedEvent": Outcome._completed,
}
_ITEMS = {
    "RealtimeAudioOutput": lambda self, item: self._sound(ITEM, item.data, 24000, 1, "s16", item.response_id),
    "RealtimeAudioOutputDone": lambda self, item: self._audio_done(item, ITEM),
    "RealtimeUserTranscript": lambda self, item: self._transcript("user", item, ITEM),
    "RealtimeAgentTranscript": lambda self, item: self._transcript("assistant", item, ITEM),
    "RealtimeUserSpeechStarted": lambda self, item: self.emit(type="speech_started", role="user"),
    "RealtimeUserSpeechEnded": lambda self, item: self.emit(type="speech_stopped", role="user"),
    "RealtimeAgentSpeechStarted": lambda self, item: self.emit(type="speech_started", role="assistant"),
    "RealtimeAgentSpeechEnded": lambda self, item: self.emit(type="speech_stopped", role="assistant"),
}
