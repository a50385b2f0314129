"""Events: named fields with defaults. Made by the thousand, so an id and a time come only when they are asked for."""

import time
from enum import Enum


class AudioFormat(Enum):
    """How the bytes of older events are meant."""

    PCM_S16 = "s16"
    PCM_F32 = "f32"
    WAV = "wav"
    MP3 = "mp3"
    OGG = "ogg"


class _Fields:
    """For authors who derive a dataclass from an event: the fields as `dataclasses` knows them, made when it asks."""

    def __get__(self, event, kind):
        import dataclasses

        fields = [
            (name, object, dataclasses.field(default=default)) for name, default in kind._defaults.items()
        ]
        return dict(dataclasses.make_dataclass("fields", fields).__dataclass_fields__)


class _Params:
    frozen = False


_strange = set()  # classes of events and names of theirs that are like no field


def _refuse_misspelt(kind, fields):
    """A name that is nearly one of the fields is a mistake, whose value nobody would ever see. Any other is told: it may be
    of a version that nobody here knows."""
    for name in fields.keys() - kind._defaults.keys():
        if (kind, name) not in _strange:
            from consort_worker.nearly import nearest

            meant = nearest(name, kind._defaults, kind.NEARLY)
            if meant:
                raise TypeError(f"{kind.__name__} has no field {name!r}: did you mean {meant!r}?")
            _strange.add((kind, name))
        from consort_worker.vision import current, data

        heard = current.current.get()
        if heard is not None:
            heard.warn_once(f"{kind.__name__} has no field `{name}`: nobody sees what it holds{data.at()}")


class BaseEvent:
    """What each event has. A class of events says its `type` and its own fields as class attributes."""

    type = "base"
    session_id = None
    participant = None
    user_metadata = None
    NEARLY = 0.8  # how like a field another name must be to be meant as it
    _defaults = {"session_id": None, "participant": None, "user_metadata": None}
    __dataclass_fields__ = _Fields()
    __dataclass_params__ = _Params

    def __init_subclass__(cls, **named):
        super().__init_subclass__(**named)
        own = {
            name: value
            for name, value in vars(cls).items()
            if not name.startswith("_") and name != "type" and not callable(value) and not hasattr(value, "__get__")
        }
        cls._defaults = {**cls._defaults, **own}

    def __init__(self, **fields):
        if not fields.keys() <= self._defaults.keys():
            _refuse_misspelt(type(self), fields)
        self.__dict__.update(fields)  # any field: each version of the contract had others
        self._made = time.time()

    def __getattr__(self, name):
        if name == "event_id":
            import uuid

            self.event_id = str(uuid.uuid4())
            return self.event_id
        if name == "timestamp":
            from datetime import datetime, timezone

            self.timestamp = datetime.fromtimestamp(self.__dict__.get("_made", time.time()), timezone.utc)
            return self.timestamp
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self):
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({shown})"


class PluginBaseEvent(BaseEvent):
    plugin_name = None
    plugin_version = None
