"""Its parameters have names of its own: it must be called by position."""
from llm_utils import LLMClient


class Positional(LLMClient):
    def generate_response(self, role, talk, most, heat):
        return f"{most}/{heat}/{talk[-5:]}"

    def count_tokens(self, it):
        return len(it)
