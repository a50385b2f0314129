"""What goes wrong over and over is told once: with sound there are fifty occasions a second."""

_MOST = 100  # different things


class Once:
    """What was told of a session or request, by its kind and line: its words may differ each time."""

    def __init__(self):
        self.told = set()

    def is_new(self, what):
        if what in self.told or len(self.told) >= _MOST:
            return False
        self.told.add(what)
        return True

    def is_full(self):
        return len(self.told) >= _MOST


REST = f"so many different things went wrong ({_MOST}) that what else goes wrong is left out"


class Repeats:
    """What fails with each piece of sound is told once, and in the end how often it failed."""

    def __init__(self, session):
        self.session = session
        self.counts = {}  # the kind of what failed, and where -> [what it was, how often it did since it was told]

    def fail(self, failure, answer):
        """Tells a failure of what was made of an input, unless it is one of sound that was told."""
        if answer is None or answer.kind != "audio":
            self.session.fail(failure)
            return
        at = failure.data.get("at")
        kind = (failure.kind, at or failure.message)
        if kind in self.counts:
            self.counts[kind][1] += 1
        elif len(self.counts) < _MOST:
            self.counts[kind] = [failure.message + (f" ({at})" if at and at not in failure.message else ""), 0]
            self.session.fail(failure)

    def end(self):
        """The sound is over, or something else is asked for: what fails then is told again."""
        counts, self.counts = self.counts, {}  # threads may fail meanwhile
        for what, count in counts.values():
            if count:
                times = "once more" if count == 1 else f"{count} more times"
                self.session.warn(f"the same failed {times}: {what}")
