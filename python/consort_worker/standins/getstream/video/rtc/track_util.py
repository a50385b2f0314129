"""PcmData: a piece of sound, and what one does with it. Sound is never handled sample by sample outside of here."""

import sys
from array import array
from enum import Enum

from . import g711, resampling
from .g711 import G711Encoding, G711Mapping

__all__ = ["AudioFormat", "G711Encoding", "G711Mapping", "PcmData", "PyAVResampler", "Resampler"]


class AudioFormat(str, Enum):
    S16 = "s16"
    F32 = "f32"

    @staticmethod
    def validate(format):
        return _format(format)


AudioFormatType = str
_CODES = {"s16": "h", "f32": "f"}


def _format(name):
    plain = getattr(name, "value", name)
    plain = {"int16": "s16", "float32": "f32"}.get(plain, plain)
    if plain not in _CODES:
        raise ValueError(f"Invalid audio format: {name!r}. Must be one of: f32, s16")
    return plain


class PcmData:
    """`samples` are a numpy array where there is numpy, else an array of the standard library; of more than one
    channel, an array for each."""

    def __init__(self, sample_rate, format, samples=None, pts=None, dts=None, time_base=None, channels=1,
                 participant=None):
        if not isinstance(sample_rate, int) or isinstance(sample_rate, bool) or sample_rate <= 0:
            raise ValueError(f"a sample rate is a whole number above 0, not {sample_rate!r}")
        if not isinstance(channels, int) or channels < 1:
            raise ValueError(f"the number of channels is a whole number above 0, not {channels!r}")
        self.sample_rate = sample_rate
        self.format = _format(format)
        self.channels = channels
        self.pts, self.dts, self.time_base = pts, dts, time_base
        self.participant = participant
        self._planes = _planes(samples, self.format, channels)

    @classmethod
    def _of(cls, planes, like, rate=None, format=None):
        made = cls(rate or like.sample_rate, format or like.format, None, like.pts, like.dts, like.time_base,
                   max(1, len(planes)), like.participant)
        made._planes = planes
        return made

    # -- from other forms ---------------------------------------------------------------------------------------

    @classmethod
    def from_bytes(cls, audio_bytes, sample_rate=16000, format="s16", channels=1):
        """Little-endian, interleaved. Bytes that are no whole frame any more are left out."""
        if not isinstance(audio_bytes, (bytes, bytearray, memoryview)):
            raise TypeError(f"audio is bytes, not {type(audio_bytes).__name__}")
        made = cls(sample_rate, format, None, channels=channels)
        width = channels * (2 if made.format == "s16" else 4)
        made._planes = _split(_unpacked(bytes(audio_bytes), width, made.format), channels)
        return made

    @classmethod
    def from_numpy(cls, array, sample_rate=16000, format="s16", channels=1):
        """An array of either kind of numbers, turned into what `format` says."""
        format = _format(format)
        is_float = getattr(getattr(array, "dtype", None), "kind", "") == "f"
        planes = [_converted(plane, is_float, format) for plane in _rows(array, channels)]
        return cls(sample_rate, format, planes if channels > 1 else planes[0], channels=channels)

    @classmethod
    def from_g711(cls, g711_data, sample_rate=8000, channels=1, mapping="mulaw", encoding="raw"):
        if isinstance(g711_data, str) or getattr(encoding, "value", encoding) == "base64":
            import base64

            g711_data = base64.b64decode(g711_data)
        made = cls(sample_rate, "s16", None, channels=channels)
        made._planes = _split(g711.decode(g711_data, mapping), channels)
        return made

    @classmethod
    def from_response(cls, response, *, sample_rate=16000, channels=1, format="s16"):
        """What a vendor's library gave: bytes, something with `.data`, or an iterator of these, sync or async."""
        like = {"sample_rate": sample_rate, "channels": channels, "format": format}
        if isinstance(response, PcmData):
            return response
        if isinstance(response, (bytes, bytearray, memoryview)):
            return cls.from_bytes(response, **like)
        if hasattr(response, "__aiter__"):
            return _from_async(cls, response, like)
        if hasattr(response, "__iter__"):
            return _from_pieces(cls, response, like)
        data = getattr(response, "data", None)
        if isinstance(data, (bytes, bytearray, memoryview)):
            return cls.from_bytes(data, **like)
        raise TypeError(f"audio cannot be had from {type(response).__name__}")

    @classmethod
    def from_av_frame(cls, frame):
        """A frame of PyAV, which must be installed for it to exist."""
        format = "f32" if "flt" in frame.format.name else "s16"
        channels = len(frame.layout.channels)
        made = cls.from_numpy(frame.to_ndarray() if frame.format.is_planar else frame.to_ndarray().reshape(-1),
                              frame.sample_rate, format, channels)
        made.pts, made.dts, made.time_base = frame.pts, frame.dts, float(frame.time_base or 0) or None
        return made

    # -- to other forms -----------------------------------------------------------------------------------------

    def to_bytes(self):
        joined = _joined(self._planes, self.format)
        if sys.byteorder == "big":
            joined.byteswap()
        return joined.tobytes()

    def to_wav_bytes(self):
        import io
        import wave

        out = io.BytesIO()
        with wave.open(out, "wb") as opened:
            opened.setnchannels(self.channels)
            opened.setsampwidth(2)
            opened.setframerate(self.sample_rate)
            opened.writeframes(self.to_int16().to_bytes())
        return out.getvalue()

    def to_av_frame(self):
        import av

        numpy = resampling.numpy_or_none()
        planes = numpy.array([numpy.array(plane) for plane in self._planes])
        layout = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels}c")
        frame = av.AudioFrame.from_ndarray(planes, format="s16p" if self.format == "s16" else "fltp", layout=layout)
        frame.sample_rate, frame.pts = self.sample_rate, self.pts
        return frame

    def g711_bytes(self, sample_rate=8000, channels=1, mapping="mulaw"):
        sound = self.resample(sample_rate, channels).to_int16()
        return g711.encode(_joined(sound._planes, "s16"), mapping)

    def to_int16(self):
        return self if self.format == "s16" else self._as("s16")

    def to_float32(self):
        return self if self.format == "f32" else self._as("f32")

    def _as(self, format):
        planes = [_converted(plane, self.format == "f32", format) for plane in self._planes]
        return PcmData._of(planes, self, format=format)

    # -- what it is ---------------------------------------------------------------------------------------------

    @property
    def samples(self):
        numpy = resampling.numpy_or_none()
        if numpy is None:
            return self._planes[0] if self.channels == 1 else self._planes
        kind = numpy.int16 if self.format == "s16" else numpy.float32
        empty = numpy.array([], dtype=kind)
        arrays = [numpy.frombuffer(plane, dtype=kind) if plane else empty for plane in self._planes]
        return arrays[0] if self.channels == 1 else numpy.stack(arrays)

    @samples.setter
    def samples(self, value):
        self._planes = _planes(value, self.format, self.channels)

    def __len__(self):
        return len(self._planes[0])

    def __bool__(self):
        return True  # a piece of silence of no length is still a piece

    @property
    def empty(self):
        return not self._planes[0]

    @property
    def stereo(self):
        return self.channels == 2

    @property
    def duration(self):
        return len(self) / self.sample_rate

    @property
    def duration_ms(self):
        return self.duration * 1000.0

    @property
    def pts_seconds(self):
        return self.pts * self.time_base if self.pts is not None and self.time_base is not None else None

    @property
    def dts_seconds(self):
        return self.dts * self.time_base if self.dts is not None and self.time_base is not None else None

    def __repr__(self):
        kind = {1: "Mono", 2: "Stereo"}.get(self.channels, f"{self.channels}-channel")
        depth = "16-bit PCM" if self.format == "s16" else "32-bit float"
        return f"{kind} audio: {self.sample_rate}Hz, {depth}, {len(self)} samples, {self.duration_ms:.1f}ms"

    # -- what one does with it ----------------------------------------------------------------------------------

    def resample(self, target_sample_rate, target_channels=None):
        channels = target_channels or self.channels
        if target_sample_rate == self.sample_rate and channels == self.channels:
            return self
        planes = _mixed(self._planes, channels, self.format) if channels < self.channels else self._planes
        if target_sample_rate != self.sample_rate:
            planes = [_limited(resampling.whole(plane, self.sample_rate, target_sample_rate), self.format)
                      for plane in planes]
        return PcmData._of(_mixed(planes, channels, self.format), self, rate=target_sample_rate)

    def append(self, other):
        """Adds a piece behind, in the rate, channels and format of this one."""
        other = other.resample(self.sample_rate, self.channels)
        other = other.to_int16() if self.format == "s16" else other.to_float32()
        self._planes = [mine + theirs for mine, theirs in zip(self._planes, other._planes)]
        return self

    def copy(self):
        return PcmData._of([plane[:] for plane in self._planes], self)

    def clear(self):
        self._planes = [array(_CODES[self.format]) for _ in range(self.channels)]

    def chunks(self, chunk_size, overlap=0, pad_last=False):
        step = max(1, chunk_size - overlap)
        for start in range(0, len(self), step):
            piece = self._cut(start, start + chunk_size)
            if pad_last:
                piece = piece._padded(chunk_size, at_end=True)
            if self.pts is not None and self.time_base:
                piece.pts = self.pts + int(start / self.sample_rate / self.time_base)
            yield piece

    def sliding_window(self, window_size_ms, hop_ms, pad_last=False):
        size, hop = (int(self.sample_rate * each / 1000) for each in (window_size_ms, hop_ms))
        return self.chunks(size, overlap=max(0, size - hop), pad_last=pad_last)

    def head(self, duration_s, pad=False, pad_at="end"):
        count = int(self.sample_rate * duration_s)
        return self._sized(self._cut(0, count), count, pad, pad_at)

    def tail(self, duration_s, pad=False, pad_at="start"):
        count = int(self.sample_rate * duration_s)
        return self._sized(self._cut(max(0, len(self) - count), len(self)), count, pad, pad_at)

    def _sized(self, cut, count, pad, pad_at):
        if pad_at not in ("start", "end"):
            raise ValueError(f"pad_at is 'start' or 'end', not {pad_at!r}")
        return cut._padded(count, pad_at == "end") if pad else cut

    def _cut(self, start, end):
        return PcmData._of([plane[start:end] for plane in self._planes], self)

    def _padded(self, count, at_end):
        silence = array(_CODES[self.format], bytes(max(0, count - len(self)) * self._planes[0].itemsize))
        self._planes = [plane + silence if at_end else silence + plane for plane in self._planes]
        return self


class Resampler:
    """Brings each piece, as it stands alone, into one rate, number of channels and format."""

    def __init__(self, format, sample_rate, channels):
        self.format, self.sample_rate, self.channels = _format(format), sample_rate, channels

    def resample(self, pcm):
        changed = pcm.resample(self.sample_rate, self.channels)
        return changed.to_int16() if self.format == "s16" else changed.to_float32()


class PyAVResampler(Resampler):
    """The same for sound that comes in pieces. It lags a little; `flush` gives what it still holds."""

    def __init__(self, format, sample_rate, channels=1, frame_size=0):
        super().__init__(format, sample_rate, channels)
        self.frame_size = frame_size  # samples that each result is a multiple of; 0 for any number
        self._flows, self._like, self._held = None, None, None

    def resample(self, pcm, flush=False):
        if self._flows is None:
            self._flows = [resampling.Flow(pcm.sample_rate, self.sample_rate) for _ in range(self.channels)]
            self._like = pcm
        elif pcm.sample_rate != self._like.sample_rate:
            raise ValueError(f"this sound began with {self._like.sample_rate} Hz and goes on with {pcm.sample_rate}")
        sound = (pcm.to_int16() if self.format == "s16" else pcm.to_float32()).resample(pcm.sample_rate, self.channels)
        out = [_limited(flow.push(plane), self.format) for flow, plane in zip(self._flows, sound._planes)]
        made = PcmData._of(self._whole_frames(out), pcm, rate=self.sample_rate, format=self.format)
        return made.append(self.flush()) if flush else made

    def _whole_frames(self, planes):
        """What is left over waits for the next piece."""
        if not self.frame_size:
            return planes
        if self._held is not None:
            planes = [held + plane for held, plane in zip(self._held, planes)]
        end = len(planes[0]) // self.frame_size * self.frame_size
        self._held = [plane[end:] for plane in planes]
        return [plane[:end] for plane in planes]

    def flush(self):
        flows, self._flows = self._flows or [], None
        planes = [_limited(flow.end(), self.format) for flow in flows]
        if self._held is not None and planes:
            planes, self._held = [held + plane for held, plane in zip(self._held, planes)], None
        return PcmData(self.sample_rate, self.format, planes if self.channels > 1 else planes[0] if planes else None,
                       channels=self.channels)


# -- planes: an array for each channel ----------------------------------------------------------------------------


def _planes(samples, format, channels):
    code = _CODES[format]
    if samples is None:
        return [array(code) for _ in range(channels)]
    given = getattr(samples, "typecode", None) or getattr(getattr(samples, "dtype", None), "name", None)
    wanted = {"s16": ("h", "int16"), "f32": ("f", "float32")}[format]
    if given is not None and given not in wanted:
        raise TypeError(f"samples of {given} are not {format}; use PcmData.from_numpy() to convert them")
    if isinstance(samples, (bytes, bytearray)):
        raise TypeError("samples are numbers; use PcmData.from_bytes() for bytes")
    return [array(code, row) for row in _rows(samples, channels)]


def _rows(samples, channels):
    """A row of numbers for each channel, from either order of two dimensions, or from interleaved ones."""
    rows = samples.tolist() if hasattr(samples, "tolist") else list(samples)
    if rows and hasattr(rows[0], "__len__"):
        if len(rows) != channels and len(rows[0]) == channels:
            rows = [list(column) for column in zip(*rows)]
        if len(rows) != channels:
            raise ValueError(f"samples of {len(rows)} channels where {channels} are said")
        return rows
    return [rows[channel::channels] for channel in range(channels)]


def _unpacked(data, width, format):
    numbers = array(_CODES[format], data[: len(data) - len(data) % width])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _split(numbers, channels):
    return [numbers[channel::channels] for channel in range(channels)] if channels > 1 else [numbers]


def _joined(planes, format):
    if len(planes) == 1:
        return planes[0][:]
    joined = array(_CODES[format], bytes(len(planes) * len(planes[0]) * planes[0].itemsize))
    for channel, plane in enumerate(planes):
        joined[channel :: len(planes)] = plane
    return joined


def _converted(numbers, is_float, format):
    """Between whole numbers of 16 bits and fractions of one."""
    if format == "s16":
        return array("h", [_whole(each * 32768.0) for each in numbers]) if is_float else array("h", numbers)
    return array("f", numbers) if is_float else array("f", [each / 32768.0 for each in numbers])


def _limited(numbers, format):
    return array("h", map(_whole, numbers)) if format == "s16" else array("f", numbers)


def _whole(number):
    return -32768 if number < -32768 else 32767 if number > 32767 else round(number)


def _mixed(planes, channels, format):
    if len(planes) == channels:
        return planes
    if len(planes) == 1:
        return [planes[0][:] for _ in range(channels)]
    if channels == 1:
        count = len(planes)
        return [_limited((sum(each) / count for each in zip(*planes)), format)]
    return [planes[min(channel, len(planes) - 1)][:] for channel in range(channels)]


# -- pieces that a vendor gives as they come -----------------------------------------------------------------------


def _from_pieces(cls, pieces, like):
    rest = b""
    for piece in pieces:
        sound, rest = _next(cls, piece, rest, like)
        if sound is not None:
            yield sound


async def _from_async(cls, pieces, like):
    rest = b""
    async for piece in pieces:
        sound, rest = _next(cls, piece, rest, like)
        if sound is not None:
            yield sound


def _next(cls, piece, rest, like):
    """(the sound of whole frames or None, the bytes that are none yet)"""
    if isinstance(piece, PcmData):
        return piece, rest
    data = piece if isinstance(piece, (bytes, bytearray, memoryview)) else getattr(piece, "data", None)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"audio cannot be had from {type(piece).__name__}")
    data = rest + bytes(data)
    width = like["channels"] * (2 if _format(like["format"]) == "s16" else 4)
    cut = len(data) - len(data) % width
    return (cls.from_bytes(data[:cut], **like) if cut else None), data[cut:]
