"""Drop-in chat plugins: loading them, what they lack, and counting tokens."""

import os
import time
import unittest

from harness import Case, assistant, client, user


class Loading(Case):
    def test_names(self):
        for name in ("my new plugin", "日本", "2nd-plugin", "json", "openai", "class", "a.b", "llm_plugins"):
            with self.subTest(name):
                source = "import json\n" + client(
                    "def generate_response(self, a, b, c, d): return json.dumps([__name__, __file__])"
                )
                one = self.worker(source, name)
                self.assertEqual([card["id"] for card in one.ask("models/list")["models"]], [name])
                import json

                module, file = json.loads(one.generate(name)[0])
                self.assertTrue(module.isidentifier())
                self.assertEqual(os.path.basename(file), f"{name}.py")

    def test_slips_and_what_to_do_about_them(self):
        good = client("def generate_response(self, a, b, c, d): return 'x'")
        for source, words in (
            (good.replace("import LLMClient", "import LLMCleint"), "llm_utils has LLMClient, "),
            (good.replace("generate_response", "generate_reponse"), "it has `generate_reponse`: name it `generate_res"),
            ("import not_there_at_all\n" + good, "install-deps acme not-there-at-all "),
            ("open('config.json')\n" + good, f"its working folder is {os.path.join(self.folder, 'state')}"),
            ("open('beside.json')\n" + good, "`beside.json` stands beside the plugin, which works in "),
        ):
            with self.subTest(words):
                one = self.worker(source, initialize=False)
                with open(os.path.join(os.path.dirname(one.config["file"]), "beside.json"), "w"):
                    pass
                refused = self.refused(
                    one.ask, "initialize", protocolVersion=1, config=one.config, dataDir=os.path.join(self.folder, "state")
                )
                self.assertIn(words, refused.data["help"])

    def test_what_a_module_may_do(self):
        one = self.worker("""
            # -*- coding: utf-8 -*-
            from __future__ import annotations
            import dataclasses, inspect, pickle, signal, sys, typing
            from llm_utils import LLMClient

            signal.signal(signal.SIGUSR1, lambda *_: None)  # only the main thread may

            @dataclasses.dataclass
            class Answer:
                text: str
                why: typing.Optional[str] = None

            class Client(LLMClient):
                def generate_response(self, system, text, max_tokens, temperature) -> str:
                    answer = pickle.loads(pickle.dumps(Answer("ok")))
                    assert "class Client" in inspect.getsource(Client)
                    assert sys.modules[__name__].Client is Client
                    assert typing.get_type_hints(Answer)["text"] is str
                    return answer.text

            if __name__ == "__main__":
                raise SystemExit("ran as a program")
        """)
        self.assertEqual(one.generate("acme")[0], "ok")

    def test_its_folder_passes_for_the_originals_package(self):
        self.plugin("WORDS = ['one']", "_helper")
        self.plugin("class Other: name = 'other'", "other plugin")
        self.plugin("from . import _helper\nclass Third: words = _helper.WORDS", "third")
        one = self.worker(client(
            """
            def generate_response(self, a, b, c, d):
                from . import acme as me
                assert me.Client is Client and sys.modules["llm_plugins.acme"].Client is Client
                assert pickle.loads(pickle.dumps(Client)) is Client and "WORDS" in inspect.getsource(me)
                assert not caught, caught
                return f"{WORDS} {Third.words is WORDS} {import_module('llm_plugins.other plugin').Other.name}"
            """,
            head="""
            import inspect, pickle, sys, warnings
            from importlib import import_module
            caught = []
            warnings.simplefilter("always")
            warnings.showwarning = lambda *told, **more: caught.append(str(told[0]))
            from ._helper import WORDS
            from llm_plugins.third import Third
            """,
        ))
        self.assertEqual(one.generate("acme")[0], "['one'] True other")

    def test_processes_that_import_the_plugin_anew(self):
        one = self.worker(client(
            """
            def generate_response(self, a, b, c, d):
                with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    return str(list(pool.map(square, [2, 3])))
            """,
            head="import concurrent.futures, multiprocessing\ndef square(number): return number * number",
        ))
        self.assertEqual(one.generate("acme")[0], "[4, 9]")
        # They find the stand-in too where the llm_utils beside the plugin cannot run.
        with open(os.path.join(self.folder, "llm_utils.py"), "w") as opened:
            opened.write("raise RuntimeError('not here')\n")
        again = self.worker(file=one.config["file"])
        self.assertEqual(again.generate("acme")[0], "[4, 9]")

    def test_syntax_error(self):
        source = "from llm_utils import LLMClient\n\nclass C(LLMClient):\n    def f(self, a=1 b=2):\n        pass\n"
        refused = self.refused(self.worker, source, "my new plugin")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "my new plugin.py:4"))
        self.assertTrue(str(refused).startswith("SyntaxError: "), str(refused))
        refused = self.refused(self.worker, "x = 1\n\tif x:\n")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:2"))

    def test_where_it_hangs_is_told_while_it_does(self):
        one = self.worker("import time\n\ntime.sleep(60)\n", initialize=False)
        one.start("initialize", protocolVersion=1, config=one.config)
        place = None
        for _ in range(100):
            place = place or one.ask("x-where")["at"]
            time.sleep(0.05 if place is None else 0)
        self.assertEqual(place, "acme.py:3")

    def test_a_process_that_may_not_leave_says_what_to_do(self):
        one = self.worker(client("def generate_response(self, a, b, c, d):\n    import os\n    os.setsid = refuse\n    os.setsid()", head="""
            def refuse():
                raise PermissionError(1, 'Operation not permitted')
            """))
        self.assertIn("start_new_session", self.refused(one.generate, "acme").data.get("help") or "")

    def test_missing_packages(self):
        for line, missing, pip in (
            ("import yaml_of_nobody", "the package `yaml_of_nobody`", "`yaml-of-nobody`"),
            ("import cv2.nothing", "the package `cv2`", "`opencv-python`"),
            ("from google.generativeai import x", "the package `google.generativeai`", "`google-generativeai`"),
        ):
            refused = self.refused(self.worker, f"import os\n{line}\n")
            self.assertEqual((refused.kind, refused.data["at"]), ("setup", "acme.py:2"))
            if "google" not in line:
                self.assertEqual(refused.data["missing"], missing)
                self.assertIn(pip, refused.data["help"])
        one = self.worker(client("def generate_response(self, a, b, c, d): import not_there"))
        refused = self.refused(one.generate, "acme")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "the package `not_there`"))
        for line in ("from . import sibling", "from .sibling import x", "import llm_plugins.sibling"):
            refused = self.refused(self.worker, line)
            self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:1"))

    def test_missing_variable(self):
        body = """
        def __init__(self):
            key = os.environ.get("NEEDS_KEY_API_KEY")
            if not key:
                raise RuntimeError("NEEDS_KEY_API_KEY is not set")

        def generate_response(self, a, b, c, d):
            return "unlocked" + os.environ["OTHER_KEY"]
        """
        source = client(body, head="import os")
        refused = self.refused(self.worker, source)
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "NEEDS_KEY_API_KEY is not set"))
        self.assertEqual(refused.data["at"], "acme.py:8")
        one = self.worker(source, env={"NEEDS_KEY_API_KEY": "x"})
        self.assertEqual(one.about["env"], ["NEEDS_KEY_API_KEY", "OTHER_KEY"])
        refused = self.refused(one.generate, "acme")
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "OTHER_KEY is not set"))

    def test_missing_variable_that_only_a_library_names(self):
        self.plugin(
            "class Client:\n    def __init__(self):\n        raise ValueError('set the ACME_API_KEY variable')", "lib"
        )
        refused = self.refused(self.worker, client("def __init__(self): self.c = lib.Client()\n"
                                                   "def generate_response(self, a, b, c, d): pass", head="import lib"))
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "ACME_API_KEY is not set"))

    def test_a_plugin_that_ends_the_program(self):
        refused = self.refused(self.worker, "import sys\nsys.exit(1)")
        self.assertEqual((refused.kind, refused.data["at"]), ("plugin_bug", "acme.py:2"))
        refused = self.refused(self.worker, "import sys\nsys.exit('install acme first')")
        self.assertEqual(
            str(refused), "SystemExit: the plugin tried to end the program: install acme first at acme.py:2"
        )
        self.assertEqual(refused.data["help"], "it may have said why: consort plugins log acme")
        one = self.worker(client("def generate_response(self, a, b, c, d): raise KeyboardInterrupt"))
        self.assertEqual(self.refused(one.generate, "acme").kind, "plugin_bug")
        one = self.worker(client("async def generate_response(self, a, b, c, d): raise SystemExit(3)"))
        self.assertEqual(self.refused(one.generate, "acme").kind, "plugin_bug")
        self.assertEqual(self.refused(one.generate, "acme").kind, "plugin_bug")

    def test_a_file_that_is_gone(self):
        refused = self.refused(self.worker, file=os.path.join(self.folder, "gone.py"))
        self.assertEqual(refused.kind, "setup")


class Counting(Case):
    def test_each_text_is_counted_once(self):
        one = self.worker(client("""
            def generate_response(self, a, b, c, d): return "x"
            def count_tokens(self, text):
                print("counting", text)
                return len(text) * 1.3
        """))
        messages = [user("abc"), assistant("defg"), user("abc")]
        for _ in range(3):
            counted = one.ask("tokens/count", model="acme", messages=messages)
            self.assertEqual(counted, {"tokens": 4 + 6 + 4, "exact": True})
        self.assertEqual(one.log().count("counting"), 2)

    def test_bad_counts(self):
        for returned in ("'many'", "-1", "float('nan')", "[1, 2]", "True", "1/0", "exit()"):
            one = self.worker(client(f"def generate_response(self, a, b, c, d): pass\n"
                                     f"def count_tokens(self, text): return {returned}"))
            for _ in range(2):
                counted = one.ask("tokens/count", model="acme", messages=[user("a" * 40)])
                self.assertEqual(counted, {"tokens": 12, "exact": False}, returned)
            self.assertEqual(one.log().count("count_tokens of acme is not used"), 1)

    def test_a_slow_count_is_not_waited_for(self):
        one = self.worker(client("""
            def generate_response(self, a, b, c, d): pass
            def count_tokens(self, text):
                time.sleep(30)
        """, head="import time"))
        import time

        started = time.monotonic()
        self.assertFalse(one.ask("tokens/count", model="acme", messages=[user("x")])["exact"])
        self.assertLess(time.monotonic() - started, 3)
        started = time.monotonic()
        self.assertFalse(one.ask("tokens/count", model="acme", messages=[user("y")])["exact"])
        self.assertLess(time.monotonic() - started, 0.5)


if __name__ == "__main__":
    unittest.main()
