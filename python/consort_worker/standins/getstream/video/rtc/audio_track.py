"""AudioStreamTrack: where a model of the older contract writes its voice."""

from .track_util import PcmData


class AudioStreamTrack:
    """What is written reaches the live session that the model works for. Bytes are 16-bit, in the rate that the track
    was made for; the base class's own track says none, and its bytes are taken for those of the events beside them."""

    kind = "audio"

    def __init__(self, framerate=None, stereo=None, format="s16", sample_rate=None, channels=None, **ignored):
        self.declared = framerate is not None or sample_rate is not None
        self.sample_rate = sample_rate or framerate or 24000
        self.channels = channels or (2 if stereo else 1)
        self.format = format
        self._session = None

    async def write(self, data, final=False):
        from consort_worker.vision.current import current

        session = self._session or current.get()
        if session is not None:
            session.on_track(self, data)

    async def flush(self):
        """Nothing waits here: what was written is on its way."""

    def stop(self):
        pass


__all__ = ["AudioStreamTrack", "PcmData"]
