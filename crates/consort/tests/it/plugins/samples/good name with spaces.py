"""Its name has blanks, and nothing is wrong with it."""
from llm_utils import LLMClient


class Good(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return "blanks are no problem"

    def count_tokens(self, text):
        return 1
