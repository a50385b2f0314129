"""The front door: `python -I .../consort_worker/__main__.py [debug ...]`."""

import os
import sys


def _import_from(folder):
    """Imports the package without leaving its folder where a plugin's imports would look."""
    package = os.path.join(folder, "consort_worker")
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != package]
    sys.path.insert(0, folder)
    try:
        import consort_worker.boot
    finally:
        sys.path.remove(folder)
    return consort_worker.boot


if __name__ == "__main__":
    _here = os.path.dirname(os.path.abspath(__file__))
    _import_from(os.path.dirname(_here)).main(sys.argv[1:])
