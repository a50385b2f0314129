"""Two models that share a helper."""
from llm_utils import LLMClient


class Shared(LLMClient):
    def count_tokens(self, text):
        return 7


class Zed(Shared):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return "this is zed"


class Alpha(Shared):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return "this is alpha"
