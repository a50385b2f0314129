"""Keeps something on itself."""
from llm_utils import LLMClient


class Stateful(LLMClient):
    def __init__(self):
        self.calls = 0

    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        self.calls += 1
        return f"call {self.calls}"

    def count_tokens(self, text):
        return 1
