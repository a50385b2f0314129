"""Providers of bruno: classes that derive from `bruno_core.interfaces.LLMInterface`, and wrappers around them."""
