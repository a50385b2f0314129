"""Packages for llm that fail as they are imported: where they do is told, with the line and the trace."""

import glob
import os
import subprocess
import textwrap

from harness import LLM_PYTHON
from llm_case import LlmCase


class Importing(LlmCase):
    def package(self, files, entry="llm_mine.model"):
        """A worker's refusal of a package of these files, installed in an environment that sees llm's."""
        home = os.path.join(self.folder, "venv")
        subprocess.run([LLM_PYTHON, "-m", "venv", "--without-pip", home], check=True)
        said = subprocess.run(
            [LLM_PYTHON, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True, check=True, text=True,
        )
        (site,) = glob.glob(os.path.join(home, "lib", "python*", "site-packages"))
        files = {
            **files,
            "llm.pth": said.stdout,
            "llm_mine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: llm-mine\nVersion: 1.0\n",
            "llm_mine-1.0.dist-info/entry_points.txt": f"[llm]\nmine = {entry}\n",
        }
        for name, text in files.items():
            path = os.path.join(site, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as opened:
                opened.write(textwrap.dedent(text))
        self.python = os.path.join(home, "bin", "python")
        return self.refused(self.worker, package="llm-mine")

    def test_a_module_that_raises(self):
        refused = self.package({
            "llm_mine/__init__.py": "",
            "llm_mine/model.py": "import llm\n\n\nraise RuntimeError('at import')\n",
        })
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "model.py:4"))
        self.assertEqual(str(refused), "RuntimeError: at import at model.py:4")
        self.assertIn("raise RuntimeError('at import')", refused.data["traceback"])
        self.assertNotIn("consort_worker", refused.data["traceback"])

    def test_a_package_that_raises_before_its_module_is_reached(self):
        refused = self.package({"llm_mine/__init__.py": "1 / 0\n", "llm_mine/model.py": ""})
        self.assertEqual(refused.data["at"], "__init__.py:1")

    def test_a_syntax_error(self):
        refused = self.package({
            "llm_mine/__init__.py": "",
            "llm_mine/model.py": "import llm\nfrom . import broken\n",
            "llm_mine/broken.py": "x = 1\ndef (:\n    pass\n",
        })
        self.assertEqual((str(refused), refused.data["at"]), ("SyntaxError: invalid syntax at broken.py:2", "broken.py:2"))
        self.assertIn("def (:", refused.data["traceback"])

    def test_a_package_of_one_file(self):
        refused = self.package({"llm_mine.py": "import llm\nfrom llm import nothing_of_this_name\n"}, "llm_mine")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "llm_mine.py:2"))

    def test_what_another_package_raises_is_told_by_the_line_that_imports_it(self):
        refused = self.package({
            "llm_mine/__init__.py": "",
            "llm_mine/model.py": "import llm\nimport other_package\n",
            "other_package.py": "def (:\n",
        })
        self.assertEqual(refused.data["at"], "model.py:2")

    def test_a_package_that_is_built_on_other_models(self):
        refused = self.package({"llm_mine.py": "import llm\n\nbase = llm.get_model('gpt-4o')\n"}, "llm_mine")
        self.assertEqual((refused.kind, refused.data["at"]), ("unsupported", "llm_mine.py:3"))
        self.assertTrue(refused.data["help"].endswith(": llm install llm-mine"), refused.data["help"])

    def test_an_entry_point_to_what_is_not_there(self):
        refused = self.package({"llm_mine/__init__.py": "", "llm_mine/model.py": "class Model:\n    pass\n"},
                               "llm_mine.model:Modell")
        self.assertEqual(
            (refused.kind, str(refused)),
            ("plugin_bug", "the package says that its plugin is `llm_mine.model:Modell`, and there is no `Modell`"),
        )
        self.assertIn("`Model`", refused.data["help"])
