"""A stand-in for vision-agents, brought by Consort: what a model written from its guides needs, and no more."""
