"""Runs a plugin at a terminal, with the real stdin and stdout, and opens the debugger where it fails."""

import os
import sys
import tempfile
import traceback

from . import dialects
from .failures import Failure
from .pipe import Writer


def main(arguments):
    import argparse

    parser = argparse.ArgumentParser(prog="consort_worker debug", description=__doc__)
    parser.add_argument("--file", help="the plugin's file")
    parser.add_argument("--package", help="an installed package, instead of a file")
    parser.add_argument("--dialect", choices=dialects.NAMES, help="told by the file's imports if left out")
    parser.add_argument("--model", help="the model to ask; the first if left out")
    parser.add_argument("--prompt", default="Hello", help="what to say to it")
    parser.add_argument("--system", help="the system prompt")
    parser.add_argument("--key", action="append", default=[], metavar="NAME=VALUE", help="a key that it may use")
    parser.add_argument(
        "--init", action="append", default=[], metavar="NAME=VALUE", help="an argument of the constructor"
    )
    parser.add_argument("--no-debugger", action="store_true", help="only show where it failed")
    given = parser.parse_args(arguments)
    if bool(given.file) == bool(given.package):
        parser.error("either --file or --package")
    os.environ["LLM_RAISE_ERRORS"] = "1"
    keys = dict(each.partition("=")[::2] for each in given.key)
    with tempfile.TemporaryDirectory(prefix="consort-debug-") as data_dir:
        try:
            _run(given, keys, data_dir)
        except (Exception, SystemExit) as error:
            return _failed(error, given)
    return 0


def _run(given, keys, data_dir):
    from .loading import plugin

    config = {
        "file": given.file,
        "package": given.package,
        "init": dict(each.partition("=")[::2] for each in given.init),
    }
    name = given.dialect or "llm"
    if given.package and name == "llm":
        name = dialects.of_package(given.package)
    elif not given.dialect:
        name = dialects.of_file(given.file)
    plugin.name = given.package or plugin.name
    dialect = dialects.named(name)(NoHost(), config, data_dir)
    plugin.is_loading = True
    about = dialect.load()
    plugin.is_loading = False
    for note in about.get("notes") or ():
        print(f"note: {note}", file=sys.stderr)
    models = dialect.models_list(None)["models"]
    chat = [model["id"] for model in models if model.get("kind") not in ("embedding", "realtime")]
    if not chat:
        live = next((model["id"] for model in models if model.get("kind") == "realtime"), None)
        more = f"; talk with it: consort talk {live}" if live else ""
        raise Failure("unsupported", f"it has no chat model, only: {', '.join(each['id'] for each in models) or 'nothing'}{more}")
    model = given.model or chat[0]
    print(f"{about['plugin']['name']}: {', '.join(chat)}; asking {model}", file=sys.stderr)
    params = {
        "model": model,
        "stream": True,
        "system": given.system,
        "messages": [{"role": "user", "content": [{"type": "text", "text": given.prompt}]}],
        "secrets": keys,
    }
    result = dialect.generate(_Terminal(params))
    for part in result.get("content") or ():
        sys.stdout.write(part.get("text", ""))
    sys.stdout.write("\n")
    rest = {key: value for key, value in result.items() if key != "content"}
    print(rest, file=sys.stderr)


def _failed(error, given):
    """The plugin's own part of the traceback, and the debugger in its deepest frame."""
    from .explain import explain
    from .loading import plugin

    step = error.__traceback__
    while step is not None and not plugin.owns(step.tb_frame.f_code.co_filename):
        step = step.tb_next
    if isinstance(error, Failure):
        print(f"{error.kind}: {error.message}", file=sys.stderr)
        for name in ("at", "missing", "help"):
            if error.data.get(name):
                print(f"  {name}: {error.data[name]}", file=sys.stderr)
        return 1
    traceback.print_exception(type(error), error, step)
    failure = explain(error)
    print(f"{failure.kind}: {failure.message}", file=sys.stderr)
    if failure.data.get("missing"):
        print(f"  missing: {failure.data['missing']}\n  help: {failure.data.get('help')}", file=sys.stderr)
    if step is not None and not given.no_debugger:
        import pdb

        pdb.post_mortem(step)
    return 1


class NoHost:
    """There is no host at a terminal: nothing is granted, and no tools are there."""

    offers = {}
    writer = Writer(1, 0)  # of which only the lock is used

    def notify(self, method, params):
        pass

    def ask(self, call, method, params):
        raise Failure("unsupported", f"there is no host to ask for {method}")

    async def ask_async(self, method, params):
        return self.ask(None, method, params)

    def ask_later(self, method, params, deliver):
        deliver({"error": {"message": "there is no host"}})


class _Terminal:
    """A request whose events are printed as they come."""

    cancelled = False
    stop = None
    ident = 1

    def __init__(self, params):
        self.params = params

    def end_child(self):
        """A child that comes back is debugged as what it is."""

    def text(self, delta):
        sys.stdout.write(delta)
        sys.stdout.flush()

    def event(self, **event):
        if event.get("type") == "text":
            self.text(event["text"])
        elif event.get("text") or event["type"] not in ("reasoning", "text"):
            print(f"\n[{event}]", file=sys.stderr)
