"""Which request or live session the plugin's code works for just now."""

from contextvars import ContextVar

current = ContextVar("consort_request", default=None)
