"""The examples, and every Python block of the two authors' guides, run as they stand."""

import glob
import json
import os
import re
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import EXAMPLES, LLM_PYTHON, PYTHON_FOLDER, Case, user
from llm_case import LlmCase

GUIDES = os.path.join(os.path.dirname(PYTHON_FOLDER), "docs", "guides")


def blocks(guide):
    with open(os.path.join(GUIDES, guide), encoding="utf-8") as opened:
        return re.findall(r"^```python\n(.*?)^```$", opened.read(), re.M | re.S)


class Acme(BaseHTTPRequestHandler):
    """The service of the drop-in guide."""

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = f"{self.headers['authorization']} {body['model']} {body['prompt']}"
        data = json.dumps({"text": text}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class DropIn(Case):
    def test_guide(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Acme)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        env = {"ACME_API_KEY": "sk-acme", "ACME_URL": f"http://127.0.0.1:{server.server_port}/"}
        found = blocks("drop-in-plugins.md")
        said = []
        for source in found:
            one = self.worker(source, env=env)
            (card,) = one.ask("models/list")["models"]
            said.append(one.generate(card["id"], "one two")[0])
            self.assertEqual(one.ask("plugin/check")["findings"], [] if "count_tokens" in source else [{
                "level": "warning", "at": "acme.py:12", "message": "AcmeClient has no count_tokens",
                "help": "tokens are estimated without it",
            }])
        self.assertEqual(said, ["You said: one two", "User: one two ", "Bearer sk-acme acme-large User: one two",
                                "13 characters"])
        refused = self.refused(self.worker, next(each for each in found if "ACME_API_KEY" in each))
        self.assertEqual((refused.kind, refused.data["missing"]), ("setup", "ACME_API_KEY is not set"))

    def test_example(self):
        (path,) = glob.glob(os.path.join(EXAMPLES, "drop_in", "*.py"))
        one = self.worker(file=path)
        self.assertEqual(one.about["notes"], [])
        self.assertEqual(one.ask("plugin/check")["findings"], [])
        text = "Rust is a language. Rust is fast. I like tea. The language Rust is safe and fast. It rained."
        said, _, events = one.generate("digest", text, options={"sentences": 2})
        self.assertEqual((said, len(events)), ("Rust is a language. The language Rust is safe and fast. ", 2))
        self.assertTrue(one.ask("tokens/count", model="digest", messages=[user(text)])["exact"])


@unittest.skipUnless(LLM_PYTHON, "CONSORT_TEST_LLM_PYTHON is not set")
class Llm(LlmCase):
    def test_guide(self):
        said = []
        for source in blocks("llm-plugins.md"):
            one = self.worker(source)
            self.assertEqual(one.ask("plugin/check")["findings"], [])
            (card,) = one.ask("models/list")["models"]
            if card["kind"] == "embedding":
                self.assertEqual(len(one.ask("embed", model=card["id"], inputs=["tea"])["vectors"]), 1)
                self.assertEqual(one.ask("templates/load", prefix="house", name="x")["template"]["prompt"], "x: $input")
                self.assertEqual(one.ask("fragments/load", prefix="upper", argument="a")["items"][0]["text"], "A")
                instance = one.ask("tools/open", toolbox="Notes", config={"most": 1})["instance"]
                for _ in range(2):
                    answer = one.ask("tools/call", name="Notes_add", instance=instance, arguments={"note": "n"})
                self.assertEqual(answer["content"][0]["text"], "1 notes")
                answer = one.ask("tools/call", name="count_words", arguments={"text": "a b"})
                self.assertEqual(answer["content"][0]["text"], "2")
                continue
            said.append(one.generate(card["id"], "one two", secrets={"hosted": "sk-12"})[0])
            if card["id"] == "everything":
                tools = [{"name": "weather", "inputSchema": {}}]
                self.assertEqual(one.generate(card["id"], tools=tools)[1]["finishReason"], "tool_calls")
                output = {"schema": {"type": "object", "properties": {"n": {}}}}
                self.assertEqual(one.generate(card["id"], output=output)[0], '{"n": "x"}')
            if card["id"] == "repeat":
                refused = self.refused(one.generate, card["id"], options={"between": "----"})
                self.assertEqual(str(refused), "option `between`: must be at most 3 characters")
        self.assertEqual(said, [
            "ONE TWO ", "one two one two", "a key of 5 characters came with: one two", "tick tick tick ",
            "0 turns before, no attachments, system ''", "42",
        ])

    def test_example(self):
        (path,) = glob.glob(os.path.join(EXAMPLES, "llm", "*.py"))
        one = self.worker(file=path)
        self.assertEqual(one.ask("plugin/check")["findings"], [])
        messages = [user("Hi"), {"role": "assistant", "content": "Go on."}, user("I like my tea")]
        for stream in (True, False):
            said, result, _ = one.generate("eliza", messages=messages, stream=stream, options={"shout": stream})
            self.assertEqual(said.lower().strip(), "(2) why do you say: you like your tea?")
            self.assertEqual(result["usage"], {"inputTokens": 4, "outputTokens": 9})
        answer = one.ask("tools/call", name="turn_around", arguments={"sentence": "I am"})
        self.assertEqual(answer["content"][0]["text"], "you are")


if __name__ == "__main__":
    unittest.main()
