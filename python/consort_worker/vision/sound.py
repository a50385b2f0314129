"""The sound of a plugin, in whatever form it comes; and each thing once, also where it comes by event, by item and by track."""

import base64
import operator
import struct
from collections import deque

_KEPT = 64  # things that may wait for their twin of another way
_HEADER = 64 << 10  # bytes that the header of a WAV may take

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
        _check(rate, channels)
        try:
            return PcmData.from_bytes(data, rate, format, channels)
        except (TypeError, ValueError) as error:
            raise Wrong(str(error)) from None
    raise Wrong(f"{type(data).__name__} where bytes or PcmData belong")


def _check(rate, channels):
    for what, value, allowed in (("a sample rate of", rate, _RATES), ("a number of channels of", channels, _CHANNELS)):
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            raise Wrong(f"{what} {value!r}, where {allowed.start} to {allowed.stop - 1} are taken")


def samples_of(format):
    """`s16`, `f32` or `wav`, of what an event says that its bytes are."""
    name = str(getattr(format, "value", format)).lower()
    if name in _COMPRESSED:
        raise Wrong(f"{name}, which has to be decoded first")
    return "wav" if name == "wav" else "f32" if "f32" in name or "float" in name else "s16"


def is_wav(data):
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def wav(data):
    """(samples, their rate, channels and format, whether more of them come); None where its header is not whole. What is sent
    while it is made says no length, or one that is too long."""
    at, form = 12, None
    if len(data) >= at and not is_wav(data):
        raise Wrong("no WAV that can be read")
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt " and size >= 16:
            if at + 16 > len(data):
                return None
            form = struct.unpack_from("<HHIIHH", data, at)
        elif name == b"data":
            if form is None:
                break
            tag, channels, rate, _, _, bits = form
            format = {16: "s16", 32: "f32" if tag == 3 else None}.get(bits)
            if format is None:
                raise Wrong(f"a WAV of {bits} bits a sample")
            is_open = size == 0 or at + size > len(data)
            return data[at:] if is_open else data[at : at + size], rate, channels, format, is_open
        at += size + size % 2
    else:
        if at <= _HEADER and len(data) <= _HEADER:
            return None
    raise Wrong("no WAV that can be read")


class Pieces:
    """Bytes of sound that come in pieces, whose ends need not be those of samples: a network cuts where it likes. What a
    piece has too much waits for the next of the same answer, by the same way."""

    def __init__(self):
        self.left = {}  # way -> (what it is of, bytes)
        self.begun = set()  # the ways by which some of this answer came
        self.held = {}  # way -> (the answer, the beginning of a WAV whose header is not whole)
        self.headers = {}  # way -> what the header of a WAV said that is not at its end, or what is wrong with it

    def whole(self, way, given, rate, channels, format, response):
        """(the whole samples by now, their rate, channels and format)"""
        of, held = self.held.pop(way, (response, b""))
        data = held + bytes(given) if of == response else bytes(given)
        is_first = way not in self.begun
        if _begins(data, is_first, format):  # a header is no sound, whatever was said that it is
            try:
                opened = wav(data)
            except Wrong as error:
                self.headers[way] = error  # nor is what comes behind it
                raise
            if opened is None:
                self.held[way] = (response, data)
                return b"", rate, channels, "s16"
            data, rate, channels, format, is_open = opened
            self.left.pop(way, None)
            self.headers[way] = (rate, channels, format) if is_open else None
        elif isinstance(self.headers.get(way), Wrong):
            raise self.headers[way]
        elif self.headers.get(way):  # a further piece
            rate, channels, format = self.headers[way]
        elif format == "wav":
            raise Wrong("no WAV that can be read")
        _check(rate, channels)
        self.begun.add(way)
        of = (rate, channels, format, response)
        before, left = self.left.pop(way, (of, b""))
        if before == of:
            data = left + data
        width = channels * (4 if format == "f32" else 2)
        end = len(data) - len(data) % width
        if end < len(data):
            self.left[way] = (of, data[end:])
        return data[:end], rate, channels, format

    def forget(self):
        """The answer is over, and what is left is no sound. True where that is a WAV that ends within its header."""
        is_cut = any(len(held) >= 4 for _, held in self.held.values())
        for each in (self.left, self.begun, self.held, self.headers):
            each.clear()
        return is_cut


def _begins(data, is_first, format):
    """Whether this is the beginning of a WAV, as far as it goes. Of less than a word that is said at the beginning alone."""
    if len(data) < 4:
        return is_first and data != b"" and b"RIFF".startswith(data)
    return data[:4] == b"RIFF" and (format == "wav" or b"WAVE".startswith(data[8:12]))


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
