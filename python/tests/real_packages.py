"""Runs the tests that need published packages of other projects, unmodified. It installs them into environments of their own
below target/, which takes minutes and more than a gigabyte the first time.

    python3 python/tests/real_packages.py [NAME...]

CONSORT_RECORDINGS and CONSORT_GUIDES, where they are set, make the tests use recorded answers and the guides' own pages.
"""

import os
import subprocess
import sys
import venv

from harness import PYTHON_FOLDER

FOLDER = os.path.join(os.path.dirname(PYTHON_FOLDER), "target", "python-packages")
_VISION = ["vision-agents{}", "vision-agents-plugins-openai{}", "vision-agents-plugins-gemini{}"]
# Name -> (packages, the variable that names the Python, the tests).
SUITES = {
    "clients": (["google-genai", "boto3", "anthropic"], "CONSORT_TEST_CLIENTS_PYTHON", ["test_examples", "test_live_example"]),
    # bruno-core's assistant imports yaml, and its package does not say so.
    "bruno": (["bruno-core", "bruno-llm[openai]", "pyyaml"], "CONSORT_TEST_BRUNO_PYTHON", ["test_bruno_real"]),
    "vision": ([each.format("") for each in _VISION], "CONSORT_TEST_VISION_PYTHON", ["test_vision_real"]),
    "vision-0.5.9": ([each.format("==0.5.9") for each in _VISION], "CONSORT_TEST_VISION_PYTHON", ["test_vision_real"]),
}


def python_of(name, packages):
    """The Python of an environment that has the packages; made where it is not there."""
    folder = os.path.join(FOLDER, name)
    python = os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python")
    done = os.path.join(folder, "installed")
    wanted = "\n".join(packages)
    if not os.path.exists(done) or open(done, encoding="utf-8").read() != wanted:
        print(f"installing {' '.join(packages)}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        with open(done, "w", encoding="utf-8") as opened:
            opened.write(wanted)
    return python


def main(names):
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        return f"there is no suite `{unknown[0]}`, only: {', '.join(SUITES)}"
    failed = []
    for name in names or SUITES:
        packages, variable, tests = SUITES[name]
        env = {**os.environ, variable: python_of(name, packages)}
        print(f"-- {name}", file=sys.stderr, flush=True)
        folder = os.path.dirname(os.path.abspath(__file__))
        if subprocess.run([sys.executable, "-m", "unittest", *tests], cwd=folder, env=env, check=False).returncode:
            failed.append(name)
    return f"failed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
