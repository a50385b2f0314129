"""Sound in a live call."""


def __getattr__(name):
    if name in ("PcmData", "AudioFormat", "Resampler"):
        from . import track_util

        return getattr(track_util, name)
    if name == "AudioStreamTrack":
        from .audio_track import AudioStreamTrack

        return AudioStreamTrack
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
