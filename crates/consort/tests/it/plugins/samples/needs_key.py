"""Cannot be made without a key."""
import os

from llm_utils import LLMClient


class NeedsKey(LLMClient):
    def __init__(self):
        self.key = os.environ.get("NEEDS_KEY_API_KEY")
        if not self.key:
            raise RuntimeError("NEEDS_KEY_API_KEY is not set")

    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        print("the key is", self.key)
        return f"unlocked by {len(self.key)} characters"

    def count_tokens(self, text):
        return len(text) // 4
