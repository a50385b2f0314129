"""Lacks one of the two methods."""
from llm_utils import LLMClient


class Half(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return "half a plugin answers"
