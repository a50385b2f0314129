"""What fails with each piece of sound is told once, and in the end how often it failed: there are fifty a second."""


class Repeats:
    def __init__(self, session):
        self.session = session
        self.counts = {}  # what failed, and where -> how often it did since it was told

    def fail(self, failure, answer):
        """Tells a failure of what was made of an input, unless it is one of sound that was told."""
        if answer is None or answer.kind != "audio":
            self.session.fail(failure)
            return
        at = failure.data.get("at")
        what = failure.message + (f" ({at})" if at and at not in failure.message else "")
        if what in self.counts:
            self.counts[what] += 1
        else:
            self.counts[what] = 0
            self.session.fail(failure)

    def end(self):
        """The sound is over, or something else is asked for: what fails then is told again."""
        counts, self.counts = self.counts, {}  # threads may fail meanwhile
        for what, count in counts.items():
            if count:
                times = "once more" if count == 1 else f"{count} more times"
                self.session.warn(f"the same failed {times}: {what}")
