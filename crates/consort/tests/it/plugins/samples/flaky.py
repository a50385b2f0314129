"""Counts, and never answers."""
from llm_utils import LLMClient


class Flaky(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        raise ConnectionError("upstream 503: try again later")

    def count_tokens(self, text):
        return max(1, len(text) // 4)
