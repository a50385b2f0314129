"""Packages of other projects as far as their plugins need them, for where the real ones are not installed."""

import os
import sys


def offer():
    """Makes them importable, after everything that is installed and everything beside the plugin."""
    folder = os.path.dirname(os.path.abspath(__file__))
    if folder not in sys.path:
        sys.path.append(folder)


def is_standin(module):
    """Whether a module is one of these."""
    path = getattr(module, "__file__", None) or ""
    return path.startswith(os.path.dirname(os.path.abspath(__file__)) + os.sep)
