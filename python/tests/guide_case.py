"""Pages of other projects, read when a test runs: CONSORT_GUIDES names the folder that holds them."""

import glob
import os
import re
import unittest

from harness import Case

FOLDER = os.environ.get("CONSORT_GUIDES")
needs_guides = unittest.skipUnless(FOLDER, "CONSORT_GUIDES is not set")


def blocks(number):
    """The Python blocks of the page with that number, as they stand."""
    (path,) = glob.glob(os.path.join(FOLDER, f"{number}-*.md"))
    with open(path, encoding="utf-8") as opened:
        return re.findall(r"^```python\n(.*?)^```$", opened.read(), re.M | re.S)


def block(number, mark):
    """The one block that holds a text."""
    (found,) = [each for each in blocks(number) if mark in each]
    return found


class GuideCase(Case):
    def said(self, one, model, text="hello", **params):
        return one.generate(model, text, **params)[0]
