"""Chooses what to be: the worker on a pipe, or a plugin's author at a terminal."""

import sys


def main(arguments):
    if arguments and arguments[0] == "debug":
        from . import debug

        sys.exit(debug.main(arguments[1:]))
    if arguments and arguments[0] == "command":
        from . import command

        sys.exit(command.main(arguments[1:]))
    if arguments and arguments[0] == "test":
        from . import testing

        sys.exit(testing.main(arguments[1:]))
    # The descriptors go first: nothing that is imported later may reach the pipe.
    from . import descriptors

    pipe = descriptors.claim()
    from . import worker

    worker.run(*pipe)
