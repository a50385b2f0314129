"""The sound of a plugin, in whatever form it comes; and each thing once, also where it comes by event, by item and by track."""

import base64
import operator
from collections import deque

_KEPT = 64  # things that may wait for their twin of another way

_COMPRESSED = {"mp3", "ogg", "opus", "aac", "flac", "webm", "m4a", "mulaw", "alaw", "ulaw", "g711_ulaw", "g711_alaw"}

EVENT, ITEM, TRACK = "event", "item", "track"


# What the protocol takes: the host leaves out everything else.
_RATES, _CHANNELS = range(4000, 192_001), range(1, 17)


class Wrong(Exception):
    """What the plugin gave is no sound."""


def piece(data, rate, channels, format="s16"):
    """PcmData of bytes or of PcmData."""
    from getstream.video.rtc.track_util import PcmData

    if hasattr(data, "sample_rate") and hasattr(data, "to_bytes"):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        if format == "wav":
            return _of_wav(bytes(data))
        for what, value, allowed in (("a sample rate of", rate, _RATES), ("a number of channels of", channels, _CHANNELS)):
            if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
                raise Wrong(f"{what} {value!r}, where {allowed.start} to {allowed.stop - 1} are taken")
        try:
            return PcmData.from_bytes(data, rate, format, channels)
        except (TypeError, ValueError) as error:
            raise Wrong(str(error)) from None
    raise Wrong(f"{type(data).__name__} where bytes or PcmData belong")


def samples_of(format):
    """`s16`, `f32` or `wav`, of what an event says that its bytes are."""
    name = str(getattr(format, "value", format)).lower()
    if name in _COMPRESSED:
        raise Wrong(f"{name}, which has to be decoded first")
    return "wav" if name == "wav" else "f32" if "f32" in name or "float" in name else "s16"


def _of_wav(data):
    import io
    import wave

    from getstream.video.rtc.track_util import PcmData

    try:
        with wave.open(io.BytesIO(data)) as opened:
            if opened.getsampwidth() != 2:
                raise Wrong(f"a WAV of {8 * opened.getsampwidth()} bits a sample")
            return PcmData.from_bytes(opened.readframes(opened.getnframes()), opened.getframerate(), "s16", opened.getnchannels())
    except (wave.Error, EOFError) as error:
        raise Wrong(f"no WAV that can be read: {error}") from None


def encoded(sound):
    """(base64 of 16-bit little-endian, rate, channels)"""
    whole = sound.to_int16()
    return base64.b64encode(whole.to_bytes()).decode(), whole.sample_rate, whole.channels


class Once:
    """A plugin that follows two versions of the contract gives each thing by the way of each. What comes by another way is
    the same thing again."""

    def __init__(self):
        self.given = deque(maxlen=_KEPT)  # (thing, the ways by which it came)
        self.ways = set()

    def is_new(self, way, thing, same=operator.eq):
        self.ways.add(way)
        for other, ways in self.given if len(self.ways) > 1 else ():
            if way not in ways and same(thing, other):
                ways.add(way)
                return False
        self.given.append((thing, {way}))
        return True

    def forget(self):
        """What was given is of an answer that is over: nothing of the next is its twin."""
        self.given.clear()


def told_apart(sound, raw=None):
    """What two pieces are compared by. `raw` are the bytes as the plugin gave them, where it gave bytes."""
    return raw, sound.sample_rate, sound.channels, sound.duration, sound.to_int16().to_bytes()


def same_sound(mine, theirs):
    """The same bytes, as given or as samples; or in another rate the same length."""
    if mine[0] is not None and theirs[0] is not None and mine[0] == theirs[0]:
        return True
    if mine[1:3] == theirs[1:3]:
        return mine[4] == theirs[4]
    return abs(mine[3] - theirs[3]) < 0.002
