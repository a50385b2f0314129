"""Models of Vision Agents: classes that derive from its `LLM` or `Realtime`, in the three forms of that contract."""
