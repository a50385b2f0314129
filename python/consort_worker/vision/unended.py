"""The ends of spoken answers that the plugin does not tell, as the first form of the contract has none: an answer is over
once its sound has played by the clock, and nothing more came for a moment."""

import sys
import time

from .. import loop

_QUIET = 1.5  # seconds behind the sound in which nothing more came
_CUT = 0.25  # the same, of an answer that the user spoke into
_AGAIN = 0.2  # seconds until one is looked at again that is still worked on
_NAMES = (b"audio_output_done", b"AudioOutputDone")  # by which a plugin tells the end of sound, in any form

_telling = {}  # class of a model -> whether it tells the end of its sound


class Unended:
    """The part of a session that tells these ends. A plugin that tells its own is left to do so, however long it pauses."""

    def __init__(self):
        self.unended = None  # the item whose sound came and was not said to be complete
        self.unended_cut = False  # whether the user spoke into it
        self.plays = self.last = 0.0  # until when sound plays, and when something of an answer came
        self.held_end = None  # of an answer in words whose sound may be about to come: what its end is told with
        self.sounds_behind = True  # whether sound came behind the newest end of words, as far as is known
        self.tells_turns = False  # whether the newest end of a turn was that of sound
        self.running = 0  # tools
        self.looks, self.timer = False, None

    def _tells(self):
        """Whether the plugin tells itself when a spoken answer is over."""
        kind = type(self.model)
        if kind not in _telling:
            _telling[kind] = any(map(_names_it, kind.__mro__))
        return _telling[kind] or self.tells_turns

    def _told_end(self, interrupted):
        """The plugin told the end of sound."""
        _telling[type(self.model)] = _telling.get(type(self.model)) or not interrupted
        self.unended = None
        self._end_held()

    def _turn_ended(self, by_plugin):
        if by_plugin:
            self.tells_turns = self.unended is not None
        self.unended = None

    def _holds(self, more):
        """Whether the end of an answer's words is not yet that of the answer: its sound comes behind it, as far as is known."""
        if self._tells() or self.unended is not None or not self.sounds_behind or self.held_end is not None:
            return False
        self.held_end, self.last = more, time.monotonic()
        self._look_soon()
        return True

    def _end_held(self):
        """Something else begins, or nothing comes any more."""
        held, self.held_end = self.held_end, None
        if held is not None:
            self._end_turn(by_plugin=False, **held)

    def _counted(self, tools):
        """The host's tools; while one runs, no answer is over."""

        def counted(function):
            async def run(**arguments):
                self.running += 1
                try:
                    return await function(**arguments)
                finally:
                    self.running -= 1
                    self.last = time.monotonic()

            return run

        return {name: (counted(function), *rest) for name, (function, *rest) in tools.items()}

    def _plays(self, item, seconds):
        """So much more sound of an item was given."""
        self.unended, self.unended_cut, self.sounds_behind = item, False, True
        self.plays = max(self.plays, time.monotonic()) + seconds
        if not self._tells():
            self._look_soon()

    def _look_soon(self):
        if not self.looks:
            self.looks = True
            loop.get().call_soon_threadsafe(self._look)  # this may be a thread of the plugin's

    def _stops_playing(self):
        """The user speaks into it."""
        self.plays, self.unended_cut = time.monotonic(), self.unended is not None
        if self.looks:
            self._look()

    def _look(self):
        """On the loop: whether it is over by now, or when to look again."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer, left = None, self._left()
        if left is not None and left > 0:
            self.timer = loop.get().call_later(left, self._look)
            return
        self.looks = False
        if left is not None:
            self._end_unended()

    def _left(self):
        """How long it takes until the answer is over, as far as is known; None where that is not ours to say."""
        if (self.unended is None and self.held_end is None) or self.closed or self.closing or self._tells():
            return None
        left = max(self.plays, self.last) + (_CUT if self.unended_cut else _QUIET) - time.monotonic()
        return _AGAIN if left <= 0 and self._is_at_work() else left

    def _is_at_work(self):
        """Whether a tool runs, or what took an input is not done with it."""
        # Sound is taken all the time.
        works = [answer for answer in self.taking.values() if not answer.cut]
        return self.running > 0 or any(each.kind in ("text", "commit") or (each.kind == "audio" and each.gave) for each in works)

    def _end_unended(self):
        held, self.held_end = self.held_end or {}, None
        if self.unended is None:
            self.sounds_behind = False
            return self._end_turn(by_plugin=False, **held)
        if not self.unended_cut:
            self.emit(type="audio_done", item=self.unended, interrupted=False)
        self.sounding = None
        self._end_turn("interrupted" if self.unended_cut else "stop", by_plugin=False, **held)


def _names_it(kind):
    """Whether the file of a class names the end of sound. The package's own classes name all that there is."""
    if kind.__module__.startswith("vision_agents.core."):
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    try:
        with open(file, "rb") as opened:
            text = opened.read()
    except (OSError, TypeError):
        return False
    return any(name in text for name in _NAMES)
