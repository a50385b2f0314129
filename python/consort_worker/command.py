"""Runs one of a plugin's own commands at a terminal: those that it registers with `register_commands`."""

import os
import sys

# The granted keys by their names, as a JSON object. It is taken away before any of the plugin's code runs: what that
# starts would inherit it.
_KEYS = "CONSORT_COMMAND_KEYS"


def main(arguments):
    import argparse

    parser = argparse.ArgumentParser(prog="consort_worker command", description=__doc__)
    parser.add_argument("--file", help="the plugin's file")
    parser.add_argument("--package", help="an installed package, instead of a file")
    parser.add_argument("--data-dir", required=True, help="the plugin's own folder")
    parser.add_argument("--name", default="plugin", help="what the help calls it")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    granted = _granted()
    from .llm_dialect import package
    from .llm_dialect.keys import Keys

    llm = package.start(os.path.join(given.data_dir, "llm"))
    # `llm.get_key` finds them as it does where the plugin is asked; nobody is there to be asked for more.
    Keys(llm, None).grant(granted)
    if given.file:
        package.load_file(llm, given.file, [])
    else:
        package.load_package(llm, given.package or "")
    import click

    group = click.Group(name=given.name)
    llm.plugins.pm.hook.register_commands(cli=group)
    if not group.commands:
        print(f"{given.name} has no commands", file=sys.stderr)
        return 2
    rest = given.rest[1:] if given.rest[:1] == ["--"] else given.rest
    try:
        return group.main(args=rest, prog_name=given.name, standalone_mode=True)
    except KeyError as error:
        from .llm_dialect import unknown

        said = unknown.command_says(llm, error)
        if said is None:
            raise
        print(said, file=sys.stderr)
        return 1


def _granted():
    import json

    try:
        granted = json.loads(os.environ.pop(_KEYS, "{}"))
    except ValueError:
        granted = None
    return granted if isinstance(granted, dict) else {}
