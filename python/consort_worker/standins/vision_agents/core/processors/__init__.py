"""Processors: what adds to a request before a model sees it."""

from enum import Enum


class ProcessorType(Enum):
    AUDIO = "audio"
    VIDEO = "video"
    IMAGE = "image"
    VIDEO_PUBLISHER = "video_publisher"
    AUDIO_PUBLISHER = "audio_publisher"


class Processor:
    """`state` gives what a model should know, `input` a picture or the like."""

    def state(self):
        return None

    def input(self):
        return None

    def close(self):
        pass


class AudioProcessor(Processor):
    pass


class VideoProcessor(Processor):
    pass


class AudioPublisher(Processor):
    pass


class VideoPublisher(Processor):
    pass


class AudioProcessorPublisher(AudioProcessor, AudioPublisher):
    pass


class VideoProcessorPublisher(VideoProcessor, VideoPublisher):
    pass


class AudioVideoProcessor(Processor):
    def __init__(self, interval=3, receive_audio=False, receive_video=False, *arguments, **named):
        self.interval = interval
        self.last_process_time = 0


class AudioProcessorMixin:
    pass


class VideoProcessorMixin:
    pass


class ImageProcessorMixin:
    pass


class VideoPublisherMixin:
    pass


class AudioPublisherMixin:
    pass
