"""Coroutines that a plugin forgot to await: Python tells of them in a log only, the session's user is told too."""

import os
import warnings

from ..frames import is_own
from .current import current


def follow():
    """Whoever shows warnings from now on: `logging` may have come in between."""
    if not isinstance(warnings.showwarning, _Shown):
        warnings.filterwarnings("always", ".* was never awaited", RuntimeWarning)
        warnings.showwarning = _Shown(warnings.showwarning)


class _Shown:
    def __init__(self, before):
        self.before = before
        self.seen = set()

    def __call__(self, message, category, filename, lineno, file=None, line=None):
        if category is RuntimeWarning and str(message).endswith("was never awaited"):
            self._tell(str(message), filename, lineno)
            told = (str(message), filename, lineno)
            if told in self.seen:  # once is enough for a log
                return
            self.seen.add(told)
        self.before(message, category, filename, lineno, file, line)

    def _tell(self, message, filename, lineno):
        session = current.get()
        warn = getattr(session, "warn_once", None)
        if warn is not None and not session.closed:
            at = f" ({os.path.basename(filename)}:{lineno})" if is_own(filename) else ""
            warn(f"{message}{at}: `await` is missing before the call")
