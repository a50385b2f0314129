"""Which request or live session the plugin's code works for just now, and which input of a session."""

from contextvars import ContextVar

current = ContextVar("consort_request", default=None)
answering = ContextVar("consort_answering", default=None)
"""The input (an `Answer`) that this code was started by; None where it runs for its session as a whole."""


class Answer:
    """What is made of one input, for as long as its method runs."""

    def __init__(self, kind=None):
        self.kind = kind  # of the input
        self.floor = None  # what a text waits for
        self.begun = False  # it is a text's, and has the floor
        self.parted = False  # what it gives is an item of its own by now
        self.gave = False  # some of it was heard or read
        self.cut = False  # the user spoke into it
