"""The last words of a worker that a plugin, or a native library of it, ends on the spot: where that was."""

import faulthandler
import os

from . import frames

end = os._exit  # as it was before anybody put another in its place

_STDERR = 2  # and not sys.stderr, which is the plugin's to replace


def install():
    """What ends the process with no exception tells its place: a crash by Python's own report, os._exit by a line.

    C's own exit, and os._exit in an interpreter within this one, have no line.
    """
    try:
        faulthandler.enable(file=_STDERR, all_threads=False)
    except (OSError, RuntimeError, ValueError):  # there is no stderr: then nobody could read it
        pass
    if hasattr(os, "register_at_fork"):
        # What a forked child reports is no end of the worker.
        os.register_at_fork(after_in_child=faulthandler.disable)
    mine = os.getpid()

    def told(status):
        try:
            # A process that the plugin forked ends so, and should.
            if os.getpid() == mine:
                place = frames.here()
                line = f"consort: os._exit({status!r}) was called" + (f" at {place}" if place else "")
                os.write(_STDERR, line.encode("utf-8", "backslashreplace") + b"\n")
        finally:
            end(status)

    os._exit = told
