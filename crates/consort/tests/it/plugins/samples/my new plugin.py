"""Its name has blanks, and line 6 is no Python."""
from llm_utils import LLMClient


class Spaced(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096 temperature=0.8):
        return "never"
