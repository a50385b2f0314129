"""The sound of a plugin, in whatever form it comes; and each piece once, also where it comes by event and by track."""

import base64
from collections import deque

_KEPT = 64  # pieces that may wait for their twin of the other way

EVENT, TRACK = "event", "track"


class Wrong(Exception):
    """What the plugin gave is no sound."""


def piece(data, rate, channels, format="s16"):
    """PcmData of bytes or of PcmData."""
    from getstream.video.rtc.track_util import PcmData

    if hasattr(data, "sample_rate") and hasattr(data, "to_bytes"):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        if not isinstance(rate, int) or isinstance(rate, bool) or not 1000 <= rate <= 384_000:
            raise Wrong(f"a sample rate of {rate!r}")
        try:
            return PcmData.from_bytes(data, rate, format, channels)
        except (TypeError, ValueError) as error:
            raise Wrong(str(error)) from None
    raise Wrong(f"{type(data).__name__} where bytes or PcmData belong")


def encoded(sound):
    """(base64 of 16-bit little-endian, rate, channels)"""
    whole = sound.to_int16()
    return base64.b64encode(whole.to_bytes()).decode(), whole.sample_rate, whole.channels


class Once:
    """Pages write each piece to the bus and to the track. Whichever comes second is the same piece again."""

    def __init__(self):
        self.waiting = {EVENT: deque(maxlen=_KEPT), TRACK: deque(maxlen=_KEPT)}
        self.rate = None  # of the newest event, which a track without a rate of its own goes by

    def is_new(self, way, sound, raw=None):
        """`raw` are the bytes as the plugin gave them, where it gave bytes."""
        if way == EVENT:
            self.rate = (sound.sample_rate, sound.channels)
        mine = (raw, sound.sample_rate, sound.channels, sound.duration, sound.to_int16().to_bytes())
        others = self.waiting[TRACK if way == EVENT else EVENT]
        for each in others:
            if _same(mine, each):
                others.remove(each)
                return False
        self.waiting[way].append(mine)
        return True

    def forget(self):
        """What waits is of an answer that is over: nothing of the next is its twin."""
        for each in self.waiting.values():
            each.clear()


def _same(mine, theirs):
    """The same bytes, as given or as samples; or in another rate the same length."""
    if mine[0] is not None and theirs[0] is not None and mine[0] == theirs[0]:
        return True
    if mine[1:3] == theirs[1:3]:
        return mine[4] == theirs[4]
    return abs(mine[3] - theirs[3]) < 0.002
