"""The plugin's log is stderr: makes Python's logging write there, as soon as anybody imports it."""

import sys


def install():
    """Costs nothing for a plugin that does not log: logging itself is loaded only when somebody asks for it."""
    if "logging" in sys.modules:
        configure()
    else:
        sys.meta_path.insert(0, _Watch())


def configure():
    import logging

    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)


def note(message):
    """A line of the worker's own in the plugin's log."""
    try:
        sys.stderr.write(f"consort: {message}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


class _Watch:
    """A finder that finds nothing itself, but sees `logging` come and configures it once it is there."""

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        execute = spec.loader.exec_module

        def and_configure(module):
            execute(module)
            configure()

        try:
            spec.loader.exec_module = and_configure
        except AttributeError:  # a loader that is a class: then the defaults of logging stand
            pass
        return spec
