"""The worker that runs one Python plugin and speaks Consort's plugin protocol."""

PROTOCOL = 1
