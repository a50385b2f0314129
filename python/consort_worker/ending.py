"""The end: nothing that the plugin started may outlive it."""

import os
import sys
import time

from . import lastwords, logs

_SIGTERM, _SIGKILL = 15, 9


def leave(code=0):
    """Ends the process and, where it leads its group, every other process of the group."""
    sys.setswitchinterval(1e-5)  # a plugin that computes shall not make the end slow
    try:
        if hasattr(os, "getpgrp") and os.getpgrp() == os.getpid():
            _end_group(os.getpid())
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
        lastwords.end(code)


def come_back(method):
    """The end of a child that the plugin forked and that came back into the worker, which goes on without it."""
    logs.note(f"a process that it forked came back from `{method}`, and was ended: end it with os._exit()")
    lastwords.end(0)


def _end_group(group):
    others = _others(group)
    if not others:
        return
    _signal(others, _SIGTERM)
    end = time.monotonic() + 0.5
    while others and time.monotonic() < end:
        time.sleep(0.01)
        _reap()
        others = _others(group)
    _signal(others, _SIGKILL)


def _signal(processes, number):
    for process in processes:
        try:
            os.kill(process, number)
        except OSError:
            pass


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except OSError:
        pass


def _others(group):
    """The other living members of the group. One by one, because a signal to the group would hit us as well."""
    found = []
    if os.path.isdir("/proc/self"):
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == group:
                continue
            try:
                with open(f"/proc/{name}/stat", "rb") as opened:
                    fields = opened.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != b"Z":
                found.append(int(name))
        return found
    import subprocess

    try:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,pgid="], capture_output=True, timeout=2, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) == 2 and int(fields[1]) == group and int(fields[0]) != group:
            found.append(int(fields[0]))
    return found
