"""What exceptions are taken for, without any library that raises them."""

import email.utils
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from consort_worker.explain import explain
from consort_worker.failures import failure_of


class Response:
    def __init__(self, status_code, headers=None):
        self.status_code = status_code
        self.headers = headers or {}


class HTTPStatusError(Exception):
    def __init__(self, said, status, headers=None):
        super().__init__(said)
        self.response = Response(status, headers)


class Explaining(unittest.TestCase):
    def kind(self, error):
        return explain(error).kind

    def test_statuses_wherever_they_stand(self):
        for status, kind in ((401, "auth"), (402, "quota"), (403, "permission"), (404, "model_not_found"), (408, "timeout"),
                             (413, "context_length"), (422, "invalid_request"), (429, "rate_limit"), (500, "server"),
                             (502, "server"), (503, "overloaded"), (504, "timeout"), (529, "overloaded")):
            self.assertEqual(self.kind(HTTPStatusError("x", status)), kind)
            for name in ("status_code", "status", "code"):
                error = Exception("x")
                setattr(error, name, status)
                self.assertEqual(self.kind(error), kind, name)
        error = Exception("x")
        error.code = 3  # an exit code is no status
        self.assertEqual(self.kind(error), "plugin_bug")

    def test_wording(self):
        for said, kind in (
            ("This model's maximum context length is 8192 tokens", "context_length"),
            ("context_length_exceeded", "context_length"),
            ("prompt is too long: 210000 tokens > 200000 maximum", "context_length"),
            ("The input token count (1048577) exceeds the maximum number of tokens allowed", "context_length"),
            ("The response was filtered due to the prompt triggering content management policy", "content_filter"),
            ("You exceeded your current quota, please check your plan", "quota"),
            ("Your credit balance is too low to access the API", "quota"),
        ):
            self.assertEqual(self.kind(HTTPStatusError(said, 400)), kind, said)
            self.assertEqual(self.kind(RuntimeError(said)), kind, said)
        for said, kind in (("Rate limit reached", "rate_limit"), ("Incorrect API key provided", "auth"),
                           ("the server is overloaded", "overloaded"), ("it broke", "plugin_bug")):
            self.assertEqual(self.kind(RuntimeError(said)), kind, said)
        self.assertEqual(self.kind(KeyError("rate limit")), "plugin_bug")  # a slip, whatever its words

    def test_network(self):
        import socket
        import ssl
        import urllib.error

        self.assertEqual(self.kind(ConnectionRefusedError(111, "refused")), "network")
        self.assertEqual(self.kind(socket.gaierror(-2, "unknown name")), "network")
        self.assertEqual(self.kind(ssl.SSLError("bad")), "network")
        self.assertEqual(self.kind(urllib.error.URLError("x")), "network")
        self.assertEqual(
            self.kind(urllib.error.HTTPError("http://x", 429, "slow", {"Retry-After": "3"}, None)), "rate_limit"
        )
        self.assertEqual(self.kind(TimeoutError()), "timeout")
        self.assertEqual(self.kind(FileNotFoundError(2, "x")), "plugin_bug")
        for name, kind in (("ReadTimeout", "timeout"), ("ConnectError", "network"), ("APIConnectionError", "network")):
            base = {"ReadTimeout": "TimeoutException", "ConnectError": "TransportError"}.get(name, "Exception")
            parent = type(base, (Exception,), {}) if base != "Exception" else Exception
            self.assertEqual(self.kind(type(name, (parent,), {})("x")), kind)

    def test_wrappers_are_looked_through(self):
        def wrapped(outer, explicit):
            try:
                try:
                    raise HTTPStatusError("slow down", 429, {"retry-after": "2"})
                except HTTPStatusError as inner:
                    if explicit:
                        raise outer from inner
                    raise outer
            except Exception as error:
                return explain(error)

        for explicit in (True, False):
            failure = wrapped(RuntimeError("Could not answer"), explicit)
            self.assertEqual((failure.kind, failure.message), ("rate_limit", "Could not answer"))
            self.assertEqual((failure.data["status"], failure.data["retryAfterMs"]), (429, 2000))
        self.assertEqual(wrapped(AttributeError("x"), False).kind, "plugin_bug")

    def test_retry_after(self):
        date = email.utils.formatdate(time.time() + 30, usegmt=True)
        for headers, expected in (
            ({"Retry-After": "12"}, 12000), ({"retry-after": "0.5"}, 500), ({"Retry-After-Ms": "250"}, 250),
            ({"x-ms-retry-after-ms": "9"}, 9), ({"Retry-After": "soon"}, None), ({"Retry-After": "-3"}, 0), ({}, None),
        ):
            self.assertEqual(explain(HTTPStatusError("x", 429, headers)).data.get("retryAfterMs"), expected, headers)
        self.assertAlmostEqual(
            explain(HTTPStatusError("x", 503, {"Retry-After": date})).data["retryAfterMs"], 30000, delta=2500
        )

    def test_model_errors_of_llm(self):
        model_error = type("ModelError", (Exception,), {})
        self.assertEqual(self.kind(model_error("no such voice")), "invalid_request")
        self.assertEqual(self.kind(model_error("401: Unauthorized - x")), "auth")
        try:
            raise model_error("x") from HTTPStatusError("y", 503)
        except model_error as error:
            self.assertEqual(self.kind(error), "overloaded")
        error = Exception("An error occurred (ThrottlingException)")
        error.response = {"ResponseMetadata": {"HTTPStatusCode": 429}}
        self.assertEqual(self.kind(error), "rate_limit")

    def test_secrets_and_odd_exceptions(self):
        failure = failure_of(RuntimeError("key sk-12345678 refused"), ["sk-12345678", ""])
        self.assertEqual(failure.message, "RuntimeError: key ••• refused")
        self.assertNotIn("sk-12345678", failure.data["traceback"])

        class Mute(Exception):
            def __str__(self):
                raise ValueError("no text")

        self.assertEqual(self.kind(Mute()), "plugin_bug")
        self.assertLess(len(explain(RuntimeError("x" * 100000)).message), 2200)


if __name__ == "__main__":
    unittest.main()
