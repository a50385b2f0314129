"""The transport: what reaches the pipe, what does not, and how requests and the worker end."""

import json
import os
import subprocess
import time
import unittest

from harness import Case, client, user

SLOW = client(
    """
    def generate_response(self, system, text, max_tokens, temperature):
        what = text.rpartition("User: ")[2]
        if what == "stream":
            return self.stream()
        if what == "sleep":
            time.sleep(30)
        if what == "spin":
            while True:
                pass
        if what == "stubborn":
            while True:
                try:
                    while True:
                        pass
                except:
                    pass
        if what == "swallow":
            try:
                time.sleep(0.3)
                while True:
                    sum(range(1000))
            except Exception:
                return "swallowed"
        if what == "exit":
            import sys
            sys.exit(3)
        if what == "child":
            child = subprocess.Popen(["sleep", "60"])
            return str(child.pid)
        return "said " + what

    def stream(self):
        try:
            for number in range(100000):
                yield f"{number} "
                time.sleep(0.01)
        finally:
            print("the generator was closed")

    def count_tokens(self, text):
        return 1
    """,
    head="import subprocess, time",
)


class Lines(Case):
    def setUp(self):
        super().setUp()
        self.one = self.worker(SLOW)

    def test_ping_is_answered_while_everything_else_is_busy(self):
        for what in ("sleep", "spin", "stream"):
            self.one.start("generate", model="acme", messages=[user(what)])
        time.sleep(0.2)
        started = time.monotonic()
        self.assertEqual(self.one.ask("ping"), {})
        self.assertLess(time.monotonic() - started, 0.5)

    def test_what_is_not_a_request(self):
        for raw, code in (
            (b"{not json\n", -32700),
            (b"\xff\xfe{}\n", -32700),
            (b"[1,2]\n", -32600),
            (b"[" * 100000 + b"\n", -32700),
            (b"{}\n", -32600),
        ):
            self.one.write(raw)
            refused = self.refused(self.one.answer, None)
            self.assertEqual((refused.error["code"], refused.kind), (code, "protocol"), raw[:20])
        self.one.write(b"\n  \r\n")  # empty lines are nothing
        self.assertEqual(self.one.generate("acme", "on")[0], "said on")

    def test_unknown_methods_and_notifications(self):
        self.assertEqual(self.refused(self.one.ask, "no/such").error["code"], -32601)
        self.one.send("no/such/notification", x=1)
        self.one.send("cancel", request=4711)
        self.one.write(b'{"jsonrpc":"2.0","id":1,"result":{}}\n')
        self.one.write(b'{"jsonrpc":"2.0","id":77,"method":"generate","params":[]}\n')
        self.assertEqual(self.refused(self.one.answer, 77).error["code"], -32602)
        self.assertEqual(self.refused(self.one.ask, "embed", model="x", inputs=[]).error["code"], -32601)
        self.assertEqual(self.one.ask("ping"), {})

    def test_a_line_over_the_limit_fails_its_request_alone(self):
        text = "x" * (9 * 1024 * 1024)
        ident = self.one.start("generate", model="acme", messages=[user(text)])
        refused = self.refused(self.one.answer, None)  # json.dumps of the harness puts the id last: it cannot be told
        self.assertIn("8388608", str(refused))
        self.one.write(b'{"jsonrpc":"2.0","id":"long","method":"generate","params":{"x":"' + text.encode() + b'"}}\n')
        self.assertEqual(self.refused(self.one.answer, "long").kind, "protocol")
        self.assertEqual(self.one.generate("acme", "after")[0], "said after")
        self.assertNotIn(str(ident), self.one.waiting)

    def test_a_line_just_under_the_limit_arrives_whole(self):
        text = "é" * (3 * 1024 * 1024)
        said, _, events = self.one.generate("acme", text)
        self.assertEqual(said, "said " + text)
        self.assertGreater(len(events), 1)  # no line of ours is over the limit either

    def test_lines_split_anywhere(self):
        request = {"jsonrpc": "2.0", "id": 5000, "method": "generate", "params": {"model": "acme", "messages": []}}
        raw = json.dumps(request).encode() + b"\n"
        for byte in raw:
            self.one.write(bytes([byte]))
        self.assertEqual(self.one.answer(5000)["finishReason"], "stop")

    def test_an_id_in_use_is_refused(self):
        ident = self.one.start("generate", model="acme", messages=[user("stream")])
        time.sleep(0.1)
        self.one.send("generate", ident, model="acme", messages=[user("x")])
        self.assertEqual(self.refused(self.one.answer, ident).error["code"], -32600)

    def test_ids_of_both_sorts(self):
        self.one.send("ping", "1")
        self.one.send("ping", 1)
        self.assertEqual(self.one.answer("1"), {})
        self.assertEqual(self.one.answer(1), {})


class Cancelling(Case):
    def setUp(self):
        super().setUp()
        self.one = self.worker(SLOW)

    def cancel(self, what, after=0.2):
        ident = self.one.start("generate", model="acme", messages=[user(what)])
        time.sleep(after)
        self.one.send("cancel", request=ident)
        started = time.monotonic()
        result = self.one.answer(ident)
        self.assertEqual(result, {"finishReason": "cancelled"})
        return time.monotonic() - started, ident

    def test_between_two_chunks(self):
        took, ident = self.cancel("stream")
        self.assertLess(took, 0.5)
        count = len(self.one.events[ident])
        self.assertGreater(count, 3)
        time.sleep(0.1)
        self.assertEqual(len(self.one.events[ident]), count)
        self.assertIn("the generator was closed", self.one.log())

    def test_python_that_never_yields_is_broken_into(self):
        self.assertLess(self.cancel("spin")[0], 1.0)
        self.assertLess(self.cancel("swallow", after=0.5)[0], 1.0)

    def test_what_cannot_be_stopped_is_answered_for(self):
        self.assertLess(self.cancel("sleep")[0], 3.0)
        self.assertLess(self.cancel("stubborn")[0], 3.0)
        self.assertEqual(self.one.generate("acme", "on")[0], "said on")

    def test_many_at_once(self):
        idents = [self.one.start("generate", model="acme", messages=[user("stream")]) for _ in range(30)]
        time.sleep(0.3)
        for ident in idents[::2]:
            self.one.send("cancel", request=ident)
        for ident in idents[::2]:
            self.assertEqual(self.one.answer(ident)["finishReason"], "cancelled")
        for ident in idents[1::2]:
            self.one.send("cancel", request=ident)
            self.assertEqual(self.one.answer(ident)["finishReason"], "cancelled")
        self.assertEqual(self.one.stray, [])

    def test_cancel_storm_cuts_no_line(self):
        """Cancels at every moment of many short lives: each is answered once, and no line is broken."""
        for round_ in range(60):
            ident = self.one.start("generate", model="acme", messages=[user("spin" if round_ % 2 else "stream")])
            time.sleep(0.001 * (round_ % 7))
            self.one.send("cancel", request=ident)
            self.assertEqual(self.one.answer(ident)["finishReason"], "cancelled")
        self.assertEqual(self.one.stray, [])


class Ending(Case):
    def test_end_of_stdin_ends_everything(self):
        one = self.worker(SLOW)
        for what in ("sleep", "spin", "stubborn"):
            one.start("generate", model="acme", messages=[user(what)])
        child = int(one.generate("acme", "child")[0])
        started = time.monotonic()
        self.assertEqual(one.close(), 0)
        self.assertLess(time.monotonic() - started, 2)
        self.assertFalse(_lives(child), "a child outlived its worker")

    def test_children_of_others_are_left_alone(self):
        """A worker that leads no group may end nobody but itself."""
        bystander = subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL)
        try:
            path = self.plugin(SLOW)
            from harness import PYTHON, WORKER

            worker = subprocess.Popen([PYTHON, "-I", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            config = {"dialect": "drop_in", "file": path}
            request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"config": config}}
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()
            worker.stdout.readline()
            worker.stdin.close()
            self.assertEqual(worker.wait(5), 0)
            worker.stdout.close()
            self.assertIsNone(bystander.poll())
        finally:
            bystander.kill()
            bystander.wait()

    def test_shutdown_lets_the_plugin_tidy_up(self):
        head = "import atexit\natexit.register(lambda: print('tidied up'))"
        one = self.worker(client("def generate_response(self, a, b, c, d): return 'x'", head=head))
        self.assertEqual(one.ask("shutdown"), {})
        self.assertEqual(one.close(), 0)
        self.assertIn("tidied up", one.log())

    def test_end_of_stdin_while_loading(self):
        one = self.worker("import time\ntime.sleep(30)", initialize=False)
        one.send("initialize", 1, protocolVersion=1, config=one.config)
        time.sleep(0.2)
        self.assertEqual(one.ask("ping"), {})
        started = time.monotonic()
        self.assertEqual(one.close(), 0)
        self.assertLess(time.monotonic() - started, 1)

    def test_the_host_stops_reading(self):
        one = self.worker(SLOW)
        one.start("generate", model="acme", messages=[user("stream")])
        time.sleep(0.1)
        one.process.stdout.close()
        self.assertEqual(one.close(), 0)


class Starting(Case):
    def test_every_way_to_start_it(self):
        from harness import PYTHON, PYTHON_FOLDER, WORKER

        self.plugin("raise RuntimeError('the worker's own modules must not hide others')", "errors")
        source = client("def generate_response(self, a, b, c, d): return str('calls' in dir() or find('calls'))",
                        head="from importlib.util import find_spec as find")
        path = self.plugin(source)
        for command in (
            [PYTHON, "-I", WORKER],
            [PYTHON, "-I", os.path.dirname(WORKER)],
            [PYTHON, "-m", "consort_worker"],
        ):
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PYTHON_FOLDER)
            initialize = {"config": {"dialect": "drop_in", "file": path}, "dataDir": self.folder}
            for ident, method, params in ((1, "initialize", initialize), (2, "generate", {"model": "acme"})):
                line = json.dumps({"jsonrpc": "2.0", "id": ident, "method": method, "params": params})
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
            self.assertEqual(answer["result"]["content"][0]["text"], "None", command)
            process.communicate(timeout=5)


class Handshake(Case):
    def test_nothing_before_initialize(self):
        one = self.worker(SLOW, initialize=False)
        self.assertEqual(one.ask("ping"), {})
        self.assertEqual(self.refused(one.ask, "models/list").kind, "protocol")

    def test_versions(self):
        one = self.worker(SLOW, initialize=False)
        refused = self.refused(one.ask, "initialize", protocolVersion=0, config=one.config)
        self.assertEqual((refused.error["code"], refused.data["supported"]), (-32001, [1]))
        about = one.ask("initialize", protocolVersion=7, config=one.config)
        self.assertEqual(about["protocolVersion"], 1)
        self.assertEqual(self.refused(one.ask, "initialize", config=one.config).error["code"], -32600)

    def test_unknown_dialect(self):
        one = self.worker(SLOW, initialize=False)
        self.assertEqual(self.refused(one.ask, "initialize", config={"dialect": "cobol"}).kind, "unsupported")

    def test_works_in_its_data_folder(self):
        one = self.worker(
            client("def generate_response(self, a, b, c, d): return os.getcwd()", head="import os"),
        )
        self.assertEqual(
            os.path.realpath(one.generate("acme")[0]), os.path.realpath(os.path.join(self.folder, "state"))
        )


class Noise(Case):
    def test_nothing_but_the_protocol_reaches_stdout(self):
        one = self.worker(
            client(
                """
                def generate_response(self, system, text, max_tokens, temperature):
                    print("printed")
                    sys.stdout.write("no newline")
                    sys.stdout.buffer.write(b"bytes")
                    sys.__stdout__.write("the first stdout")
                    os.write(1, b"descriptor 1")
                    os.system("echo from a child")
                    subprocess.run(["sh", "-c", "echo to 1; echo to 2 >&2; cat"], check=True)
                    logging.getLogger("acme").info("logged")
                    logging.getLogger("acme").debug("not logged")
                    warnings.warn("warned")
                    return repr(sys.stdin.read()) + repr(os.read(0, 5))

                def count_tokens(self, text):
                    return input()
                """,
                head="import logging, os, subprocess, sys, warnings\nprint('at import')",
            )
        )
        self.assertEqual(one.generate("acme")[0], "''b''")
        self.assertEqual(one.ask("tokens/count", model="acme", messages=[user("x")])["exact"], False)
        self.assertEqual(one.close(), 0)
        self.assertEqual(one.stray, [])
        log = one.log()
        for line in ("at import", "printed", "no newline", "bytes", "the first stdout", "descriptor 1", "from a child",
                     "to 1", "to 2", "INFO acme: logged", "warned", "count_tokens of acme is not used"):
            self.assertIn(line, log)
        self.assertNotIn("not logged", log)

    def test_the_pipe_is_not_inherited(self):
        one = self.worker(
            client(
                """
                def generate_response(self, a, b, c, d):
                    found = subprocess.run(["ls", "/proc/self/fd"], capture_output=True, text=True).stdout.split()
                    if os.fork() == 0:
                        time.sleep(60)
                        os._exit(0)
                    return str(sorted(int(number) for number in found))
                """,
                head="import os, subprocess, time",
            )
        )
        if not os.path.isdir("/proc/self/fd"):
            self.skipTest("no /proc")
        self.assertEqual(one.generate("acme")[0], "[0, 1, 2, 3]")  # 3 is the folder that ls reads
        # A forked child does not hold the host's end open: stdout ends with the worker.
        one.process.kill()
        one.reader.join(3)
        self.assertFalse(one.reader.is_alive())
        os.killpg(one.process.pid, 9)

    def test_a_forked_child_that_comes_back_is_ended(self):
        one = self.worker(
            client(
                """
                def generate_response(self, how, b, c, d):
                    if how == "async":
                        return self.later()
                    if how == "stream":
                        return self.pieces()
                    child = os.fork()
                    return f"child {child}"

                def pieces(self):
                    yield "one "
                    child = os.fork()
                    yield f"child {child}"

                async def later(self):
                    child = os.fork()
                    return f"child {child}"
                """,
                head="import os",
            )
        )
        for how in ("plain", "stream", "async"):
            with self.subTest(how):
                text = one.generate("acme", system=how)[0]
                self.assertNotIn("child 0", text)
                child = int(text.rpartition(" ")[2])
                end = time.monotonic() + 5
                while _lives(child) and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertFalse(_lives(child), "the child is still there")
                self.assertIn("a process that it forked", one.log())
        self.assertEqual(one.stray, [])
        self.assertIn("child", one.generate("acme")[0])

    def test_odd_text(self):
        one = self.worker(
            client(
                r"""
                def generate_response(self, system, text, max_tokens, temperature):
                    if system == "whole":
                        return "nul \0 lone \ud800 pair \ud83d\ude00 é 日本 \u2028 \" \\ \n"
                    return iter(["nul \0 ", "lone \ud800 ", "pair \ud83d\ude00 ", "é 日本 \u2028 \" \\ \n"])
                """
            )
        )
        expected = 'nul \0 lone \ufffd pair 😀 é 日本 \u2028 " \\ \n'
        self.assertEqual(one.generate("acme", system="whole")[0], expected)
        self.assertEqual(one.generate("acme")[0], expected)
        self.assertEqual(one.stray, [])


def _lives(process):
    try:
        os.kill(process, 0)
    except OSError:
        return False
    try:
        with open(f"/proc/{process}/stat") as opened:
            return opened.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


if __name__ == "__main__":
    unittest.main()
