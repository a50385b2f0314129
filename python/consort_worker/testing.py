"""Runs a file of tests, written for pytest, against a plugin: without pytest where there is none.

Names that the tests do not define are the plugin's, and `CustomLLM`, as guides call a plugin that is yet to be written,
is the plugin's own model.
"""

import os
import sys
import tempfile
import traceback

from . import dialects, loop
from .debug import NoHost


def main(arguments):
    import argparse

    parser = argparse.ArgumentParser(prog="consort_worker test", description=__doc__)
    parser.add_argument("--file", required=True, help="the plugin's file")
    parser.add_argument("--dialect", choices=dialects.NAMES, help="told by the file's imports if left out")
    parser.add_argument("tests", help="the file with the tests")
    given = parser.parse_args(arguments)
    name = given.dialect or dialects.of_file(given.file)
    if name != "bruno":
        parser.error(f"plugins of the dialect {name} have no tests of this form")
    with tempfile.TemporaryDirectory(prefix="consort-test-") as data_dir:
        dialect = dialects.named(name)(NoHost(), {"file": os.path.abspath(given.file), "init": {}}, data_dir)
        try:
            dialect.load()
        except (Exception, SystemExit) as error:
            return _failed("the plugin", error)
        return _run(given.tests, dialect)


def _run(path, dialect):
    namespace = {**vars(dialect.module), "__name__": "plugin_tests", "__file__": os.path.abspath(path)}
    namespace.setdefault("CustomLLM", _making(dialect))
    sys.modules.setdefault("pytest", _pytest())
    try:
        with open(path, "rb") as opened:
            exec(compile(opened.read(), path, "exec", dont_inherit=True), namespace)
    except (Exception, SystemExit) as error:
        return _failed(path, error)
    before = vars(dialect.module)
    tests = {name: each for name, each in namespace.items() if name.startswith("test") and callable(each)
             and before.get(name) is not each}
    if not tests:
        print(f"{path} holds no function whose name begins with `test`", file=sys.stderr)
        return 1
    failed = 0
    for name, test in tests.items():
        try:
            returned = test()
            if hasattr(returned, "__await__"):
                _awaited(returned)
        except (Exception, SystemExit) as error:
            failed += 1
            _failed(name, error)
        else:
            print(f"passed: {name}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _awaited(returned):
    import asyncio

    async def run():
        return await returned

    return asyncio.run_coroutine_threadsafe(run(), loop.get()).result()


def _making(dialect):
    """Makes the plugin's own model, from the arguments that it knows of those that the test gives."""
    recipe = dialect.sources[0].recipe

    def make(**given):
        if recipe is None:
            return dialect.sources[0].instance
        known = {name: value for name, value in given.items() if name in recipe.names}
        secrets = {recipe.keys[name][0]: value for name, value in known.items() if name in recipe.keys}
        return recipe.make(**{**recipe.arguments(None, secrets), **known})

    return make


def _failed(what, error):
    step = error.__traceback__
    while step is not None and __file__ == step.tb_frame.f_code.co_filename and step.tb_next is not None:
        step = step.tb_next
    print(f"failed: {what}")
    traceback.print_exception(type(error), error, step, file=sys.stdout)
    return 1


def _pytest():
    """As much of pytest as a plain test uses."""
    try:
        import pytest

        return pytest
    except ImportError:
        module = type(sys)("pytest", "A stand-in, brought by Consort.")

    class Marks:
        def __getattr__(self, name):
            return lambda *arguments, **named: arguments[0] if len(arguments) == 1 and callable(arguments[0]) else (
                lambda function: function
            )

    class raises:
        def __init__(self, kinds):
            self.kinds = kinds
            self.value = None

        def __enter__(self):
            return self

        def __exit__(self, kind, value, trace):
            if kind is None:
                raise AssertionError(f"nothing raised {self.kinds}")
            self.value = value
            return issubclass(kind, self.kinds)

    module.mark, module.raises, module.fixture = Marks(), raises, lambda function: function
    return module
