"""Plugins of `llm`: a file with `@llm.hookimpl`, or an installed package, run with the real `llm` of this Python."""
