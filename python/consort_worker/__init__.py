"""The worker that runs one Python plugin and speaks Consort's plugin protocol."""

VERSION = "0.1.0"
PROTOCOL = 1
