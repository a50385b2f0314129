"""Makes `import llm_utils` work: the real module where there is one, else a stand-in."""

import os
import sys
from importlib import machinery

from ..loading import plugin

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "standins")
_FILE = os.path.join(_FOLDER, "llm_utils.py")


def provide(client_for, plugin_name):
    """Gives (the class to derive from, a note or None).

    A real `llm_utils` comes first. One that cannot run outside its own application does not count.
    """
    note = None
    try:
        import llm_utils

        return llm_utils.LLMClient, None
    except ImportError as error:
        if getattr(error, "name", None) != "llm_utils":
            note = error
    except Exception as error:  # the original looks for a folder when it is imported
        note = error
    module = _load()
    module._client_for, module._plugins = client_for, [plugin_name]
    if note is not None:
        note = f"the llm_utils beside the plugin cannot run here ({type(note).__name__}: {note}); a stand-in is used"
    return module.LLMClient, note


def _load():
    # By its file: by its name, one beside the plugin that cannot run would be found again.
    loader = machinery.SourceFileLoader("llm_utils", _FILE)
    module = type(sys)("llm_utils")
    module.__file__, module.__loader__ = _FILE, loader
    sys.modules["llm_utils"] = module
    loader.exec_module(module)
    # For `multiprocessing`, whose processes import the plugin anew: before one beside the plugin that cannot run.
    at = sys.path.index(plugin.folder) if plugin.folder in sys.path else len(sys.path)
    sys.path.insert(at, _FOLDER)
    return module


def offered():
    """The names that the stand-in has, where it is used."""
    module = sys.modules.get("llm_utils")
    return module.__all__ if getattr(module, "__file__", None) == _FILE else ()
