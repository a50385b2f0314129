"""The drop-in chat client: a file with a class that derives from `llm_utils.LLMClient`."""
