"""Takes stdin and stdout away before anybody's code can write into the protocol."""

import os
import sys


def _give_up(*descriptors):
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)


def claim():
    """Moves the protocol to private descriptors and gives (reading end, writing end).

    What is left behind: 0 reads nothing, and 1 goes where 2 goes, so that a `print`, a C library and a child process
    all land in the log.
    """
    incoming, outgoing = os.dup(0), os.dup(1)  # dup gives descriptors that children do not inherit
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started without stderr: the log goes nowhere, the protocol still works
        os.dup2(nothing, 2)
        os.dup2(nothing, 1)
    os.close(nothing)
    if os.name == "nt":
        import msvcrt

        msvcrt.setmode(incoming, os.O_BINARY)
        msvcrt.setmode(outgoing, os.O_BINARY)
    if hasattr(os, "register_at_fork"):
        # A forked child that outlives the worker would keep the host waiting for the end of stdout. The numbers stay
        # taken: what the child opens must not get what the worker would write there.
        os.register_at_fork(after_in_child=lambda: _give_up(incoming, outgoing))
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            # By the line, so that the log shows what happened in the order in which it happened.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    return incoming, outgoing
