"""Packages of other projects as far as their plugins need them, for where the real ones are not installed."""

import os
import sys


_FOLDER = os.path.dirname(os.path.abspath(__file__))


def offer():
    """Makes them importable, after everything that is installed and everything beside the plugin."""
    if _FOLDER not in sys.path:
        sys.path.append(_FOLDER)


def is_standin(module):
    """Whether a module is one of these."""
    return (getattr(module, "__file__", None) or "").startswith(_FOLDER + os.sep)
